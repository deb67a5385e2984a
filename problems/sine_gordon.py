"""The sine–Gordon equation."""

import math

import jax
import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def sine_gordon(
    kind: str = "breather", speed: float = 0.2, frequency: float = 0.5, end: float = 10.0
) -> pinn.Problem:
    """A moving breather, or kink, of a chain of coupled pendula.

        L = ½ u_t² − ½ u_x² − (1 − cos u)        u_tt − u_xx + sin u = 0

    With ξ = γ(x − vt), τ = γ(t − vx), γ = (1 − v²)^{−½} and b = (1 − ω²)^½ the solutions are

        breather  u = 4 arctan(b cos ωτ / (ω cosh bξ)),        mass M = 16 b
        kink      u = 4 arctan e^ξ,                            mass M = 8

    | symmetry          | charge                                                     |
    |-------------------|------------------------------------------------------------|
    | time translation  | energy E = ∫ ½u_t² + ½u_x² + 1 − cos u dx ≈ γM             |
    | space translation | momentum P = −∫ u_t u_x dx ≈ γvM                           |

    The walls at x = ±20 follow the solution, so that both charges are balanced by what flows
    through them: about 10⁻¹² for the defaults, where the tails are of order 10⁻⁶.

    Expected behaviour: the breather swings with period 2πγ/ω as it moves; the kink keeps its form.
    Good values: speed from −0.8 to 0.8 with |speed|·end below 10; frequency from 0.2 to 0.9.

    Source: Ablowitz, Kaup, Newell and Segur (1973), doi:10.1103/PhysRevLett.30.1262.
    """
    if kind not in ("breather", "kink"):
        raise pinn.ProblemError(f"kind={kind!r} is no soliton: choose 'breather' or 'kink'.")
    gamma, width = 1.0 / math.sqrt(1.0 - speed**2), math.sqrt(1.0 - frequency**2)
    wall = 20.0

    def lagrangian(j):
        return 0.5 * j.u_t**2 - 0.5 * j.u_x**2 - (1.0 - jnp.cos(j.u))

    def solution(t, x):
        place, age = gamma * (x - speed * t), gamma * (t - speed * x)
        if kind == "kink":
            return 4.0 * jnp.arctan(jnp.exp(place))
        swing = jnp.cos(frequency * age) / jnp.cosh(width * place)
        return 4.0 * jnp.arctan(width / frequency * swing)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Interval(-wall, wall)},
        fields={"u": ()},
        lagrangian=lagrangian,
        initial={
            "u": lambda x: solution(jnp.zeros_like(x), x),
            "u_t": lambda x: jax.grad(solution)(jnp.zeros_like(x), x),
        },
        boundary=[
            pinn.Dirichlet("u", "x", lambda t: solution(t, -wall), lambda t: solution(t, wall))
        ],
        symmetries=[
            symmetry.time_translation(balance=True),
            symmetry.space_translation("x", balance=True),
        ],
        exact=lambda t, x: {"u": solution(t, x)},
    )
