"""The Allen–Cahn equation."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def allen_cahn(diffusion: float = 1e-4, rate: float = 5.0, end: float = 1.0) -> pinn.Problem:
    """Two phases that separate.

        u_t = D u_xx − r(u³ − u),        u(0, x) = x² cos πx,        −1 ≤ x ≤ 1, periodic

    It descends the free energy F = ∫ ½D u_x² + ¼r(1 − u²)² dx, u_t = −δF/δu.

    | law         | density                 | flux        | rate of change |
    |-------------|-------------------------|-------------|----------------|
    | free energy | ½D u_x² + ¼r(1 − u²)²   | −D u_t u_x  | −u_t²          |

    Expected behaviour: u tends to ±1 within t ≈ 1/r, with fronts of width (D/r)^½ = 0.004 between
    the phases. On the circle of the published setting the initial slope jumps from −2 to 2 at
    x = ±1; diffusion smooths the corner at once.
    Good values: diffusion from 1e-4 (hard) to 1e-2 (easy); rate from 1 to 5.

    Source: Raissi, Perdikaris and Karniadakis (2019), doi:10.1016/j.jcp.2018.10.045; the equation:
    Allen and Cahn (1979), doi:10.1016/0001-6160(79)90196-2.
    """

    def residual(j):
        return j.u_t - diffusion * j.u_xx + rate * (j.u**3 - j.u)

    def free_energy(j):
        return 0.5 * diffusion * j.u_x**2 + 0.25 * rate * (1.0 - j.u**2) ** 2

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-1.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: x**2 * jnp.cos(math.pi * x)},
        conserved={"free_energy": pinn.Balance(free_energy, lambda j: -(j.u_t**2))},
    )
