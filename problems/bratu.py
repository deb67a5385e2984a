"""Bratu's problem, with conditions at both ends of time."""

import math

import jax.numpy as jnp
from scipy.optimize import brentq

import pinn
from pinn import symmetry


@pinn.register
def bratu(strength: float = 1.0, upper: bool = False) -> pinn.Problem:
    """A layer that heats itself, between two cold walls.

        L = ½ q̇² − λ e^q        q̈ + λ e^q = 0,    q(0) = q(1) = 0

    | symmetry         | charge                        |
    |------------------|-------------------------------|
    | time translation | energy E = ½ q̇² + λ e^q       |

    The solution is q = −2 log(cosh(½θ(t − ½)) / cosh ¼θ) with θ = √(2λ) cosh ¼θ. For λ below
    3.513830719 there are two, a cool and a hot one; above there is none.

    Expected behaviour: an arch, 0.14 high for λ = 1, and 4.1 high on the upper branch, of which a
    first guess has to tell.
    Good values: strength from 0.1 to 3.5.

    Source: Bratu (1914), doi:10.24033/bsmf.943; Ascher, Mattheij and Russell, Numerical Solution of
    Boundary Value Problems (1995), chapter 1, doi:10.1137/1.9781611971231.
    """
    root = math.sqrt(2.0 * strength)
    fold = 4.0 * math.asinh(4.0 / root)  # θ lies below it on the cool branch, above on the hot one
    ends = (fold, fold + 40.0) if upper else (0.0, fold)
    exists = fold > root * math.cosh(0.25 * fold)

    def exact(t):
        theta = brentq(lambda x: x - root * math.cosh(0.25 * x), *ends, xtol=1e-15)
        ratio = jnp.cosh(0.5 * theta * (t - 0.5)) / math.cosh(0.25 * theta)
        return {"q": -2.0 * jnp.log(ratio)}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_t**2 - strength * jnp.exp(j.q),
        boundary=[pinn.Dirichlet("q", "t", lower=0.0, upper=0.0)],
        symmetries=[symmetry.time_translation()],
        guess=lambda t: {"q": (16.0 if upper else 0.5) * t * (1.0 - t)},
        exact=exact if exists else None,
    )
