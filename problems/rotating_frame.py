"""An oscillator seen from a rotating frame."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def rotating_frame(
    omega: float = 1.0,
    rotation: float = 0.3,
    position: tuple[float, float] = (1.0, 0.0),
    velocity: tuple[float, float] = (0.0, 0.0),
    periods: float = 2.0,
) -> pinn.Problem:
    """Foucault's pendulum: a spring in the plane, in coordinates that turn with the Earth at Ω.

        L = ½ |q̇ + Ω × q|² − ½ ω² |q|²        q̈ = (Ω² − ω²) q + 2Ω (ẏ, −ẋ)

    | symmetry         | charge                                                        |
    |------------------|---------------------------------------------------------------|
    | time translation | Jacobi constant J = ½ |q̇|² + ½ (ω² − Ω²) |q|²                 |
    | rotation         | angular momentum ℓ = x ẏ − y ẋ + Ω |q|²                       |

    ℓ is the one of the inertial frame, whose energy is J + Ωℓ. The Coriolis force does no work and
    so is absent from J; the centrifugal force is in it as a potential. Fradkin's tensor is kept
    too, but it belongs to the inertial frame, and in this one it depends on time.

    Expected behaviour: a rosette: the plane of swing turns backwards at −Ω.
    Good values: rotation from 0 to omega; at Ω = ω the centrifugal force cancels the spring, and
    the orbit is a circle of inertia.

    Source: Landau and Lifshitz, Mechanics (1976), section 39.
    """

    def lagrangian(j):
        (x, y), (u, v) = j.q, j.q_t
        inertial = (u - rotation * y) ** 2 + (v + rotation * x) ** 2
        return 0.5 * inertial - 0.5 * omega**2 * j.q @ j.q

    def exact(t):
        (x, y), (u, v) = position, velocity
        swing, push = jnp.cos(omega * t), jnp.sin(omega * t) / omega
        x, y = x * swing + (u - rotation * y) * push, y * swing + (v + rotation * x) * push
        cosine, sine = jnp.cos(rotation * t), jnp.sin(rotation * t)
        return {"q": jnp.stack([x * cosine + y * sine, y * cosine - x * sine])}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, periods * 2.0 * math.pi / omega)},
        fields={"q": (2,)},
        lagrangian=lagrangian,
        initial={"q": position, "q_t": velocity},
        symmetries=[
            symmetry.time_translation(name="jacobi_constant"),
            symmetry.rotation("q"),
        ],
        exact=exact,
    )
