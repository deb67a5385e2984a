"""Poisson's equation on a square."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def poisson(scales: tuple[int, ...] = (1, 4)) -> pinn.Problem:
    """A potential with structure on several scales at once.

        −Δu = f,        u = 0 on the edge of the unit square

    The source f = Σ 2k²π² u_k belongs to the solution u = Σ u_k with u_k = sin(kπx) sin(kπy)/k,
    one term for each k in `scales`.

    | law      | flux                        | source       |
    |----------|-----------------------------|--------------|
    | charge   | −∇u, leaks                  | f            |
    | energy   | −u ∇u                       | f u − |∇u|²  |
    | momentum | ∇u ∇uᵀ − ½|∇u|² 1, leaks    | −f ∇u        |

    The first is Gauss's law, the second ∫|∇u|² = ∫f u, the third the force of Maxwell's stress.

    Expected behaviour: networks find the large scale first and the small ones last, though these
    dominate the equation, f_k ∝ k.
    Good values: scales (1,) for a first try, (1, 4), (4, 8, 12, 16) for a hard one.

    Source: Wang, Wang and Perdikaris, On the eigenvector bias of Fourier feature networks (2021),
    doi:10.1016/j.cma.2021.113938.
    """

    def mode(k, x, y):
        return jnp.sin(k * math.pi * x) * jnp.sin(k * math.pi * y) / k

    def source(j):
        return sum(2.0 * (k * math.pi) ** 2 * mode(float(k), j.x, j.y) for k in scales)

    def residual(j):
        return -j.u_xx - j.u_yy - source(j)

    def gradient(j):
        return jnp.stack([j.u_x, j.u_y])

    def stress(j):
        pressure = 0.5 * gradient(j) @ gradient(j)
        return jnp.outer(gradient(j), gradient(j)) - pressure * jnp.eye(2)

    def law(flux, source=None, shape=()):
        along = {c: lambda j, i=i: flux(j)[i] for i, c in enumerate("xy")}
        return pinn.Balance(lambda j: jnp.zeros(shape), source, along)

    return pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0), "y": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
        conserved={
            "charge": law(lambda j: -gradient(j), source),
            "energy": law(
                lambda j: -j.u * gradient(j),
                lambda j: source(j) * j.u - gradient(j) @ gradient(j),
            ),
            "momentum": law(stress, lambda j: -source(j) * gradient(j), (2,)),
        },
        exact=lambda x, y: {"u": sum(mode(float(k), x, y) for k in scales)},
    )
