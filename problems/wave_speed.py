"""The speed of waves round a ring, from where it was measured."""

import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

import pinn
from pinn import symmetry


@pinn.register
def wave_speed(
    mean: float = 1.0,
    swing: float = 0.3,
    count: int = 32,
    noise: float = 0.01,
    seed: int = 0,
    end: float = 4.0,
) -> pinn.Problem:
    """A ring of which nobody knows how fast waves run along it, and where.

        L = ½ u_t² − ½ c² u_x²        u_tt = (c² u_x)_x,        x periodic

    | unknown         | truth                         | guess        |
    |-----------------|-------------------------------|--------------|
    | c(x), positive  | mean + swing·sin x            | 1 everywhere |

    | symmetry         | charge                          |
    |------------------|---------------------------------|
    | time translation | energy E = ∫ ½ u_t² + ½ c² u_x² |

    The energy is conserved whatever c turns out to be. The ring starts at rest from a pulse,
    exp(2 cos x − 2). The data are its places at `count` points and as many times with normal noise
    of standard deviation `noise`, drawn from `seed` about a solution that is exact in time and
    spectral along x (Trefethen, Spectral Methods in MATLAB (2000), chapter 3).

    Expected behaviour: c to about half a per cent, with a band of that width all round.
    Good values: swing below half of mean; noise up to 0.05; end from 2 to 8; an even count.

    Source: Bamberger, Chavent and Lailly (1979), doi:10.1007/BF01442544.
    """
    nodes = 2.0 * np.pi * np.arange(4 * count) / (4 * count)
    waves = np.fft.fftfreq(nodes.size, 1.0 / nodes.size)
    waves[nodes.size // 2] = 0.0
    slope = np.real(
        np.fft.ifft(1j * waves[:, None] * np.fft.fft(np.eye(nodes.size), axis=0), axis=0)
    )
    force = slope @ ((mean + swing * np.sin(nodes))[:, None] ** 2 * slope)
    rate = np.block([[np.zeros_like(force), np.eye(nodes.size)], [force, np.zeros_like(force)]])
    step, rows = expm(rate * end / (count - 1)), []
    state = np.append(np.exp(2.0 * np.cos(nodes) - 2.0), np.zeros(nodes.size))
    for _ in range(count):
        rows.append(state[: nodes.size : 4])
        state = step @ state
    u = np.array(rows) + noise * np.random.default_rng(seed).normal(size=(count, count))
    t, x = np.meshgrid(np.linspace(0.0, end, count), nodes[::4], indexing="ij")

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(0.0, 2.0 * np.pi)},
        fields={"u": (), "c": pinn.Field(over=("x",), lower=0.0, guess=1.0)},
        lagrangian=lambda j: 0.5 * j.u_t**2 - 0.5 * j.c**2 * j.u_x**2,
        initial={"u": lambda x: jnp.exp(2.0 * jnp.cos(x) - 2.0), "u_t": 0.0},
        symmetries=[symmetry.time_translation()],
        data=[pinn.Data({"t": t.ravel(), "x": x.ravel()}, {"u": u.ravel()}, noise)],
    )
