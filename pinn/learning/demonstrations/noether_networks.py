"""Noether networks on the pendulum and the spring, beside a perceptron, an HNN and an oracle."""

from collections.abc import Callable
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from flax import nnx
from jaxtyping import Array

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.demonstrations.models import Perceptron
from pinn.learning.hamiltonian import HamiltonianNetwork
from pinn.learning.noether_network import NoetherNetwork
from pinn.learning.regression import fit

TITLE = "Does a conserved quantity that is learned by tailoring help to predict?"
INTERVAL, NOISE, FAR = 0.3, 0.1, 40
STEPS, PAIRS = 800, 20
TERMS = ("p²", "q²", "cos q", "qp", "q", "p")
Energy = Callable[[Array], Array]


def _pendulum(z: Array) -> Array:
    return 0.5 * z[..., 1:] ** 2 + 1.0 - jnp.cos(z[..., :1])


def _spring(z: Array) -> Array:
    return 0.5 * z[..., 1:] ** 2 + 0.5 * z[..., :1] ** 2


class Formula(nnx.Module):
    """A charge a + c b of two terms, found on data and then trained with the predictor.

    As in the paper's symbolic search, the pair of terms and the constant are those whose sum varies
    least along trajectories against how it varies between them. Half of it is conserved, as large
    as the energy where its first term is p²: an inner step grows with the square of its scale.
    """

    def __init__(self, trajectories: Array):
        values = np.asarray(_terms(trajectories), dtype=float)
        found = [(*_steadiest(values[..., pair]), pair) for pair in combinations(range(6), 2)]
        _, constant, self.pair = min(found)
        self.constant = nnx.Param(jnp.asarray(constant, trajectories.dtype))

    def __call__(self, z: Array) -> Array:
        """Return one number for each state."""
        first, second = self.pair
        terms = _terms(z)
        return 0.5 * (terms[..., first] + self.constant[...] * terms[..., second])

    @property
    def text(self) -> str:
        """The formula."""
        first, second = self.pair
        return f"{TERMS[first]} {float(self.constant[...]):+.2f} {TERMS[second]}"


def _terms(z: Array) -> Array:
    q, p = z[..., 0], z[..., 1]
    return jnp.stack([p**2, q**2, jnp.cos(q), q * p, q, p], axis=-1)


def _steadiest(values: np.ndarray) -> tuple[float, float]:
    """Return the least share of variance along trajectories, and the constant that has it."""
    along = (values - values.mean(1, keepdims=True)).reshape(-1, 2)
    whole = (values - values.mean((0, 1))).reshape(-1, 2)
    shares, vectors = scipy.linalg.eigh(along.T @ along, whole.T @ whole)
    return float(shares[0]), float(vectors[1, 0] / vectors[0, 0])


def run(seed: int) -> Demonstration:
    """Train each model on noisy pairs of states, and judge it on clean trajectories."""
    rows, curves, notes = [], [], []
    for name, energy in {"pendulum": _pendulum, "spring": _spring}.items():
        inputs, targets, test = _data(energy, seed)
        for label, model in _models(energy, inputs.reshape(-1, PAIRS, 2), seed).items():
            fit(model, inputs, targets, steps=STEPS, learning_rate=3e-3, batch=64, seed=seed)
            if isinstance(model, NoetherNetwork) and isinstance(model.charge, Formula):
                notes.append(f"{name}: the charge that tailoring found is {model.charge.text}.")
            path = _rolled(model, test[:, 0])
            rows.append({"system": name, "model": label, **_scores(path, test, energy)})
            gap = jnp.sqrt(jnp.mean(jnp.sum((path - test) ** 2, -1), 0))
            times = INTERVAL * np.arange(len(gap))
            axes = ("time", "RMSE of the state")
            curves.append(Curve(name, label, numbers(times), numbers(gap), axes, log=True))
    best = {s: min((r for r in rows if r["system"] == s), key=_one) for s in ("pendulum", "spring")}
    notes += [
        f"{s}: the least error after one step is that of {r['model']}." for s, r in best.items()
    ]
    return Demonstration(TITLE, tuple(rows), tuple(notes), tuple(curves))


def _one(row: dict) -> float:
    return row["RMSE, one step"]


def _models(energy: Energy, trajectories: Array, seed: int) -> dict[str, nnx.Module]:
    rngs = nnx.Rngs(seed)
    step = lambda: Perceptron(2, 2, 32, step=True, rngs=rngs)  # noqa: E731
    number = lambda count: Perceptron(2, count, 32, step=False, rngs=rngs)  # noqa: E731
    return {
        "perceptron": step(),
        "Noether network, charge a perceptron": NoetherNetwork(step(), number(1), 1, 0.1),
        "Noether network, charge a formula": NoetherNetwork(step(), Formula(trajectories), 1, 0.1),
        "Noether network, true energy": NoetherNetwork(step(), energy, 1, 0.1),
        "Hamiltonian network": HamiltonianNetwork(number(1), INTERVAL, substeps=1),
    }


def _data(energy: Energy, seed: int) -> tuple[Array, Array, Array]:
    """Return noisy states with noisy next ones, and clean trajectories to test on."""
    true = HamiltonianNetwork(energy, INTERVAL, substeps=16)
    keys = jax.random.split(jax.random.key(seed), 4)
    start = jax.random.uniform(keys[0], (25, 2), minval=-1.5, maxval=1.5)
    paths = _rolled(true, start, PAIRS)
    noisy = lambda key, x: x + NOISE * jax.random.normal(key, x.shape)  # noqa: E731
    inputs, targets = (x.reshape(-1, 2) for x in (paths[:, :-1], paths[:, 1:]))
    start = jax.random.uniform(keys[3], (50, 2), minval=-1.5, maxval=1.5)
    return noisy(keys[1], inputs), noisy(keys[2], targets), _rolled(true, start)


def _rolled(model: nnx.Module, start: Array, steps: int = FAR) -> Array:
    """Return batch × (steps + 1) × 2 states of a model that is applied again and again."""
    graph, state = nnx.split(model)

    def once(z: Array, _: None) -> tuple[Array, Array]:
        z = nnx.merge(graph, state)(z)
        return z, z

    found = jax.jit(lambda z: jax.lax.scan(once, z, None, length=steps)[1])(start)
    return jnp.concatenate([start[:, None], jnp.swapaxes(found, 0, 1)], axis=1)


def _scores(path: Array, test: Array, energy: Energy) -> dict[str, float]:
    square = jnp.sum((path - test) ** 2, -1)
    levels = energy(path)[..., 0]
    return {
        "RMSE, one step": float(jnp.sqrt(jnp.mean(square[:, 1]))),
        f"RMSE, {FAR} steps": float(jnp.sqrt(jnp.mean(square[:, 1:]))),
        "drift of the energy": float(
            jnp.sqrt(jnp.mean((levels - levels[:, :1]) ** 2)) / jnp.mean(levels[:, 0])
        ),
    }
