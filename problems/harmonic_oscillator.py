"""The harmonic oscillator."""

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def harmonic_oscillator(
    omega: float = 1.0, position: float = 1.0, velocity: float = 0.0, end: float = 20.0
) -> pinn.Problem:
    """One unit mass on a linear spring.

        L = ½ q̇² − ½ ω² q²        q̈ = −ω² q

    | symmetry                             | charge                                         |
    |--------------------------------------|------------------------------------------------|
    | time translation                     | energy E = ½ q̇² + ½ ω² q²                      |
    | η = (cos ωt, sin ωt), K = q η̇        | phase I = (q̇ cos ωt + ωq sin ωt,               |
    |                                      | q̇ sin ωt − ωq cos ωt) = (q̇(0), −ω q(0))        |

    Any solution may be added to any other, which moves q by a solution η(t) and changes L by a
    total derivative only. The two phase charges are the initial data carried along, so they fix
    the whole solution: 2E = I · I, and a method that keeps both keeps the time as well.

    Expected behaviour: energy alone leaves the phase free, whose error grows with time.
    Good values: end up to 20 with omega 1, about three periods; each further period is harder to
    train.

    Source: Landau and Lifshitz, Mechanics (1976), section 21; the symmetries: Lutzky (1978),
    doi:10.1088/0305-4470/11/2/005.
    """

    def lagrangian(j):
        return 0.5 * j.q_t**2 - 0.5 * omega**2 * j.q**2

    def solutions(j):
        return jnp.stack([jnp.cos(omega * j.t), jnp.sin(omega * j.t)])

    def gauge(j):
        return omega * j.q * jnp.stack([-jnp.sin(omega * j.t), jnp.cos(omega * j.t)])

    def exact(t):
        q = position * jnp.cos(omega * t) + velocity / omega * jnp.sin(omega * t)
        return {"q": q}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": ()},
        lagrangian=lagrangian,
        initial={"q": position, "q_t": velocity},
        symmetries=[
            symmetry.time_translation(),
            symmetry.generator("phase", eta={"q": solutions}, gauge=gauge),
        ],
        exact=exact,
    )
