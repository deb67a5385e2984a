"""An unknown central force, from noisy places of a body that it moves."""

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import pinn
from pinn import symmetry


@pinn.register
def central_force(
    mu: float = 1.0,
    core: float = 0.2,
    pull: float = 0.3,
    q: tuple[float, float] = (1.0, 0.0),
    q_t: tuple[float, float] = (0.0, 0.7),
    count: int = 80,
    noise: float = 0.01,
    seed: int = 0,
    end: float = 6.0,
) -> pinn.Problem:
    """A body in a potential of which only the symmetry is known: it depends on the distance.

        L = ½ q̇² − V(r),    r = |q|        q̈ = −V'(r) q/r

    | unknown       | truth                            | guess         |
    |---------------|----------------------------------|---------------|
    | V(r)          | −mu/√(r² + core²) + pull·r       | 0 everywhere  |
    | q(0) and q̇(0) | q, q_t                           | smoothed data |

    | symmetry         | charge                             |
    |------------------|------------------------------------|
    | time translation | energy E = ½ q̇² + V(r)             |
    | rotation         | angular momentum L = q₁ q̇₂ − q₂ q̇₁ |

    Both laws hold whatever V turns out to be, so that an orbit goes on beyond the data without
    gaining energy; with a free force F(q) in place of −∇V it does not. The data are `count` places
    at equal steps in time with normal noise of standard deviation `noise` in each component, drawn
    from `seed` about an integration to 1e-12.

    Expected behaviour: the force to a few per cent at the distances that the orbit visits; V up to
    a constant, which nothing tells, and a band that is wide elsewhere.
    Good values: noise up to 0.05; starts whose orbit stays between 0.3 and 1.3 of the centre.

    Source: Newton, Principia (1687), book I, proposition 6, which finds the force from the orbit.
    """

    def rate(t, y):
        r = np.hypot(*y[:2])
        return *y[2:], *(-(mu * r / (r**2 + core**2) ** 1.5 + pull) * y[:2] / r)

    times = end * np.arange(count) / (count - 1)
    truth = solve_ivp(rate, (0.0, end), (*q, *q_t), "DOP853", times, rtol=1e-12, atol=1e-12).y[:2].T
    places = truth + noise * np.random.default_rng(seed).normal(size=truth.shape)
    r = np.linalg.norm(truth, axis=1)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": (2,)},
        lagrangian=lambda j: 0.5 * j.q_t @ j.q_t - j.V(jnp.linalg.norm(j.q)),
        functions={"V": pinn.Function(lower=0.9 * np.min(r), upper=1.1 * np.max(r))},
        initial={"q": pinn.Unknown(), "q_t": pinn.Unknown()},
        symmetries=[symmetry.time_translation(), symmetry.rotation("q")],
        data=[pinn.Data({"t": times}, {"q": places}, noise)],
    )
