"""What a vortex tells of its equation, and what it does not."""

import math

import jax.numpy as jnp
import numpy as np

import pinn


@pinn.register
def taylor_green_inverse(
    transport: float = 1.0,
    viscosity: float = 0.1,
    count: int = 500,
    noise: float = 0.01,
    seed: int = 0,
    end: float = 1.0,
) -> pinn.Problem:
    """A decaying vortex with unknown inertia and viscosity, whose pressure nobody measured.

        u_t + λ₁ (u·∇) u = −∇p + λ₂ Δu,  ∇·u = 0

    Without p, which the curl removes, and with the stream function ψ, (u, v) = (ψ_y, −ψ_x):

        ω_t + λ₁ (u ω_x + v ω_y) = λ₂ Δω,        ω = −Δψ

    | unknown      | truth is the parameter | guess |
    |--------------|------------------------|-------|
    | λ₁           | transport              | 0.5   |
    | λ₂, positive | viscosity              | 0.05  |

    ψ = sin x sin y e^{−2λ₂t} solves it for every λ₁: (u·∇) u is the gradient of something, which p
    takes up, and ω is constant along streamlines. No measurement of the velocity tells λ₁, and the
    library says so. The data are both velocities at `count` random points of t, x and y, with
    normal noise of standard deviation `noise`, drawn from `seed`. No law is claimed.

    Expected behaviour: λ₂ to 0.3 %; λ₁ is named as what the data do not tell.
    Good values: viscosity from 0.01 to 1; noise up to 0.1.

    Source: Taylor and Green (1937), doi:10.1098/rspa.1937.0036.
    """
    flow = pinn.derived_fields(
        u=lambda j: j.psi_y, v=lambda j: -j.psi_x, omega=lambda j: j.v_x - j.u_y
    )

    @flow
    def residual(j):
        carried = j.u * j.omega_x + j.v * j.omega_y
        return j.omega_t + j.transport * carried - j.viscosity * (j.omega_xx + j.omega_yy)

    draw = np.random.default_rng(seed)
    t, x, y = draw.uniform(0.0, end, count), *draw.uniform(0.0, np.pi, (2, count))
    decay = np.exp(-2.0 * viscosity * t)
    velocity = np.stack([np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y)]) * decay
    u, v = velocity + noise * draw.normal(size=velocity.shape)

    wall = pinn.Interval(0.0, math.pi)
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": wall, "y": wall},
        fields={"psi": ()},
        residual=residual,
        initial={"psi": lambda x, y: jnp.sin(x) * jnp.sin(y)},
        boundary=[
            condition
            for axis in "xy"
            for condition in (pinn.Dirichlet("psi", axis), pinn.Derivative("psi", axis, order=2))
        ],
        unknowns={"transport": pinn.Unknown(0.5), "viscosity": pinn.Unknown(0.05, lower=0.0)},
        data=[
            pinn.Data(
                {"t": t, "x": x, "y": y},
                {"u": u, "v": v},
                noise,
                observe={"u": lambda j: j.psi_y, "v": lambda j: -j.psi_x},
            )
        ],
    )
