"""The constants of the Lotka–Volterra equations, from counted prey and predators."""

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import pinn


@pinn.register
def lotka_volterra_inverse(
    alpha: float = 1.3,
    beta: float = 0.9,
    gamma: float = 1.8,
    delta: float = 0.8,
    x: float = 0.44249,
    y: float = 4.6281,
    count: int = 31,
    noise: float = 0.05,
    seed: int = 0,
    end: float = 6.0,
) -> pinn.Problem:
    """Prey x and predators y whose rates and numbers at the start are unknown.

        ẋ = α x − β x y        ẏ = δ x y − γ y

    | unknown                  | truth is the parameter    | guess                          |
    |--------------------------|---------------------------|--------------------------------|
    | α, β, γ and δ, positive  | alpha, beta, gamma, delta | none: the equations are linear |
    | x(0) and y(0), positive  | x, y                      | none: smoothed data            |

    | law            | quantity                                  |
    |----------------|-------------------------------------------|
    | first integral | volterra V = δ x − γ ln x + β y − α ln y  |

    The data are `count` pairs at equal steps in time with normal noise of standard deviation
    `noise`, drawn from `seed` about an integration to 1e-12.

    Expected behaviour: the four rates to 1 or 2 %; V is conserved whatever they turn out to be.
    Good values: noise up to 0.2; an end of at least a period, 4.5 by default, or else the rates are
    told one by one only where the orbit bends.

    Source: Lotka, Elements of Physical Biology (1925); these constants: Rackauckas et al. (2020),
    arXiv:2001.04385.
    """

    def rate(t, z):
        return (alpha - beta * z[1]) * z[0], (delta * z[0] - gamma) * z[1]

    times = np.linspace(0.0, end, count)
    truth = solve_ivp(rate, (0.0, end), (x, y), "DOP853", times, rtol=1e-12, atol=1e-12).y
    counted = truth + noise * np.random.default_rng(seed).normal(size=truth.shape)

    def residual(j):
        return {
            "x": j.x_t - (j.alpha - j.beta * j.y) * j.x,
            "y": j.y_t - (j.delta * j.x - j.gamma) * j.y,
        }

    def volterra(j):
        return j.delta * j.x - j.gamma * jnp.log(j.x) + j.beta * j.y - j.alpha * jnp.log(j.y)

    rates = ("alpha", "beta", "gamma", "delta")
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"x": (), "y": ()},
        residual=residual,
        unknowns={name: pinn.Unknown(lower=0.0) for name in rates},
        initial={"x": pinn.Unknown(lower=0.0), "y": pinn.Unknown(lower=0.0)},
        conserved={"volterra": volterra},
        data=[pinn.Data({"t": times}, {"x": counted[0], "y": counted[1]}, noise)],
    )
