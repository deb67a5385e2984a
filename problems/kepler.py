"""The Kepler problem."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def kepler(eccentricity: float = 0.5, mu: float = 1.0, periods: float = 1.0) -> pinn.Problem:
    """One body in an inverse-square central force.

        L = ½ |q̇|² + μ/|q|        q̈ = −μ q/|q|³

    The orbit is an ellipse of semi-major axis 1 with one focus at the origin; it starts at the
    pericentre and takes T = 2π/√μ.

    | symmetry                    | charge                                              |
    |-----------------------------|-----------------------------------------------------|
    | time translation            | energy E = ½|q̇|² − μ/|q| = −μ/2                     |
    | rotation                    | angular momentum ℓ = x ẏ − y ẋ = √(μ(1 − e²))        |
    | hidden, η = ∂A/∂p           | Laplace–Runge–Lenz A = |q̇|² q − (q·q̇) q̇ − μ q/|q|  |

    Of the four numbers three are independent: |A|² = μ² + 2Eℓ².

    Expected behaviour: a fast swing past the focus and a slow return; errors grow with time
    linearly where energy is kept, quadratically where it drifts.
    Good values: eccentricity 0 to 0.9; the time scale at the pericentre is (1 − e)^{3/2} T.

    Source: Goldstein, Classical Mechanics (2002), sections 3.7 to 3.9; the generator of A:
    Lévy-Leblond (1971), doi:10.1119/1.1986202.
    """
    speed = math.sqrt(mu * (1.0 + eccentricity) / (1.0 - eccentricity))
    period = 2.0 * math.pi / math.sqrt(mu)

    def lagrangian(j):
        return 0.5 * j.q_t @ j.q_t + mu / jnp.linalg.norm(j.q)

    def laplace_runge_lenz(j):
        q, v = j.q, j.q_t
        return (v @ v) * q - (q @ v) * v - mu * q / jnp.linalg.norm(q)

    def exact(t):
        mean = math.sqrt(mu) * t
        anomaly = mean + eccentricity * jnp.sin(mean)
        for _ in range(12):  # Newton's method for Kepler's equation E − e sin E = M
            excess = anomaly - eccentricity * jnp.sin(anomaly) - mean
            anomaly = anomaly - excess / (1.0 - eccentricity * jnp.cos(anomaly))
        minor = math.sqrt(1.0 - eccentricity**2)
        return {"q": jnp.stack([jnp.cos(anomaly) - eccentricity, minor * jnp.sin(anomaly)])}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, periods * period)},
        fields={"q": (2,)},
        lagrangian=lagrangian,
        initial={"q": (1.0 - eccentricity, 0.0), "q_t": (0.0, speed)},
        symmetries=[
            symmetry.time_translation(),
            symmetry.rotation("q"),
            symmetry.from_charge("laplace_runge_lenz", laplace_runge_lenz),
        ],
        exact=exact,
    )
