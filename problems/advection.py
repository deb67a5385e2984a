"""Linear advection."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def advection(speed: float = 50.0, end: float = 1.0) -> pinn.Problem:
    """A wave that travels round a circle without changing its form.

        u_t + c u_x = 0,        u(0, x) = sin x,        0 ≤ x ≤ 2π, periodic

    The solution is u = sin(x − ct).

    | law    | density | flux    | value |
    |--------|---------|---------|-------|
    | mass   | u       | c u     | 0     |
    | energy | ½u²     | ½ c u²  | π/2   |

    Every function of u is conserved; these two are kept. Drift of the mass, which vanishes, is
    measured against ∫|sin x| dx = 4.

    Expected behaviour: at c = 50 the wave passes eight times; a network that has not understood
    the first passage tends to the mean, u = 0, which solves the equation too.
    Good values: speed from 1 to 100; from 30 on it is hard without causal training.

    Source: Krishnapriyan et al., Characterizing possible failure modes in physics-informed neural
    networks (2021), arXiv:2109.01050.
    """

    def residual(j):
        return j.u_t + speed * j.u_x

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(0.0, 2.0 * math.pi)},
        fields={"u": ()},
        residual=residual,
        initial={"u": jnp.sin},
        conserved={"mass": lambda j: j.u, "energy": lambda j: 0.5 * j.u**2},
        scales={"mass": 4.0},
        exact=lambda t, x: {"u": jnp.sin(x - speed * t)},
    )
