"""The mass of a star, from noisy places of its planet."""

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import pinn
from pinn import symmetry


@pinn.register
def kepler_inverse(
    mu: float = 1.0,
    q: tuple[float, float] = (0.5, 0.0),
    q_t: tuple[float, float] = (0.0, 1.7320508075688772),
    count: int = 40,
    noise: float = 0.02,
    seed: int = 0,
    end: float = 9.0,
) -> pinn.Problem:
    """A planet about a fixed centre of unknown mass, on an unknown orbit.

        L = ½ q̇² + μ/|q|        q̈ = −μ q/|q|³

    | unknown         | truth is the parameter | guess                        |
    |-----------------|------------------------|------------------------------|
    | μ, positive     | mu                     | none: the equation is linear |
    | q(0) and q̇(0)   | q, q_t                 | none: smoothed data          |

    | symmetry         | charge                                   |
    |------------------|------------------------------------------|
    | time translation | energy E = ½ q̇² − μ/|q|                  |
    | rotation         | angular momentum L = q₁ q̇₂ − q₂ q̇₁       |

    The data are `count` places at equal steps in time with normal noise of standard deviation
    `noise` in each component, drawn from `seed` about an integration to 1e-12. By default the orbit
    has the eccentricity ½, semi-major axis 1 and period 2π.

    Expected behaviour: μ to about 1 %, and both laws whatever it is. Period and semi-major axis a
    are told best, and with them μ = 4π² a³/T².
    Good values: noise up to 0.1; starts that are bound, ½ q̇² < μ/|q|, and an end of more than a
    period.

    Source: Gauss, Theoria motus corporum coelestium (1809), which invented least squares for this.
    """

    def rate(t, y):
        return *y[2:], *(-mu * y[:2] / np.hypot(*y[:2]) ** 3)

    times = end * np.arange(1, count + 1) / count
    truth = solve_ivp(rate, (0.0, end), (*q, *q_t), "DOP853", times, rtol=1e-12, atol=1e-12).y[:2].T
    places = truth + noise * np.random.default_rng(seed).normal(size=truth.shape)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": (2,)},
        lagrangian=lambda j: 0.5 * j.q_t @ j.q_t + j.mu / jnp.linalg.norm(j.q),
        unknowns={"mu": pinn.Unknown(lower=0.0)},
        initial={"q": pinn.Unknown(), "q_t": pinn.Unknown()},
        symmetries=[symmetry.time_translation(), symmetry.rotation("q")],
        data=[pinn.Data({"t": times}, {"q": places}, noise)],
    )
