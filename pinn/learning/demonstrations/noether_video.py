"""A Noether network on pictures of a pendulum: a task like video, small enough for a CPU."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.demonstrations.models import FramePredictor, pairs
from pinn.learning.noether_network import NoetherNetwork
from pinn.learning.probe import probe
from pinn.learning.regression import fit
from pinn.learning.sprites import Film, swinging

TITLE = "Does tailoring to a learned quantity help to predict pictures of a pendulum?"
SIZE, HIDDEN, FILMS, TIMES, AHEAD, STEPS = 8, 16, 50, 12, 2, 500


class Embedding(nnx.Module):
    """The charge: a few numbers from a state of two pictures."""

    def __init__(self, count: int, rngs: nnx.Rngs):
        self.first = nnx.Linear(2 * SIZE**2, 32, rngs=rngs)
        self.last = nnx.Linear(32, count, rngs=rngs)

    def __call__(self, frames: Array) -> Array:
        """Return the numbers."""
        return self.last(jnp.tanh(self.first(frames.reshape(len(frames), -1))))


def run(seed: int) -> Demonstration:
    """Train with and without tailoring, of scales and offsets alone, and compare rollouts."""
    train, test = (swinging(FILMS, TIMES, size=SIZE, seed=seed + n) for n in (0, 1))
    rows, curves, notes = [], [], []
    for label, inner in (("without tailoring", 0), ("with tailoring", 1)):
        rngs = nnx.Rngs(seed)
        model = NoetherNetwork(
            FramePredictor(SIZE, HIDDEN, rngs=rngs),
            Embedding(8, rngs),
            inner,
            1e-2,
            steps=AHEAD,
            against="previous",
            tailored=nnx.Any(nnx.PathContains("scale"), nnx.PathContains("offset")),
        )
        inputs, targets = _windows(train)
        fit(model, inputs, targets, steps=STEPS, learning_rate=2e-3, batch=32, seed=seed)
        inputs, targets = _windows(test)
        graph, state = nnx.split(model)
        found = jax.jit(lambda x, g=graph, s=state: nnx.merge(g, s)(x))(inputs)
        gaps = jnp.mean((found[..., 1] - targets[..., 1]) ** 2, axis=(0, 2, 3))
        rows.append(
            {"model": label, **{f"MSE, picture {k + 1}": float(g) for k, g in enumerate(gaps)}}
        )
        ahead = numbers(range(1, AHEAD + 1))
        axes = ("pictures ahead", "mean square error of a pixel")
        curves.append(Curve("prediction", label, ahead, numbers(gaps), axes))
        if inner:
            notes.append(_read(model, test))
    gain = rows[1][f"MSE, picture {AHEAD}"] / rows[0][f"MSE, picture {AHEAD}"]
    notes.append(f"The error {AHEAD} pictures ahead is {gain:.2f} times that without tailoring.")
    return Demonstration(TITLE, tuple(rows), tuple(notes), tuple(curves))


def _windows(film: Film) -> tuple[Array, Array]:
    """Return states, and the next few after each."""
    states = pairs(jnp.asarray(film.frames))
    last = states.shape[1] - AHEAD
    ahead = jnp.stack([states[:, k + 1 : k + 1 + last] for k in range(AHEAD)], axis=2)
    return states[:, :last].reshape(-1, SIZE, SIZE, 2), ahead.reshape(-1, AHEAD, SIZE, SIZE, 2)


def _read(model: NoetherNetwork, film: Film) -> str:
    """Return what the learned charge has to do with the energy."""
    states = pairs(jnp.asarray(film.frames))
    values = np.asarray(model.charge(states.reshape(-1, SIZE, SIZE, 2)))
    found = probe({"energy": film.energy[:, 1:]}, values.reshape(*states.shape[:2], -1))
    energy = found["energy", "quadratic"]
    return (
        f"A quadratic probe reads the energy off the learned quantity with R2 = {energy.r2:.2f}, "
        f"and it drifts by {energy.drift:.2f} of the energy's spread."
    )
