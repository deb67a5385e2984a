"""Problems with unknowns whose solutions and derivatives are known in closed form."""

import jax.numpy as jnp
import numpy as np

import pinn

TIMES = np.linspace(0.05, 6.0, 40)


def oscillator(data=(), **stated) -> pinn.Problem:
    """q̈ = −k q with q = cos(√k t) from rest at 1."""
    given = {"unknowns": {"k": pinn.Unknown(1.3, lower=0.0)}, "initial": {"q": 1.0, "q_t": 0.0}}
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 6.0)},
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_t**2 - 0.5 * j.k * j.q**2,
        data=data,
        **{**given, **stated},
    )


def measured(noise: float, seed: int = 0, k: float = 2.0, stated: bool = True) -> pinn.Data:
    """The oscillator's position with noise."""
    errors = noise * np.random.default_rng(seed).normal(size=TIMES.size)
    values = np.cos(np.sqrt(k) * TIMES) + errors
    return pinn.Data({"t": TIMES}, {"q": values}, noise=noise if stated and noise else None)


def heat(data=(), **stated) -> pinn.Problem:
    """u_t = D u_xx between cold walls, u = e^{−Dπ²t} sin πx."""
    given = {"unknowns": {"D": pinn.Unknown(0.05, lower=0.0)}, "fields": {"u": ()}}
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)},
        residual=lambda j: j.u_t - j.D * j.u_xx,
        initial={"u": lambda x: jnp.sin(jnp.pi * x)},
        boundary=[pinn.Dirichlet("u", "x")],
        data=data,
        **{**given, **stated},
    )
