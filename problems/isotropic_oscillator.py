"""The isotropic oscillator in the plane."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def isotropic_oscillator(
    omega: float = 1.0,
    position: tuple[float, float] = (1.0, 0.2),
    velocity: tuple[float, float] = (0.1, 0.6),
    periods: float = 2.0,
) -> pinn.Problem:
    """A unit mass on a spring that pulls the same way in every direction.

        L = ½ |q̇|² − ½ ω² |q|²        q̈ = −ω² q

    | symmetry            | charge                                              |
    |---------------------|-----------------------------------------------------|
    | time translation    | energy E = ½ |q̇|² + ½ ω² |q|²                       |
    | rotation            | angular momentum ℓ = x ẏ − y ẋ                      |
    | hidden, η = ∂A/∂p   | fradkin, A_ij = q̇_i q̇_j + ω² q_i q_j as (xx, xy, yy) |

    Of the five numbers three are independent: A_xx + A_yy = 2E and det A = ω² ℓ². The tensor holds
    the ellipse's axes, as the Laplace–Runge–Lenz vector does for Kepler.

    Expected behaviour: an ellipse about the origin, every orbit of period 2π/ω.
    Good values: periods up to 3.

    Source: Fradkin (1965), doi:10.1119/1.1971373.
    """

    def lagrangian(j):
        return 0.5 * j.q_t @ j.q_t - 0.5 * omega**2 * j.q @ j.q

    def fradkin(j):
        (x, y), (u, v) = omega * j.q, j.q_t
        return jnp.stack([u * u + x * x, u * v + x * y, v * v + y * y])

    def exact(t):
        swing, push = jnp.cos(omega * t), jnp.sin(omega * t) / omega
        return {"q": jnp.asarray(position) * swing + jnp.asarray(velocity) * push}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, periods * 2.0 * math.pi / omega)},
        fields={"q": (2,)},
        lagrangian=lagrangian,
        initial={"q": position, "q_t": velocity},
        symmetries=[
            symmetry.time_translation(),
            symmetry.rotation("q"),
            symmetry.from_charge("fradkin", fradkin),
        ],
        exact=exact,
    )
