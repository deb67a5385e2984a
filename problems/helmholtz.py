"""The Helmholtz equation on a square."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def helmholtz(wavenumber: float = 1.0, first: int = 1, second: int = 4) -> pinn.Problem:
    """A forced standing wave, four times as fine in one direction as in the other.

        Δu + k² u = f,        u = 0 on the edge of −1 ≤ x, y ≤ 1

    The force f = (k² − (a₁² + a₂²)π²) u belongs to the solution u = sin(a₁πx) sin(a₂πy).

    Expected behaviour: the rows of the equation are two orders larger than those of the edge; a
    network with free weights between them fits one and misses the other.
    Good values: first 1 and second 4 are the published ones; keep k² away from the eigenvalues
    ¼π²(m² + n²) of the square.

    Source: Wang, Teng and Perdikaris (2021), doi:10.1137/20M1318043.
    """
    a, b = first * math.pi, second * math.pi

    def residual(j):
        force = (wavenumber**2 - a**2 - b**2) * jnp.sin(a * j.x) * jnp.sin(b * j.y)
        return j.u_xx + j.u_yy + wavenumber**2 * j.u - force

    return pinn.Problem(
        axes={"x": pinn.Interval(-1.0, 1.0), "y": pinn.Interval(-1.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
        exact=lambda x, y: {"u": jnp.sin(a * x) * jnp.sin(b * y)},
    )
