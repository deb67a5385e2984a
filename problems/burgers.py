"""Burgers' equation."""

import math

import jax
import jax.numpy as jnp
import numpy as np

import pinn


@pinn.register
def burgers(nu: float = 0.01 / math.pi, end: float = 1.0) -> pinn.Problem:
    """A wave that steepens until viscosity stops it.

        u_t + u u_x = ν u_xx,        u(0, x) = −sin πx,        −1 ≤ x ≤ 1, periodic

    The solution is odd, so that it is also the one between walls with u(t, ±1) = 0. By Cole's and
    Hopf's substitution u = −2ν φ_x/φ the heat equation carries φ = exp(−cos(πx)/2πν), and

        u(t, x) = −∫ sin(πy) φ(y) e^{−z²} dz / ∫ φ(y) e^{−z²} dz,        y = x − 2z√(νt).

    | law    | density | flux            | rate of change |
    |--------|---------|-----------------|----------------|
    | mass   | u       | ½u² − ν u_x     | 0              |
    | energy | ½u²     | ⅓u³ − ν u u_x   | −ν u_x²        |

    Expected behaviour: a shock forms at x = 0 near t = 1/π; for ν = 0.01/π its slope reaches −152
    at t = 0.51. The energy, ½ at the start, is lost there.
    Good values: nu from 0.001/π (hard) to 1 (easy).

    Source: Basdevant et al. (1986), doi:10.1016/0045-7930(86)90036-8; the closed form: Cole (1951),
    doi:10.1090/qam/42889, and Hopf (1950), doi:10.1002/cpa.3160030302.
    """
    reach = math.sqrt(1.0 / (math.pi * nu) + 40.0)  # beyond it the integrand is round-off
    nodes = np.arange(-math.ceil(10.0 * reach), math.ceil(10.0 * reach) + 1) / 10.0

    def residual(j):
        return j.u_t + j.u * j.u_x - nu * j.u_xx

    def start(x):
        return -jnp.sin(math.pi * x)

    def exact(t, x):
        early = t < 1e-8  # √t has no derivative at 0: there, one term of Taylor's series
        slope = math.pi * jnp.cos(math.pi * x) * start(x) - nu * math.pi**2 * start(x)
        spread = 2.0 * jnp.sqrt(nu * jnp.where(early, 1.0, t))
        y = x - spread * nodes
        weights = jax.nn.softmax(-jnp.cos(math.pi * y) / (2.0 * math.pi * nu) - nodes**2)
        return {"u": jnp.where(early, start(x) + t * slope, weights @ start(y))}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-1.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        initial={"u": start},
        conserved={
            "mass": lambda j: j.u,
            "energy": pinn.Balance(lambda j: 0.5 * j.u**2, lambda j: -nu * j.u_x**2),
        },
        scales={"mass": 4.0 / math.pi},
        exact=exact,
    )
