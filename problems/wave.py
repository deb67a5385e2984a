"""The wave equation."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def wave(speed: float = 2.0, overtone: float = 0.5, end: float = 1.0) -> pinn.Problem:
    """A string between two walls, plucked into its first and fourth mode.

        L = ½ u_t² − ½ c² u_x²        u_tt = c² u_xx,        u(t, 0) = u(t, 1) = 0

    The solution is u = sin πx cos cπt + a sin 4πx cos 4cπt, at rest at the start.

    | symmetry         | charge                                                      |
    |------------------|-------------------------------------------------------------|
    | time translation | energy E = ∫ ½u_t² + ½c²u_x² dx = ¼π²c²(1 + 16a²)            |

    The equation is invariant under translation, the walls are not: the momentum is no charge.

    Expected behaviour: periodic in time with period 2/c, one period for the defaults.
    Good values: speed from 1 to 4; the fourth mode with a = ½ carries four fifths of the energy.

    Source: Wang, Yu and Perdikaris, When and why PINNs fail to train (2022),
    doi:10.1016/j.jcp.2021.110768.
    """

    def lagrangian(j):
        return 0.5 * j.u_t**2 - 0.5 * speed**2 * j.u_x**2

    def mode(k, t, x):
        return jnp.sin(k * math.pi * x) * jnp.cos(k * speed * math.pi * t)

    def exact(t, x):
        return {"u": mode(1.0, t, x) + overtone * mode(4.0, t, x)}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        lagrangian=lagrangian,
        initial={"u": lambda x: exact(jnp.zeros_like(x), x)["u"], "u_t": 0.0},
        boundary=[pinn.Dirichlet("u", "x")],
        symmetries=[symmetry.time_translation()],
        exact=exact,
    )
