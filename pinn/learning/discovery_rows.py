"""The least-squares rows of a search for conserved combinations of candidate densities."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from jaxtyping import Float

from pinn.learning.discovery_library import Library
from pinn.learning.discovery_records import Record
from pinn.learning.errors import LearningError

LEAST = 1e-10  # of the total, so that clean data are weighted by it
Indices = Sequence[int]
Matrix = Float[np.ndarray, "rows candidates"]


@dataclass(frozen=True, eq=False)
class Rows:
    """What candidates do along trajectories and between them, each scaled to unit size.

    For a combination c, |within c| is how far it moves along a trajectory and |between c| how far
    the trajectories' means are from each other, both root mean squares; |noise c| is what errors of
    the measurement make of the first, to leading order.

    Args:
        scale: the size of each candidate; the rows are of candidates over it.
        within: fitted trajectories, each density less its mean along the trajectory.
        held: the same of trajectories that are held out.
        between: means along all trajectories, less their mean.
        noise: ∂density/∂entry times the entry's error, of the fitted ones.
        held_noise: the same of those held out.
        groups: to which fitted trajectory each row of `within` belongs.
        held_groups: the same of those held out.
        slopes: gradients with respect to the state in its own units, at some points of all.
    """

    scale: Float[np.ndarray, " candidates"]
    within: Matrix
    held: Matrix
    between: Matrix
    noise: Float[np.ndarray, "rows entries candidates"]
    held_noise: Float[np.ndarray, "rows entries candidates"]
    groups: np.ndarray
    held_groups: np.ndarray
    slopes: Float[np.ndarray, "points entries candidates"]

    @classmethod
    def of(cls, library: Library, records: Sequence[Record], held: set[int]) -> "Rows":
        """Evaluate a library along trajectories.

        Raises:
            LearningError: a candidate is not finite somewhere.
        """
        parts = [_along(library, record) for record in records]
        means = np.stack([v.mean(axis=0) for v, _ in parts])
        centred = [v - m for (v, _), m in zip(parts, means, strict=True)]
        between = (means - means.mean(axis=0)) / np.sqrt(max(len(means) - 1, 1))
        whole = np.concatenate([v for v, _ in parts])
        size = np.sqrt(np.mean((whole - whole.mean(axis=0)) ** 2, axis=0))
        scale = np.where(size > 1e-13 * np.max(np.abs(whole), axis=0), size, np.inf)
        chosen = [[i for i in range(len(parts)) if (i in held) is out] for out in (False, True)]
        found = []
        for indices in chosen:
            weights = [1.0 / np.sqrt(len(centred[i]) * len(indices)) for i in indices]
            rows = [centred[i] * w / scale for i, w in zip(indices, weights, strict=True)]
            errors = [
                _errors(records[i], parts[i][1]) * w / scale
                for i, w in zip(indices, weights, strict=True)
            ]
            groups = np.repeat(np.arange(len(indices)), [len(r) for r in rows])
            found.append((np.concatenate(rows), np.concatenate(errors), groups))
        (within, noise, groups), (out, out_noise, out_groups) = found
        slopes = _some_slopes(records, parts, scale)
        return cls(
            scale, within, out, between / scale, noise, out_noise, groups, out_groups, slopes
        )

    @property
    def count(self) -> int:
        """How many candidates there are."""
        return len(self.scale)

    @cached_property
    def _total(self) -> Matrix:
        return _triangle(np.concatenate([self.within, self.between]))

    @cached_property
    def _within(self) -> Matrix:
        return _triangle(self.within)

    @cached_property
    def _weight(self) -> Matrix:
        return _triangle(np.concatenate([self.noise.reshape(-1, self.count), LEAST * self._total]))

    def left_over(self, column: int, others: Indices) -> float:
        """Return the share of a candidate's variation that others do not explain."""
        total = self._total
        target, size = total[:, column], np.linalg.norm(total[:, column])
        if not size > 0.0:
            return 0.0
        if not others:
            return 1.0
        basis = np.linalg.qr(total[:, list(others)])[0]
        rest = target - basis @ (basis.T @ target)
        rest -= basis @ (basis.T @ rest)
        return float(np.linalg.norm(rest) / size)

    def identity(self, column: int, others: Indices) -> np.ndarray:
        """Return the combination of a candidate with others that is the same at all points."""
        found, total = np.zeros(self.count), self._total
        found[column] = 1.0
        if np.any(total[:, column]):
            found[list(others)] = -np.linalg.lstsq(total[:, list(others)], total[:, column])[0]
        found[np.abs(found) < 1e-7 * np.max(np.abs(found))] = 0.0
        return found

    def steadiest(self, columns: Indices) -> np.ndarray:
        """Return the combination of some candidates that moves least against its noise.

        Along trajectories its square is then that of noise in expectation, so that the estimate is
        not biased by errors of the candidates themselves (generalised total least squares: Van
        Huffel & Vandewalle 1991, doi:10.1137/1.9781611971002).
        """
        chosen = list(columns)
        weight = np.linalg.qr(self._weight[:, chosen], mode="r")
        within = self._within[:, chosen]
        scaled = scipy.linalg.solve_triangular(weight.T, within.T, lower=True).T
        least = np.linalg.svd(scaled)[2][-1]
        found = np.zeros(self.count)
        found[chosen] = scipy.linalg.solve_triangular(weight, least)
        return found / np.max(np.abs(found))

    def ratio(self, c: np.ndarray) -> float:
        """Return how far a combination moves along trajectories over what noise makes of it."""
        weight = np.linalg.norm(self._weight @ c)
        return float(np.linalg.norm(self.within @ c) / weight)

    def singular_values(self, columns: Indices) -> Float[np.ndarray, " candidates"]:
        """Return the least shares of a variation that is along trajectories, ascending."""
        chosen = list(columns)
        total = np.linalg.qr(self._total[:, chosen], mode="r")
        within = self._within[:, chosen]
        scaled = scipy.linalg.solve_triangular(total.T, within.T, lower=True).T
        return np.sort(np.linalg.svd(scaled, compute_uv=False))

    def independent(self, found: Sequence[np.ndarray]) -> float:
        """Return the least singular value of the gradients of combinations, each of unit length.

        The median over points: zero where one is a function of the others.
        """
        gradients = np.stack([self.slopes @ c for c in found], axis=1)
        sizes = np.linalg.norm(gradients, axis=2, keepdims=True)
        if gradients.shape[1] > gradients.shape[2]:
            return 0.0
        usable = np.all(sizes > 0.0, axis=(1, 2))
        if not np.any(usable):
            return 0.0
        unit = gradients[usable] / sizes[usable]
        return float(np.median(np.linalg.svd(unit, compute_uv=False)[:, -1]))


