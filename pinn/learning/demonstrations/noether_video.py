"""A Noether network on pictures of a pendulum: a task like video, small enough for a CPU."""

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, Strip, numbers, shade
from pinn.learning.demonstrations.models import FramePredictor, pairs
from pinn.learning.noether_network import NoetherNetwork
from pinn.learning.probe import probe
from pinn.learning.regression import fit
from pinn.learning.sprites import Film, swinging

TITLE = "Does tailoring to a learned quantity help to predict pictures of a pendulum?"
SIZE, HIDDEN, TIMES, AHEAD, STEPS, RATE = 12, 16, 12, 3, 2000, 0.1
FILMS, UNSEEN, SEEDS = (10, 50), 50, 2
PLAIN, MADE, USED = "plain predictor", "Noether network, tailoring left out", "Noether network"


class Embedding(nnx.Module):
    """The charge: a few numbers from a state of two pictures."""

    def __init__(self, count: int, rngs: nnx.Rngs):
        self.first = nnx.Linear(2 * SIZE**2, 32, rngs=rngs)
        self.last = nnx.Linear(32, count, rngs=rngs)

    def __call__(self, frames: Array) -> Array:
        """Return the numbers."""
        return self.last(jnp.tanh(self.first(frames.reshape(len(frames), -1))))


def run(seed: int) -> Demonstration:
    """Train with and without tailoring, of scales and offsets alone, on few and on more films."""
    rows, curves, notes, strips = [], [], [], ()
    for films in FILMS:
        runs = [_compared(films, seed + place) for place in range(SEEDS)]
        for label in (PLAIN, MADE, USED):
            gaps = np.mean([gaps[label] for gaps, _, _ in runs], axis=0)
            ahead = {f"MSE, picture {k + 1}": float(g) for k, g in enumerate(gaps)}
            rows.append({"films to train on": films, "model": label, **ahead})
            axes = ("pictures ahead", "mean square error of a pixel")
            place, found = numbers(range(1, AHEAD + 1)), numbers(gaps)
            curves.append(Curve(f"trained on {films} films", label, place, found, axes, log=True))
        notes.append(_said(films, [gaps for gaps, _, _ in runs]))
        notes.append(runs[0][1])
        strips = strips or runs[0][2]
    return Demonstration(TITLE, tuple(rows), tuple(notes), tuple(curves), strips)


def _compared(films: int, seed: int) -> tuple[dict[str, np.ndarray], str, tuple[Strip, ...]]:
    """Return the errors of each model by pictures ahead, what its charge is, and a film."""
    train = swinging(films, TIMES, size=SIZE, seed=seed)
    test = swinging(UNSEEN, TIMES, size=SIZE, seed=1000 + seed)
    plain, tailored = (_trained(train, inner, seed) for inner in (0, 1))
    left_out = _network(0, seed)
    nnx.update(left_out, nnx.state(tailored))
    inputs, targets = _windows(test)
    found = {
        label: np.asarray(nnx.jit(lambda m, x: m(x))(model, inputs))
        for label, model in ((PLAIN, plain), (MADE, left_out), (USED, tailored))
    }
    last = np.asarray(targets)[..., 1]
    gaps = {n: np.mean((f[..., 1] - last) ** 2, axis=(0, 2, 3)) for n, f in found.items()}
    shown = {"truth": last, PLAIN: found[PLAIN][..., 1], USED: found[USED][..., 1]}
    strips = tuple(Strip(label, _pictures(films)) for label, films in shown.items())
    return gaps, _read(tailored, test), strips


def _trained(film: Film, inner: int, seed: int) -> NoetherNetwork:
    model = _network(inner, seed)
    fit(model, *_windows(film), steps=STEPS, learning_rate=2e-3, batch=32, seed=seed)
    return model


def _network(inner: int, seed: int) -> NoetherNetwork:
    rngs = nnx.Rngs(seed)
    return NoetherNetwork(
        FramePredictor(SIZE, HIDDEN, rngs=rngs),
        Embedding(8, rngs),
        inner,
        RATE,
        steps=AHEAD,
        against="previous",
        tailored=nnx.Any(nnx.PathContains("scale"), nnx.PathContains("offset")),
    )


def _windows(film: Film) -> tuple[Array, Array]:
    """Return states, and the next few after each."""
    states = pairs(jnp.asarray(film.frames))
    last = states.shape[1] - AHEAD
    ahead = jnp.stack([states[:, k + 1 : k + 1 + last] for k in range(AHEAD)], axis=2)
    return states[:, :last].reshape(-1, SIZE, SIZE, 2), ahead.reshape(-1, AHEAD, SIZE, SIZE, 2)


def _pictures(found: np.ndarray) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Return the last pictures of a few windows."""
    chosen = found[:: max(1, len(found) // 8), -1][:8]
    return tuple(shade(picture) for picture in chosen)


def _said(films: int, runs: list[dict[str, np.ndarray]]) -> str:
    ratios = [gaps[USED][-1] / gaps[PLAIN][-1] for gaps in runs]
    near = [gaps[USED][0] / gaps[PLAIN][0] for gaps in runs]
    shown = lambda values: ", ".join(f"{v:.2f}" for v in values)  # noqa: E731
    return (
        f"{films} films: with tailoring the error {AHEAD} pictures ahead is {shown(ratios)} times "
        f"that of the plain predictor, by seed, and one picture ahead {shown(near)} times."
    )


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
