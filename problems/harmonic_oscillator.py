"""The harmonic oscillator."""

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def harmonic_oscillator(
    omega: float = 1.0, position: float = 1.0, velocity: float = 0.0, end: float = 20.0
) -> pinn.Problem:
    """One unit mass on a linear spring.

        L = ½ ẋ² − ½ ω² x²        ẍ = −ω² x

    | symmetry                             | charge                                         |
    |--------------------------------------|------------------------------------------------|
    | time translation                     | energy E = ½ ẋ² + ½ ω² x²                      |
    | η = (cos ωt, sin ωt), K = x η̇        | phase I = (ẋ cos ωt + ωx sin ωt,               |
    |                                      | ẋ sin ωt − ωx cos ωt) = (ẋ(0), −ω x(0))        |

    Any solution may be added to any other, which moves x by a solution η(t) and changes L by a
    total derivative only. The two phase charges are the initial data carried along, so they fix
    the whole solution: 2E = I · I, and a method that keeps both keeps the time as well.

    Expected behaviour: energy alone leaves the phase free, whose error grows with time.
    Good values: end up to 20 with omega 1, about three periods; each further period is harder to
    train.

    Source: Landau and Lifshitz, Mechanics (1976), section 21; the symmetries: Lutzky (1978),
    doi:10.1088/0305-4470/11/2/005.
    """

    def lagrangian(j):
        return 0.5 * j.x_t**2 - 0.5 * omega**2 * j.x**2

    def solutions(j):
        return jnp.stack([jnp.cos(omega * j.t), jnp.sin(omega * j.t)])

    def gauge(j):
        return omega * j.x * jnp.stack([-jnp.sin(omega * j.t), jnp.cos(omega * j.t)])

    def exact(t):
        x = position * jnp.cos(omega * t) + velocity / omega * jnp.sin(omega * t)
        return {"x": x}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"x": ()},
        lagrangian=lagrangian,
        initial={"x": position, "x_t": velocity},
        symmetries=[
            symmetry.time_translation(),
            symmetry.generator("phase", eta={"x": solutions}, gauge=gauge),
        ],
        exact=exact,
    )
