"""All constants of the Lorenz equations, from measured states."""

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import pinn


@pinn.register
def lorenz_inverse(
    sigma: float = 10.0,
    rho: float = 28.0,
    beta: float = 8.0 / 3.0,
    u: tuple[float, float, float] = (-8.0, 7.0, 27.0),
    count: int = 300,
    noise: float = 0.5,
    seed: int = 0,
    end: float = 3.0,
) -> pinn.Problem:
    """A chaotic flow whose three constants and start are unknown.

        ẋ = σ (y − x)        ẏ = x (ρ − z) − y        ż = x y − β z

    The field u is (x, y, z).

    | unknown      | truth is the parameter | guess                          |
    |--------------|------------------------|--------------------------------|
    | σ, ρ and β   | sigma, rho, beta       | none: the equations are linear |
    | u(0)         | u                      | none: smoothed data            |

    The data are `count` states at equal steps in time with normal noise of standard deviation
    `noise`, drawn from `seed` about an integration to 1e-12. No law is known.

    Expected behaviour: σ to 0.6 %, ρ to 0.1 %, β to 0.2 %. A search that integrates from a wrong
    guess fails, for errors grow as e^{0.9 t}: what is needed is a start at a smoothing of the data.
    Good values: end up to 5; noise up to 1; 25 states do without noise.

    Source: Lorenz (1963), doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2; as an inverse problem:
    Lu et al. (2021), doi:10.1137/19M1274067, section 4.4.
    """

    def rate(t, y):
        return sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]

    times = np.linspace(0.0, end, count)
    truth = solve_ivp(rate, (0.0, end), u, "DOP853", times, rtol=1e-12, atol=1e-12).y.T
    states = truth + noise * np.random.default_rng(seed).normal(size=truth.shape)

    def residual(j):
        x, y, z = j.u
        change = j.sigma * (y - x), x * (j.rho - z) - y, x * y - j.beta * z
        return j.u_t - jnp.stack(change)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"u": (3,)},
        residual=residual,
        unknowns={name: pinn.Unknown() for name in ("sigma", "rho", "beta")},
        initial={"u": pinn.Unknown()},
        data=[pinn.Data({"t": times}, {"u": states}, noise if noise else None)],
    )
