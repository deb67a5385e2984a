"""A source of heat that varies along a rod, from measured temperatures."""

import math

import jax.numpy as jnp
import numpy as np

import pinn


@pinn.register
def heat_source(
    kappa: float = 0.1,
    overtone: float = 0.5,
    count: int = 30,
    noise: float = 0.01,
    seed: int = 0,
    end: float = 2.0,
) -> pinn.Problem:
    """A rod between cold ends that something heats, nobody knows where.

        u_t = κ u_xx + f(x),        u(t, 0) = u(t, 1) = 0,        u(0, x) = 0

    | unknown | truth                       | guess         |
    |---------|-----------------------------|---------------|
    | f(x)    | sin πx + a sin 3πx          | 0 everywhere  |

    The closed form is a sum over the modes n = 1 and 3 of f, each of them as
    f_n sin(nπx) (1 − e^{−κn²π²t})/(κn²π²). The data are the temperatures at `count` places and as
    many times with normal noise of standard deviation `noise`, drawn from `seed`. No law is
    claimed.

    Expected behaviour: f to about 2 % inside the rod; near the cold ends u hardly moves, and the
    band is wide there.
    Good values: kappa from 0.01 to 1; overtone, which is a, from −1 to 1; noise up to 0.1.

    Source: Cannon (1968), doi:10.1137/0705024.
    """
    t, x = np.meshgrid(np.linspace(0.0, end, count), np.linspace(0.0, 1.0, count), indexing="ij")

    def mode(n):
        rate = kappa * (n * math.pi) ** 2
        return np.sin(n * math.pi * x) * -np.expm1(-rate * t) / rate

    u = mode(1) + overtone * mode(3) + noise * np.random.default_rng(seed).normal(size=t.shape)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": (), "f": pinn.Field(over=("x",), guess=0.0)},
        residual=lambda j: j.u_t - kappa * j.u_xx - j.f,
        initial={"u": lambda x: jnp.zeros_like(x)},
        boundary=[pinn.Dirichlet("u", "x")],
        data=[pinn.Data({"t": t.ravel(), "x": x.ravel()}, {"u": u.ravel()}, noise)],
    )
