"""A diffusivity that varies along a rod, from measured temperatures."""

import math

import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

import pinn


@pinn.register
def diffusivity(
    mean: float = 0.1,
    swing: float = 0.05,
    count: int = 50,
    noise: float = 0.01,
    seed: int = 0,
    end: float = 1.0,
) -> pinn.Problem:
    """A rod that cools through its ends, of which nobody knows how well it conducts, and where.

        u_t = (D u_x)_x,        u(t, 0) = u(t, 1) = 0,        u(0, x) = sin πx

    | unknown         | truth                       | guess           |
    |-----------------|-----------------------------|-----------------|
    | D(x), positive  | mean + swing·sin 2πx        | 0.2 everywhere  |

    The data are the temperatures at `count` places and as many times with normal noise of standard
    deviation `noise`, drawn from `seed` about a solution that is exact in time and spectral along x
    (Trefethen, Spectral Methods in MATLAB (2000), chapter 6). No law is claimed.

    Expected behaviour: D to about 1 % of its largest value where u_x is large, and a band that
    opens near x = ½, where u_x vanishes and D says nothing to u.
    Good values: swing below mean; noise up to 0.05.

    Source: Chavent, Nonlinear Least Squares for Inverse Problems (2009), chapter 1; this case: the
    examples of AnyPINN, which come to 9 % in 0.9 million steps.
    """
    order = 32
    angle = np.pi * np.arange(order + 1) / order
    nodes = 0.5 * (1.0 - np.cos(angle))
    ends = (-1.0) ** np.arange(order + 1) * np.where(np.arange(order + 1) % order, 1.0, 2.0)
    gaps = nodes[:, None] - nodes + np.eye(order + 1)
    slope = np.outer(ends, 1.0 / ends) / gaps
    slope -= np.diag(np.sum(slope, axis=1))
    operator = slope @ ((mean + swing * np.sin(2.0 * np.pi * nodes))[:, None] * slope)
    step = expm(operator[1:-1, 1:-1] * end / (count - 1))
    weights = np.linalg.inv(np.polynomial.chebyshev.chebvander(2.0 * nodes - 1.0, order))
    x = np.linspace(0.0, 1.0, count)
    along = (np.polynomial.chebyshev.chebvander(2.0 * x - 1.0, order) @ weights)[:, 1:-1]
    state, rows = np.sin(np.pi * nodes[1:-1]), []
    for _ in range(count):
        rows.append(along @ state)
        state = step @ state
    u = np.array(rows) + noise * np.random.default_rng(seed).normal(size=(count, count))
    t, x = np.meshgrid(np.linspace(0.0, end, count), x, indexing="ij")

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": (), "D": pinn.Field(over=("x",), lower=0.0, guess=0.2)},
        residual=lambda j: j.u_t - j.D * j.u_xx - j.D_x * j.u_x,
        initial={"u": lambda x: jnp.sin(math.pi * x)},
        boundary=[pinn.Dirichlet("u", "x")],
        data=[pinn.Data({"t": t.ravel(), "x": x.ravel()}, {"u": u.ravel()}, noise)],
    )
