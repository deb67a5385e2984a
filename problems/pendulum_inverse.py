"""The length and the friction of a pendulum, from measured angles."""

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import pinn
from pinn import symmetry


@pinn.register
def pendulum_inverse(
    omega2: float = 1.0,
    friction: float = 0.1,
    theta: float = 2.0,
    theta_t: float = 0.0,
    count: int = 60,
    noise: float = 0.1,
    seed: int = 0,
    end: float = 10.0,
) -> pinn.Problem:
    """A pendulum of unknown length and friction, released in an unknown way, seen by a camera.

        L = ½ θ̇² + ω² cos θ,    R = ½ b θ̇²        θ̈ = −ω² sin θ − b θ̇,    ω² = g/ℓ

    | unknown            | truth is the parameter | guess                          |
    |--------------------|------------------------|--------------------------------|
    | ω² and b, positive | omega2, friction       | none: the equation is linear   |
    | θ(0) and θ̇(0)      | theta, theta_t         | none: smoothed data            |

    | symmetry         | charge                                            |
    |------------------|---------------------------------------------------|
    | time translation | energy E = ½ θ̇² − ω² cos θ, which loses b θ̇²      |

    The data are `count` angles at equal steps in time with normal noise of standard deviation
    `noise`, drawn from `seed` about an integration to 1e-12.

    Expected behaviour: ω² to 1 %, b to 8 %, θ(0) and θ̇(0) to 0.05; the energy's law holds for
    every value of ω² and b.
    Good values: theta below 3; noise up to 0.3; an end of at least one period, 2π/ω for a small
    swing.

    Source: Strogatz, Nonlinear Dynamics and Chaos (2015), section 6.7; least squares for constants
    of differential equations: Bard, Nonlinear Parameter Estimation (1974).
    """

    def rate(t, y):
        return y[1], -omega2 * np.sin(y[0]) - friction * y[1]

    times = end * np.arange(1, count + 1) / count
    truth = solve_ivp(rate, (0.0, end), (theta, theta_t), "DOP853", times, rtol=1e-12, atol=1e-12)
    angles = truth.y[0] + noise * np.random.default_rng(seed).normal(size=count)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"theta": ()},
        lagrangian=lambda j: 0.5 * j.theta_t**2 + j.omega2 * jnp.cos(j.theta),
        dissipation=lambda j: 0.5 * j.friction * j.theta_t**2,
        unknowns={"omega2": pinn.Unknown(lower=0.0), "friction": pinn.Unknown(lower=0.0)},
        initial={"theta": pinn.Unknown(), "theta_t": pinn.Unknown()},
        symmetries=[symmetry.time_translation()],
        data=[pinn.Data({"t": times}, {"theta": angles}, noise)],
    )
