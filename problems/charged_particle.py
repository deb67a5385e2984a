"""A charged particle in a uniform magnetic field."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def charged_particle(
    magnetic: float = 1.0,
    electric: float = 0.0,
    velocity: tuple[float, float] = (1.0, 0.5),
    turns: float = 2.0,
) -> pinn.Problem:
    """Unit mass and charge in a plane, a magnetic field B across it, an electric field ℰ along x.

        L = ½ |q̇|² + ½ B (x ẏ − y ẋ) + ℰ x        ẍ = ℰ + B ẏ,    ÿ = −B ẋ

    | symmetry                              | charge                                    |
    |---------------------------------------|-------------------------------------------|
    | time translation                      | energy E = ½ |q̇|² − ℰ x                   |
    | translation, K = (½ B y + ℰ t, −½ B x) | momentum P = (ẋ − B y − ℰ t, ẏ + B x)     |
    | rotation, exact for ℰ = 0             | angular momentum ℓ = x ẏ − y ẋ + ½ B |q|² |

    Any vector potential changes under translation, but only by a gauge transformation: without
    its K the momentum is not conserved. With an electric field dℓ/dt = −ℰ y, and ℓ is given as
    that balance law.

    Expected behaviour: a circle of radius |q̇|/B, run clockwise for B > 0 in the time 2π/B; with ℰ
    its centre drifts along −y at speed ℰ/B.
    Good values: electric up to the speed times B.

    Source: Landau and Lifshitz, The Classical Theory of Fields (1975), sections 16, 21 and 22.
    """

    def lagrangian(j):
        (x, y), (u, v) = j.q, j.q_t
        return 0.5 * j.q_t @ j.q_t + 0.5 * magnetic * (x * v - y * u) + electric * x

    def gauge(j):
        x, y = j.q
        return jnp.stack([0.5 * magnetic * y + electric * j.t, -0.5 * magnetic * x])

    def exact(t):
        u, v = velocity[0], velocity[1] + electric / magnetic  # seen from the drifting centre
        sine, versine = jnp.sin(magnetic * t), 2.0 * jnp.sin(0.5 * magnetic * t) ** 2
        x, y = u * sine + v * versine, v * sine - u * versine - electric * t
        return {"q": jnp.stack([x, y]) / magnetic}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, turns * 2.0 * math.pi / abs(magnetic))},
        fields={"q": (2,)},
        lagrangian=lagrangian,
        initial={"q": (0.0, 0.0), "q_t": velocity},
        symmetries=[
            symmetry.time_translation(),
            symmetry.translation("q", gauge=gauge),
            symmetry.rotation("q", balance=electric != 0.0),
        ],
        exact=exact,
    )
