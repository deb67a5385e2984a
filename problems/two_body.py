"""The two-body problem."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def two_body(
    masses: tuple[float, float] = (1.0, 0.5), eccentricity: float = 0.3, drift: float = 0.2
) -> pinn.Problem:
    """Two gravitating bodies around a centre of mass that drifts along x.

        L = ½ m₁|q̇₁|² + ½ m₂|q̇₂|² + m₁m₂/r        r = q₁ − q₂,   r̈ = −M r/r³,   M = m₁ + m₂

    The field q holds one body a row. G = 1; the relative orbit is an ellipse of semi-major axis 1,
    and the run lasts one period 2π/√M from the pericentre.

    | symmetry              | charge                                                     |
    |-----------------------|------------------------------------------------------------|
    | time translation      | energy E                                                   |
    | translation           | momentum P = Σ m_a q̇_a                                     |
    | rotation              | angular momentum ℓ = Σ m_a (x_a ẏ_a − y_a ẋ_a)             |
    | uniform motion, η = t | boost t P − Σ m_a q_a                                      |
    | hidden                | Laplace–Runge–Lenz A = |ṙ|² r − (r·ṙ) ṙ − M r/r            |
    | scaling (broken)      | virial, (3t/2) (−E) + Σ m_a q_a·q̇_a, which grows by ½ L    |

    Expected behaviour: two similar ellipses around a moving focus. P and the boost are linear, so
    they cost a method little; the rest is the Kepler problem.
    Good values: eccentricity 0 to 0.8, any ratio of masses.

    Source: Goldstein, Classical Mechanics (2002), sections 3.1 to 3.9.
    """
    m1, m2 = masses
    total = m1 + m2
    root = math.sqrt(total)
    fastest = root * math.sqrt((1.0 + eccentricity) / (1.0 - eccentricity))
    shares = (m2 / total, -m1 / total)  # q_a = centre of mass + share_a r

    def lagrangian(j):
        kinetic = 0.5 * (m1 * j.q_t[0] @ j.q_t[0] + m2 * j.q_t[1] @ j.q_t[1])
        return kinetic + m1 * m2 / jnp.linalg.norm(j.q[0] - j.q[1])

    def laplace_runge_lenz(j):
        r, v = j.q[0] - j.q[1], j.q_t[0] - j.q_t[1]
        return (v @ v) * r - (r @ v) * v - total * r / jnp.linalg.norm(r)

    def exact(t):
        anomaly = root * t + eccentricity * jnp.sin(root * t)
        for _ in range(12):  # Newton's method for Kepler's equation
            excess = anomaly - eccentricity * jnp.sin(anomaly) - root * t
            anomaly = anomaly - excess / (1.0 - eccentricity * jnp.cos(anomaly))
        minor = math.sqrt(1.0 - eccentricity**2)
        r = jnp.stack([jnp.cos(anomaly) - eccentricity, minor * jnp.sin(anomaly)])
        centre = jnp.stack([drift * t, jnp.zeros_like(t)])
        return {"q": jnp.stack([centre + share * r for share in shares])}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 2.0 * math.pi / root)},
        fields={"q": (2, 2)},
        lagrangian=lagrangian,
        initial={
            "q": [((1.0 - eccentricity) * share, 0.0) for share in shares],
            "q_t": [(drift, fastest * share) for share in shares],
        },
        symmetries=[
            symmetry.time_translation(),
            symmetry.translation("q"),
            symmetry.rotation("q"),
            symmetry.boost("q", mass=masses),
            symmetry.from_charge("laplace_runge_lenz", laplace_runge_lenz),
            symmetry.scaling("q", time=1.5, balance=True),
        ],
        exact=exact,
    )
