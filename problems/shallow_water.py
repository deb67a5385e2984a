"""Shallow water in one dimension."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def shallow_water(
    steepness: float = 0.1, gravity: float = 1.0, depth: float = 1.0, end: float = 1.5
) -> pinn.Problem:
    """A simple wave, all of which runs to the right and steepens.

        h_t + (hu)_x = 0,        u_t + u u_x + g h_x = 0,        0 ≤ x ≤ 2π, periodic

    With the wave speed c = √(gh) at the start c(ξ) = √(gH)(1 + a cos ξ) and u = 2(c − √(gH)), each
    value travels along the straight characteristic x = ξ + (u + c)t until the first two cross, at
    t = 1/(3a√(gH)).

    | law      | multiplier        | density         | flux                |
    |----------|-------------------|-----------------|---------------------|
    | mass     | (1, 0)            | h               | hu                  |
    | velocity | (0, 1)            | u               | ½u² + gh            |
    | momentum | (u, h)            | hu              | hu² + ½gh²          |
    | energy   | (½u² + gh, hu)    | ½hu² + ½gh²     | ½hu³ + gh²u         |

    Drift of the velocity, which has no mean, is measured against ∫|u| dx = 8a√(gH).

    Expected behaviour: the crest overtakes the trough; after the shock only mass and momentum hold.
    Good values: steepness·√(gH)·end below 1/3, 0.15 for the defaults.

    Source: Stoker, Water Waves (1957), sections 2.2 and 10.2 to 10.4.
    """
    still = math.sqrt(gravity * depth)

    def residual(j):
        return j.h_t + j.h * j.u_x + j.u * j.h_x, j.u_t + j.u * j.u_x + gravity * j.h_x

    def celerity(label):
        return still * (1.0 + steepness * jnp.cos(label))

    def exact(t, x):
        label = x - still * t
        for _ in range(12):  # Newton's method for the characteristic through (t, x)
            excess = label + (3.0 * celerity(label) - 2.0 * still) * t - x
            label = label - excess / (1.0 - 3.0 * still * steepness * jnp.sin(label) * t)
        c = celerity(label)
        return {"h": c**2 / gravity, "u": 2.0 * (c - still)}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(0.0, 2.0 * math.pi)},
        fields={"h": (), "u": ()},
        residual=residual,
        initial={
            "h": lambda x: celerity(x) ** 2 / gravity,
            "u": lambda x: 2.0 * (celerity(x) - still),
        },
        conserved={
            "mass": lambda j: j.h,
            "velocity": lambda j: j.u,
            "momentum": lambda j: j.h * j.u,
            "energy": lambda j: 0.5 * j.h * j.u**2 + 0.5 * gravity * j.h**2,
        },
        scales={"velocity": 8.0 * steepness * still},
        exact=exact,
    )
