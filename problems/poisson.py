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

    Expected behaviour: networks find the large scale first and the small ones last, though these
    dominate the equation, f_k ∝ k.
    Good values: scales (1,) for a first try, (1, 4), (4, 8, 12, 16) for a hard one.

    Source: Wang, Wang and Perdikaris, On the eigenvector bias of Fourier feature networks (2021),
    doi:10.1016/j.cma.2021.113938.
    """

    def mode(k, x, y):
        return jnp.sin(k * math.pi * x) * jnp.sin(k * math.pi * y) / k

    def residual(j):
        source = sum(2.0 * (k * math.pi) ** 2 * mode(float(k), j.x, j.y) for k in scales)
        return -j.u_xx - j.u_yy - source

    return pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0), "y": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
        exact=lambda x, y: {"u": sum(mode(float(k), x, y) for k in scales)},
    )
