"""The constants of Burgers' equation, from scattered measurements."""

import math

import jax.numpy as jnp
import numpy as np

import pinn


@pinn.register
def burgers_inverse(
    transport: float = 1.0,
    viscosity: float = 0.01 / math.pi,
    count: int = 2000,
    noise: float = 0.01,
    seed: int = 0,
    end: float = 1.0,
) -> pinn.Problem:
    """A wave that steepens at an unknown pace and is smoothed by an unknown viscosity.

        u_t + λ₁ u u_x = λ₂ u_xx,        u(0, x) = −sin πx,        −1 ≤ x ≤ 1, periodic

    λ₁ u and λ₂ obey Burgers' equation, whence u by Cole's and Hopf's substitution: with the heat
    kernel's average ⟨·⟩ over y = x − 2z√(λ₂t) of weight e^{−z²} and φ = exp(−λ₁ cos(πx)/2πλ₂),
    u(t, x) = −⟨φ(y) sin πy⟩/⟨φ(y)⟩.

    | unknown      | truth is the parameter | guess      |
    |--------------|------------------------|------------|
    | λ₁           | transport              | 0.5        |
    | λ₂, positive | viscosity              | 0.01       |

    | law  | density | flux              | rate of change |
    |------|---------|-------------------|----------------|
    | mass | u       | ½λ₁u² − λ₂ u_x    | 0              |

    The data are `count` values at random points of t and x, with normal noise of standard
    deviation `noise` times that of u, drawn from `seed`; without noise they are right to about
    1e-14, and the noise is estimated. The start is known, as it is not in the source.

    Expected behaviour: λ₁ to 1e-4 and λ₂ to 2e-3 with 1 % of noise, and in proportion to it.
    Good values: noise from 0 to 0.1; viscosity from 0.003 to 0.1.

    Source: Raissi, Perdikaris and Karniadakis (2019), doi:10.1016/j.jcp.2018.10.045, section 4.1.1;
    the closed form: Cole (1951), doi:10.1090/qam/42889.
    """
    draw = np.random.default_rng(seed)
    t, x = draw.uniform(0.0, end, count), draw.uniform(-1.0, 1.0, count)
    reach = math.ceil(10.0 * math.sqrt(abs(transport) / (math.pi * viscosity) + 40.0))
    nodes = np.arange(-reach, reach + 1) / 10.0  # the trapezoidal rule is spectral here
    y = x - 2.0 * np.sqrt(viscosity * t) * nodes[:, None]
    height = -transport * np.cos(np.pi * y) / (2.0 * np.pi * viscosity) - nodes[:, None] ** 2
    weights = np.exp(height - np.max(height, axis=0))
    truth = -np.sum(weights * np.sin(np.pi * y), axis=0) / np.sum(weights, axis=0)
    size = noise * np.std(truth)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-1.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t + j.transport * j.u * j.u_x - j.viscosity * j.u_xx,
        initial={"u": lambda x: -jnp.sin(math.pi * x)},
        unknowns={"transport": pinn.Unknown(0.5), "viscosity": pinn.Unknown(0.01, lower=0.0)},
        conserved={"mass": lambda j: j.u},
        scales={"mass": 4.0 / math.pi},
        data=[
            pinn.Data({"t": t, "x": x}, {"u": truth + size * draw.normal(size=count)}, size or None)
        ],
    )
