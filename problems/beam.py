"""The Euler–Bernoulli beam."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def beam(overtone: float = 0.5, end: float = 1.0) -> pinn.Problem:
    """A thin beam, hinged at both ends and released at rest.

        L = ½ u_t² − ½ u_xx²        u_tt + u_xxxx = 0,        u = u_xx = 0 at x = 0 and x = π

    The solution is u = sin x cos t + a sin 2x cos 4t.

    | symmetry         | charge                                                   |
    |------------------|----------------------------------------------------------|
    | time translation | energy E = ∫ ½u_t² + ½u_xx² dx = ¼π(1 + 16a²)            |

    Its flux u_t u_xxx − u_xt u_xx, shear force times velocity and bending moment times angular
    velocity, vanishes at a hinge.

    Expected behaviour: bending waves are dispersive, ω = k²: the second mode swings four times as
    fast as the first.
    Good values: overtone from −1 to 1; end from 1 to 2π, one period.

    Source: Han, Benaroya and Wei (1999), doi:10.1006/jsvi.1999.2257.
    """

    def lagrangian(j):
        return 0.5 * j.u_t**2 - 0.5 * j.u_xx**2

    def exact(t, x):
        lower, upper = jnp.sin(x) * jnp.cos(t), jnp.sin(2.0 * x) * jnp.cos(4.0 * t)
        return {"u": lower + overtone * upper}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Interval(0.0, math.pi)},
        fields={"u": ()},
        lagrangian=lagrangian,
        initial={"u": lambda x: exact(jnp.zeros_like(x), x)["u"], "u_t": 0.0},
        boundary=[pinn.Dirichlet("u", "x"), pinn.Derivative("u", "x", order=2)],
        symmetries=[symmetry.time_translation()],
        exact=exact,
    )
