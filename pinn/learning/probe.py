"""Is there a quantity in a network's hidden state that behaves as momentum or energy does?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from pinn.learning.errors import LearningError

Degree = Literal["linear", "quadratic"]
RIDGES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)
QUADRATIC = 24
FOUND, MARGIN = 0.9, 0.3


@dataclass(frozen=True)
class Probe:
    """What one probe reads of one quantity, on trajectories that it was not fitted to.

    Args:
        quantity: the quantity's name.
        degree: `linear` or `quadratic` in the hidden state.
        r2: share of the quantity's variance that is read off.
        between: the same for the mean over each trajectory: a quantity that is conserved varies
            between trajectories only.
        drift: root mean square departure of the probe from its mean over a trajectory, against the
            quantity's spread over all; a conserved quantity has little, and so has a useless
            probe: read it beside r2.
        true_drift: the same of the quantity itself.
        shuffled: r2 of the same fit where hidden states belong to other trajectories.
        clock: r2 of a fit to time alone, up to its cube.
    """

    quantity: str
    degree: Degree
    r2: float
    between: float
    drift: float
    true_drift: float
    shuffled: float
    clock: float

    @property
    def found(self) -> bool:
        """Whether the quantity is there: read off well, and far better than by any control."""
        control = max(self.shuffled, self.clock, 0.0)
        return self.r2 >= FOUND and self.r2 - control >= MARGIN


@dataclass(frozen=True)
class ProbeReport:
    """Probes of every quantity in one hidden state.

    Args:
        probes: one for each quantity and degree.
        dimension: of the hidden state.
        rank: how many directions of it carry all but 1e-6 of its variance; a collapsed state has
            few.
    """

    probes: tuple[Probe, ...]
    dimension: int
    rank: int

    def __getitem__(self, key: tuple[str, Degree]) -> Probe:
        found = {(probe.quantity, probe.degree): probe for probe in self.probes}
        if key not in found:
            raise LearningError(f"There is no probe {key}, only {', '.join(map(str, found))}.")
        return found[key]

    def table(self) -> str:
        """Return the probes as a table in plain text."""
        head = ("quantity", "probe", "R2", "between", "drift", "true", "shuffled", "clock", "found")
        rows = [
            (
                p.quantity,
                p.degree,
                f"{p.r2:.3f}",
                f"{p.between:.3f}",
                f"{p.drift:.3f}",
                f"{p.true_drift:.3f}",
                f"{p.shuffled:.3f}",
                f"{p.clock:.3f}",
                "yes" if p.found else "no",
            )
            for p in self.probes
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)
        ]
        return "\n".join(lines)


def probe(states: Any, latents: Any, *, held_out: float = 0.3, seed: int = 0) -> ProbeReport:
    """Probe a network's hidden state for physical quantities.

    Each quantity is fitted by ridge regression on the hidden state, linearly, and with all products
    of its leading principal components; whole trajectories are held out, since neighbours in time
    are no test of each other, and the ridge is chosen within the others. Two controls are fitted in
    the same way: hidden states of *other* trajectories at the same times, which expose a probe that
    has only learned what all trajectories share, and time alone, which exposes a quantity that is a
    smooth function of it. A probe of little drift may be a collapsed one: `r2` and `between` tell.

    Args:
        states: the quantities, an array trajectories × times (× components) each, by name; or one
            such array, whose components are called by their numbers.
        latents: the hidden state, trajectories × times × any shape.
        held_out: the share of trajectories to judge on.
        seed: of which ones.

    Raises:
        LearningError: shapes do not match, there are fewer than 8 trajectories or 2 times, a number
            is not finite, or a quantity never varies.
    """
    hidden = _hidden(latents)
    quantities = _quantities(states, hidden.shape[:2])
    random = np.random.default_rng(seed)
    order = random.permutation(len(hidden))
    count = max(2, round(held_out * len(hidden)))
    if not 0.0 < held_out < 1.0 or len(hidden) - count < 4:
        raise LearningError(
            f"held_out= is a share between 0 and 1 that leaves 4 trajectories to fit to, got "
            f"{held_out} of {len(hidden)}."
        )
    test, train = order[:count], order[count:]
    other = hidden[_derangement(len(hidden), random)]
    clock = np.broadcast_to(
        np.linspace(-1.0, 1.0, hidden.shape[1])[:, None] ** np.arange(1, 4),
        (*hidden.shape[:2], 3),
    )
    found = []
    for name, values in quantities.items():
        for degree in ("linear", "quadratic"):
            read = _read(hidden, values, degree, train, test)
            shuffled = _r2(_read(other, values, degree, train, test), values[test])
            timed = _r2(_read(clock, values, "linear", train, test), values[test])
            found.append(_judged(name, degree, read, values[test], shuffled, timed))
    return ProbeReport(tuple(found), hidden.shape[-1], _rank(hidden))


def _judged(
    name: str,
    degree: Degree,
    read: Float[np.ndarray, "trajectories times"],
    truth: Float[np.ndarray, "trajectories times"],
    shuffled: float,
    clock: float,
) -> Probe:
    spread = np.std(truth)
    drift = lambda v: float(np.sqrt(np.mean((v - v.mean(1, keepdims=True)) ** 2)) / spread)  # noqa: E731
    between = _r2(read.mean(1), truth.mean(1))
    return Probe(
        name, degree, _r2(read, truth), between, drift(read), drift(truth), shuffled, clock
    )


def _read(
    hidden: np.ndarray, values: np.ndarray, degree: Degree, train: np.ndarray, test: np.ndarray
) -> Float[np.ndarray, "trajectories times"]:
    """Return what a probe reads on held-out trajectories, its ridge chosen within the others."""
    features = _features(hidden, degree, train)
    inner, outer = train[: max(2, len(train) // 4)], train[max(2, len(train) // 4) :]
    errors = [
        np.mean((_fitted(features, values, outer, inner, ridge) - values[inner]) ** 2)
        for ridge in RIDGES
    ]
    return _fitted(features, values, train, test, RIDGES[int(np.argmin(errors))])


def _fitted(
    features: np.ndarray, values: np.ndarray, train: np.ndarray, test: np.ndarray, ridge: float
) -> np.ndarray:
    known = features[train].reshape(-1, features.shape[-1])
    target = values[train].ravel()
    mean, spread = known.mean(0), known.std(0)
    spread = np.where(spread > 1e-12 * np.max(spread, initial=1e-300), spread, np.inf)
    scaled = (known - mean) / spread
    gram = scaled.T @ scaled + ridge * len(scaled) * np.eye(scaled.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ (target - target.mean()))
    return (features[test] - mean) / spread @ weights + target.mean()


def _features(hidden: np.ndarray, degree: Degree, train: np.ndarray) -> np.ndarray:
    """Return the hidden state, or its leading components with all their products."""
    if degree == "linear":
        return hidden
    known = hidden[train].reshape(-1, hidden.shape[-1])
    mean = known.mean(0)
    _, sizes, rows = np.linalg.svd(known - mean, full_matrices=False)
    kept = min(QUADRATIC, int(np.sum(sizes > 1e-6 * sizes[0])) or 1)
    scale = np.where(sizes[:kept] > 0.0, sizes[:kept], 1.0) / np.sqrt(len(known))
    leading = (hidden - mean) @ rows[:kept].T / scale
    first, second = np.triu_indices(kept)
    return np.concatenate([leading, leading[..., first] * leading[..., second]], axis=-1)


def _r2(read: np.ndarray, truth: np.ndarray) -> float:
    return float(1.0 - np.sum((read - truth) ** 2) / np.sum((truth - truth.mean()) ** 2))


def _rank(hidden: np.ndarray) -> int:
    flat = hidden.reshape(-1, hidden.shape[-1])
    squares = np.linalg.svd(flat - flat.mean(0), compute_uv=False) ** 2
    if not squares.sum() > 0.0:
        return 0
    return int(np.searchsorted(np.cumsum(squares) / squares.sum(), 1.0 - 1e-6) + 1)


def _derangement(count: int, random: np.random.Generator) -> np.ndarray:
    """Return for each trajectory another one, at random."""
    return (np.arange(count) + random.integers(1, count, size=())) % count


def _hidden(latents: Any) -> Float[np.ndarray, "trajectories times size"]:
    hidden = np.asarray(latents, dtype=float)
    if hidden.ndim < 3 or hidden.shape[0] < 8 or hidden.shape[1] < 2:
        raise LearningError(
            "Hidden states must be trajectories × times × units, with at least 8 trajectories of "
            f"2 times, got the shape {hidden.shape}."
        )
    if not np.all(np.isfinite(hidden)):
        raise LearningError("A hidden state is not finite: has the network diverged?")
    return hidden.reshape(*hidden.shape[:2], -1)


def _quantities(states: Any, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    given = states if isinstance(states, Mapping) else {"": states}
    found: dict[str, np.ndarray] = {}
    for name, values in given.items():
        array = np.asarray(values, dtype=float)
        if array.shape[:2] != shape or array.ndim not in (2, 3):
            raise LearningError(
                f"A quantity must have the trajectories and times of the hidden states, {shape}, "
                f"got {array.shape} for {name!r}."
            )
        if array.ndim == 2:
            found[name or "0"] = array
        else:
            parts = {f"{name}_{i}".lstrip("_"): array[..., i] for i in range(array.shape[2])}
            found |= parts
    for name, array in found.items():
        if not np.all(np.isfinite(array)) or not np.std(array) > 1e-12 * np.max(np.abs(array)):
            raise LearningError(
                f"The quantity {name!r} is not finite or never varies: a probe of it says nothing."
            )
    return found
