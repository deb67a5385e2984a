"""The wave equation on a square."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def wave_2d(speed: float = 1.0, overtone: float = 0.5, end: float = 1.0) -> pinn.Problem:
    """A square drum.

        L = ½ u_t² − ½ c²(u_x² + u_y²)        u_tt = c²(u_xx + u_yy),        u = 0 on the edge

    on the unit square. The solution is u = sin πx sin πy cos √2 cπt + a sin 2πx sin πy cos √5 cπt,
    at rest at the start.

    | symmetry         | charge                                                          |
    |------------------|-----------------------------------------------------------------|
    | time translation | energy E = ∫ ½u_t² + ½c²|∇u|² dx dy = ⅛π²c²(2 + 5a²)             |

    The edge breaks translations and rotations: there is no momentum and no angular momentum.

    Expected behaviour: two modes whose frequencies have no common period.
    Good values: speed from 0.5 to 2; overtone from −1 to 1.

    Source: Rayleigh, The Theory of Sound (1877), chapter 9.
    """

    def lagrangian(j):
        return 0.5 * j.u_t**2 - 0.5 * speed**2 * (j.u_x**2 + j.u_y**2)

    def mode(k, t, x, y):
        swing = jnp.cos(math.sqrt(k**2 + 1.0) * speed * math.pi * t)
        return jnp.sin(k * math.pi * x) * jnp.sin(math.pi * y) * swing

    def exact(t, x, y):
        return {"u": mode(1.0, t, x, y) + overtone * mode(2.0, t, x, y)}

    return pinn.Problem(
        axes={
            "t": pinn.Interval(0.0, end),
            "x": pinn.Interval(0.0, 1.0),
            "y": pinn.Interval(0.0, 1.0),
        },
        fields={"u": ()},
        lagrangian=lagrangian,
        initial={"u": lambda x, y: exact(jnp.zeros_like(x), x, y)["u"], "u_t": 0.0},
        boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
        symmetries=[symmetry.time_translation()],
        exact=exact,
    )
