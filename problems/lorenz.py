"""The Lorenz equations."""

import jax.numpy as jnp

import pinn


@pinn.register
def lorenz(
    sigma: float = 10.0, rho: float = 28.0, beta: float = 8.0 / 3.0, end: float = 5.0
) -> pinn.Problem:
    """Three modes of convection in a fluid layer that is heated from below.

        ẋ = σ (y − x)        ẏ = x (ρ − z) − y        ż = x y − β z

    The field u is (x, y, z).

    No charge: volumes in phase space shrink at the constant rate div u̇ = −(σ + 1 + β), 13.7 by
    default, onto an attractor of volume zero, so there is nothing to keep.

    Expected behaviour: two circuits, left and right of the z-axis, in an order that soon depends on
    every digit of the start: errors grow as e^{0.9 t} on average. A test of causality and of
    windows in time, not of conservation.
    Good values: end up to 5 for training; in double precision two methods part near t = 35.

    Source: Lorenz (1963), doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2.
    """

    def residual(j):
        x, y, z = j.u
        return j.u_t - jnp.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"u": (3,)},
        residual=residual,
        initial={"u": (1.0, 1.0, 1.0)},
    )
