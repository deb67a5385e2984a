"""The double pendulum."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def double_pendulum(
    angles: tuple[float, float] = (math.pi / 2, math.pi / 2),
    masses: tuple[float, float] = (1.0, 1.0),
    lengths: tuple[float, float] = (1.0, 1.0),
    gravity: float = 9.81,
    end: float = 5.0,
) -> pinn.Problem:
    """Two rigid pendulums, the second hung from the bob of the first, released from rest.

        L = ½ m₁ |ṙ₁|² + ½ m₂ |ṙ₂|² − g (m₁ y₁ + m₂ y₂)
        r₁ = ℓ₁ (sin θ₁, −cos θ₁)        r₂ = r₁ + ℓ₂ (sin θ₂, −cos θ₂)

    The field theta holds both angles from the downward vertical.

    | symmetry         | charge                                                  |
    |------------------|---------------------------------------------------------|
    | time translation | energy E = ½ m₁|ṙ₁|² + ½ m₂|ṙ₂|² + g (m₁ y₁ + m₂ y₂)    |

    Without gravity both angles may turn together, and the angular momentum is kept too.

    Expected behaviour: released with both arms horizontal, a common classroom start, the lower arm
    lags, whips and never turns over before t = 5; errors in the state grow about twentyfold by
    then. Started at (2π/3, −π/18) instead, it turns over and they grow five hundredfold.
    Good values: angles below 0.3 give two coupled linear modes; above 1 the motion is chaotic, and
    beyond the horizon two methods differ by luck.

    Source: Shinbrot, Grebogi, Wisdom and Yorke (1992), doi:10.1119/1.16860.
    """
    (m1, m2), (l1, l2) = masses, lengths

    def lagrangian(j):
        (a, b), (u, v) = j.theta, j.theta_t
        kinetic = 0.5 * (m1 + m2) * (l1 * u) ** 2 + 0.5 * m2 * (l2 * v) ** 2
        kinetic = kinetic + m2 * l1 * l2 * u * v * jnp.cos(a - b)
        return kinetic + gravity * ((m1 + m2) * l1 * jnp.cos(a) + m2 * l2 * jnp.cos(b))

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"theta": (2,)},
        lagrangian=lagrangian,
        initial={"theta": angles, "theta_t": (0.0, 0.0)},
        symmetries=[symmetry.time_translation()],
    )
