"""The Helmholtz equation on a square."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def helmholtz(wavenumber: float = 1.0, first: int = 1, second: int = 4) -> pinn.Problem:
    """A forced standing wave, four times as fine in one direction as in the other.

        Δu + k² u = f,        u = 0 on the edge of −1 ≤ x, y ≤ 1

    The force f = (k² − (a₁² + a₂²)π²) u belongs to the solution u = sin(a₁πx) sin(a₂πy).

    | law      | flux                                 | source               |
    |----------|--------------------------------------|----------------------|
    | mass     | ∇u, leaks                            | f − k²u              |
    | energy   | u ∇u                                 | |∇u|² − k²u² + f u   |
    | momentum | ∇u ∇uᵀ − ½(|∇u|² − k²u²) 1, leaks    | f ∇u                 |

    Expected behaviour: the rows of the equation are two orders larger than those of the edge; a
    network with free weights between them fits one and misses the other.
    Good values: first 1 and second 4 are the published ones; keep k² away from the eigenvalues
    ¼π²(m² + n²) of the square.

    Source: Wang, Teng and Perdikaris (2021), doi:10.1137/20M1318043.
    """
    a, b = first * math.pi, second * math.pi

    def force(j):
        return (wavenumber**2 - a**2 - b**2) * jnp.sin(a * j.x) * jnp.sin(b * j.y)

    def residual(j):
        return j.u_xx + j.u_yy + wavenumber**2 * j.u - force(j)

    def gradient(j):
        return jnp.stack([j.u_x, j.u_y])

    def excess(j):
        return gradient(j) @ gradient(j) - wavenumber**2 * j.u**2

    def stress(j):
        return jnp.outer(gradient(j), gradient(j)) - 0.5 * excess(j) * jnp.eye(2)

    def law(flux, source=None, shape=()):
        along = {c: lambda j, i=i: flux(j)[i] for i, c in enumerate("xy")}
        return pinn.Balance(lambda j: jnp.zeros(shape), source, along)

    return pinn.Problem(
        axes={"x": pinn.Interval(-1.0, 1.0), "y": pinn.Interval(-1.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
        conserved={
            "mass": law(gradient, lambda j: force(j) - wavenumber**2 * j.u),
            "energy": law(lambda j: j.u * gradient(j), lambda j: excess(j) + force(j) * j.u),
            "momentum": law(stress, lambda j: force(j) * gradient(j), (2,)),
        },
        exact=lambda x, y: {"u": jnp.sin(a * x) * jnp.sin(b * y)},
    )
