"""The search for conserved combinations, the simplest first, each judged on other trajectories."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pinn.learning.discovery_rows import Rows

IDENTITY = 1e-10
RESOLVED = 0.2  # noise over spread
CANCELLED = 1e-5
DEPENDENT = 1e-4
WHITE = 5.0
MAIN = 0.2
TRENDS = 4
INSIGNIFICANT = 20.0
EXACT = 1e-3


@dataclass(frozen=True, eq=False)
class Errors:
    """What is known of the errors of the data.

    Args:
        independent: whether those at different times are independent of each other.
        stated: whether their size was stated.
    """

    independent: bool
    stated: bool

    def allowed(self, count: int) -> float:
        """Return how much larger than the noise a motion may be that is noise alone."""
        if not self.independent:
            return 3.0
        chance = np.sqrt(1.1 + 5.0 * np.sqrt(2.0 / count))
        return float(chance if self.stated else 1.5 * chance)


@dataclass(frozen=True, eq=False)
class Judged:
    """A combination of candidates and how it does.

    Args:
        weights: of scaled candidates.
        spread: how far trajectories are apart, root mean square.
        drift: how far it moves along held-out trajectories, over the spread.
        fitted: the same of those that it was fitted to.
        floor: what the data's errors alone make of the drift.
        correlation: of its successive departures, in standard deviations of noise that has none.
    """

    weights: np.ndarray
    spread: float
    drift: float
    fitted: float
    floor: float
    correlation: float


@dataclass
class Search:
    """A greedy search: candidates are added one by one, and each new null vector is a quantity.

    Every candidate that completes a conserved combination is left out afterwards, so that the next
    null vector is unique too. Products of quantities that were found are told by their gradients.

    Args:
        rows: of the candidates, simplest first.
        errors: of the data.
        tolerance: the drift below which a quantity counts as conserved, whatever the noise.
    """

    rows: Rows
    errors: Errors
    tolerance: float
    found: list[Judged] = field(default_factory=list)
    dependent: list[Judged] = field(default_factory=list)
    same: list[np.ndarray] = field(default_factory=list)
    failed: list[Judged] = field(default_factory=list)
    nearest: Judged | None = None
    usable: list[int] = field(default_factory=list)

    def run(self) -> "Search":
        """Try every candidate in turn."""
        kept: list[int] = []
        for column in range(self.rows.count):
            if self.rows.left_over(column, self.usable) <= IDENTITY:
                self.same.append(self.rows.identity(column, self.usable))
                continue
            self.usable.append(column)
            if not self._completes([*kept, column]):
                kept.append(column)
        return self

    def _completes(self, columns: list[int]) -> bool:
        """Tell whether the last of some candidates completes a combination, and note which."""
        judged = self.judge(self.rows.steadiest(columns))
        if not self._steady(judged.fitted, judged, len(self.rows.within)):
            self._note_nearest(judged)
            return False
        if not self._resolved(judged):
            self.same.append(self._sparse(judged, columns).weights)
            return True
        if not self.conserved(judged):
            self._note_nearest(judged)
            self.failed.append(judged)
            return True
        sparse = self._sparse(judged, columns)
        others = [j.weights for j in self.found]
        least = max(DEPENDENT, sparse.drift, *(j.drift for j in self.found), 0.0)
        new = self.rows.independent([*others, sparse.weights]) > least
        (self.found if new else self.dependent).append(sparse)
        return True

    def _note_nearest(self, judged: Judged) -> None:
        if self._resolved(judged) and (self.nearest is None or judged.drift < self.nearest.drift):
            self.nearest = judged

    def main_terms(self, judged: Judged) -> Judged:
        """Return the best combination of the terms that matter most."""
        sizes = np.abs(judged.weights)
        main = np.flatnonzero(sizes > MAIN * np.max(sizes)).tolist()
        return self.judge(self.rows.steadiest(main))

    @property
    def not_confirmed(self) -> int:
        """How many combinations were steady only where they were fitted."""
        count = len(self.rows.held)
        return sum(not self._steady(j.drift, j, count) for j in self.failed)

    def judge(self, weights: np.ndarray) -> Judged:
        """Return how a combination does."""
        rows, spread = self.rows, float(np.linalg.norm(self.rows.between @ weights))
        size = max(spread, np.finfo(float).tiny)
        along, out = rows.within @ weights, rows.held @ weights
        noise = np.sqrt(max(np.sum((n @ weights) ** 2) for n in (rows.noise, rows.held_noise)))
        pairs = [(along, rows.groups), (out, rows.held_groups)]
        return Judged(
            weights,
            spread,
            float(np.linalg.norm(out)) / size,
            float(np.linalg.norm(along)) / size,
            float(noise) / size,
            _correlation(pairs),
        )

    def conserved(self, judged: Judged) -> bool:
        """Tell whether a combination is steady on held-out trajectories and not by chance."""
        if not self._steady(judged.drift, judged, len(self.rows.held)):
            return False
        noisy = max(judged.drift, judged.fitted) > self.tolerance
        return not (noisy and self.errors.independent and judged.correlation > WHITE)

    def _steady(self, drift: float, judged: Judged, count: int) -> bool:
        return drift <= max(self.tolerance, self.errors.allowed(count) * judged.floor)

    def _resolved(self, judged: Judged) -> bool:
        terms = np.sum(np.abs(judged.weights))
        return judged.floor <= RESOLVED and judged.spread > CANCELLED * terms

    def _sparse(self, judged: Judged, columns: list[int]) -> Judged:
        """Leave out the terms of a combination that it does as well without."""
        last, fewer = columns[-1], self._fewer(judged)
        support = [c for c in columns if judged.weights[c] != 0.0]
        large = [c for c in support if c == last or not _negligible(judged, c)]
        if len(large) < len(support):
            other = self.judge(self.rows.steadiest(large))
            if fewer(other, len(support) - len(large)):
                support, judged = large, other
        dropping = True
        while dropping:
            dropping, errors = False, self.standard_errors(judged.weights, last)
            doubtful = np.abs(judged.weights) / np.maximum(errors, 1e-300)
            for column in sorted((c for c in support if c != last), key=lambda c: doubtful[c]):
                rest = [c for c in support if c != column]
                other = self.judge(self.rows.steadiest(rest))
                if fewer(other, 1):
                    support, judged, dropping = rest, other, True
                    fewer = self._fewer(judged) if judged.drift > self.tolerance else fewer
                    break
        return judged

    def _fewer(self, judged: Judged) -> Callable[[Judged, int], bool]:
        """Return whether a combination with some terms less does as well as the given one."""
        if judged.drift <= self.tolerance:
            most = max(2.0 * judged.drift, 30.0 * judged.floor, EXACT * self.tolerance)
            return lambda other, _: max(other.drift, other.fitted) <= most
        ratio, count = self.rows.ratio(judged.weights), len(self.rows.within)
        count = count if self.errors.independent else count / 10.0

        def as_well(other: Judged, terms: int) -> bool:
            gained = count * (self.rows.ratio(other.weights) ** 2 / ratio**2 - 1.0)
            return gained <= INSIGNIFICANT * terms and self.conserved(other)

        return as_well

    def standard_errors(self, weights: np.ndarray, fixed: int) -> np.ndarray:
        """Return the standard error of each weight over that of one that is fixed, by a sandwich.

        The scores w r − (NᵀN)c of each row vanish in expectation, with r what a row leaves, w its
        other candidates and N its noise; they are taken as independent between rows, or between
        trajectories where errors in time are not (White 1980, doi:10.2307/1912934).
        """
        rows, c = self.rows, weights / weights[fixed]
        free = np.array([i for i in np.flatnonzero(c) if i != fixed], dtype=int)
        errors = np.zeros(len(c))
        if not free.size:
            return errors
        others, noise = rows.within[:, free], rows.noise
        bias = np.einsum("nek,ne->nk", noise[..., free], noise @ c)
        scores = others * (rows.within @ c)[:, None] - bias
        inverse = np.linalg.pinv(others.T @ others, rcond=1e-15)
        shares = [scores]
        if not self.errors.independent:
            trajectories = rows.groups.max() + 1
            summed = np.zeros((trajectories, len(free)))
            np.add.at(summed, rows.groups, scores)
            shares.append(summed * np.sqrt(trajectories / max(trajectories - 1, 1)))
        variances = [np.sum((s @ inverse) ** 2, axis=0) for s in shares]
        errors[free] = np.sqrt(np.max(variances, axis=0))
        return errors * abs(weights[fixed])


def _negligible(judged: Judged, column: int) -> bool:
    return abs(judged.weights[column]) <= 1e-7 * np.max(np.abs(judged.weights))


def _correlation(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return how far departures from the mean are from white noise, in standard deviations.

    The larger of two tests: the correlation of successive values, and the share of polynomials of
    degree 1 to 4 along each trajectory, χ² distributed with 4 degrees of freedom each.
    """
    product, count, trend, freedom = 0.0, 0, 0.0, 0
    for values, groups in pairs:
        for group in range(groups.max() + 1):
            part = values[groups == group]
            size = np.sqrt(np.mean(part**2))
            unit = part / (size if size > 0.0 else 1.0)
            product, count = product + float(unit[1:] @ unit[:-1]), count + len(unit)
            powers = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(unit)), TRENDS)
            basis = np.linalg.qr(powers)[0][:, 1:]
            trend += float(np.sum((unit @ basis) ** 2))
            freedom += basis.shape[1]
    return max(product / np.sqrt(count), (trend - freedom) / np.sqrt(2.0 * max(freedom, 1)))