def _triangle(rows: np.ndarray) -> np.ndarray:
    return np.linalg.qr(rows, mode="r")


def _along(library: Library, record: Record) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    values, slopes = library.evaluate(record.values)
    bad = ~np.isfinite(values)
    for slope in slopes.values():
        bad |= ~np.isfinite(slope.reshape(*values.shape, -1)).all(axis=-1)
    if np.any(bad):
        row, column = np.argwhere(bad)[0]
        place = ", ".join(f"{n} = {np.array2string(v[row])}" for n, v in record.values.items())
        raise LearningError(
            f"The candidate {library.names[column]!r} or its derivative is not finite at {place}: "
            "leave it out, or the data there."
        )
    return values, slopes


def _errors(record: Record, slopes: dict[str, np.ndarray]) -> np.ndarray:
    """Return ∂density/∂entry · error, centred as the densities are, points × entries × them."""
    centred = np.sqrt(1.0 - 1.0 / record.count)
    parts = []
    for name, slope in slopes.items():
        flat = slope.reshape(*slope.shape[:2], -1)
        error = record.errors[name].reshape(record.count, 1, -1)
        parts.append(np.swapaxes(flat * error, 1, 2) * centred)
    return np.concatenate(parts, axis=1)


def _some_slopes(
    records: Sequence[Record], parts: Sequence[tuple], scale: np.ndarray, count: int = 64
) -> np.ndarray:
    """Return gradients at a few points of each trajectory, entries in units of their spread."""
    found = []
    for name in parts[0][1]:
        whole = np.concatenate([r.values[name].reshape(r.count, -1) for r in records])
        unit = np.std(whole, axis=0)
        chosen = []
        for _, slopes in parts:
            flat = slopes[name].reshape(*slopes[name].shape[:2], -1)
            step = max(len(flat) * len(parts) // count, 1)
            chosen.append(np.swapaxes(flat[::step] * unit, 1, 2))
        found.append(np.concatenate(chosen))
    return np.concatenate(found, axis=1) / scale
