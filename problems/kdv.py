"""The Korteweg–de Vries equation."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def kdv(delta: float = 0.022, end: float = 1.0) -> pinn.Problem:
    """A cosine that breaks up into solitons.

        u_t + u u_x + δ² u_xxx = 0,        u(0, x) = cos πx,        −1 ≤ x ≤ 1, periodic

    | law      | multiplier       | density             | value               |
    |----------|------------------|---------------------|---------------------|
    | mass     | 1                | u                   | 0                   |
    | momentum | u                | ½u²                 | ½                   |
    | energy   | ½u² + δ² u_xx    | u³/6 − ½δ² u_x²     | −½π²δ² = −0.0023884 |

    They are the first three of infinitely many. The law of Galilean boosts, x u − ½ t u², holds on
    the line but not on a circle, where x has no meaning. Drift of the mass, which vanishes, is
    measured against ∫|cos πx| dx = 4/π. The energy is small by cancellation: its
    two terms grow to eighty times its value, so that its relative drift is a harsh measure.

    Expected behaviour: the front steepens until t = 1/π, then sheds a train of eight solitons that
    pass through each other.
    Good values: delta from 0.022 (the original) to 0.1; the solitons' width is of order δ.

    Source: Zabusky and Kruskal (1965), doi:10.1103/PhysRevLett.15.240; conservation laws: Miura,
    Gardner and Kruskal (1968), doi:10.1063/1.1664701.
    """

    def residual(j):
        return j.u_t + j.u * j.u_x + delta**2 * j.u_xxx

    def energy(j):
        return j.u**3 / 6.0 - 0.5 * delta**2 * j.u_x**2

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-1.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: jnp.cos(math.pi * x)},
        conserved={
            "mass": lambda j: j.u,
            "momentum": lambda j: 0.5 * j.u**2,
            "energy": pinn.Multiplier(lambda j: 0.5 * j.u**2 + delta**2 * j.u_xx, density=energy),
        },
        scales={"mass": 4.0 / math.pi},
    )
