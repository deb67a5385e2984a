"""The struck oscillator."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def struck_oscillator(
    omega: float = 1.0,
    impulse: float = 1.0,
    start: float = 10.0,
    duration: float = 1.0,
    end: float = 20.0,
) -> pinn.Problem:
    """A swinging oscillator that is hit once, by a short smooth pulse of force.

        L = ½ ẋ² − ½ ω² x²        ẍ = −ω² x + f(t)
        f = 2J/τ · sin² π(t − a)/τ  for a ≤ t ≤ a + τ, else 0

    J is the impulse ∫ f dt, a the start and τ the duration.

    | symmetry of L    | charge                                             |
    |------------------|----------------------------------------------------|
    | time translation | energy E = ½ ẋ² + ½ ω² x²,  dE/dt = f ẋ            |

    Expected behaviour: E keeps one value before the blow and another after it; the difference is
    the work ∫ f ẋ dt, close to J ẋ(a) + ½ J² for a short blow. The interval breaks at both ends of
    the pulse, so that no step or window jumps over it.
    Good values: duration from 0.1 to 6/ω; the pulse has to end before the end time.

    Source: Landau and Lifshitz, Mechanics (1976), section 22.
    """
    pulse = 2.0 * math.pi / duration

    def lagrangian(j):
        return 0.5 * j.x_t**2 - 0.5 * omega**2 * j.x**2

    def force(j):
        inside = (j.t > start) & (j.t < start + duration)
        return jnp.where(inside, impulse / duration * (1.0 - jnp.cos(pulse * (j.t - start))), 0.0)

    def response(s):
        """Solve ẍ + ω²x = (J/τ)(1 − cos 2πs/τ) from rest, also where 2π/τ = ω."""
        plus, minus = 0.5 * (omega + pulse), 0.5 * (omega - pulse)
        beat = 0.5 * s * jnp.sin(plus * s) / plus * jnp.sinc(minus * s / math.pi)
        x = impulse / duration * (2.0 * (jnp.sin(0.5 * omega * s) / omega) ** 2 - beat)
        return jnp.where(s > 0.0, x, 0.0)

    def exact(t):  # the force that stays on from a, less the one that stays on from a + τ
        struck = response(t - start) - response(t - start - duration)
        return {"x": jnp.cos(omega * t) + struck}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end, breakpoints=(start, start + duration))},
        fields={"x": ()},
        lagrangian=lagrangian,
        initial={"x": 1.0, "x_t": 0.0},
        symmetries=[symmetry.time_translation()],
        force=force,
        exact=exact,
    )
