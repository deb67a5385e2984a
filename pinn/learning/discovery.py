"""Conserved quantities of a time series: what they are, as formulas, and how well they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from pinn.jets import Jet
from pinn.learning.discovery_formula import density, formula, terms_of
from pinn.learning.discovery_library import Candidates, Density, Library, monomials, named
from pinn.learning.discovery_records import Record, Source, sources_of
from pinn.learning.discovery_rows import Rows
from pinn.learning.discovery_search import Errors, Judged, Search
from pinn.learning.errors import LearningError

FEWEST = 3
EVERY = 4  # of so many trajectories one is held out
ROWS = 2  # for each candidate
TOLERANCE = 1e-6
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Quantity:
    """A combination of candidates that stays what it is along trajectories.

    Args:
        terms: the coefficient of each candidate.
        errors: the standard error of each coefficient; zero for the one that sets the scale.
        drift: root mean square departure from the mean along held-out trajectories, over the spread
            of the means between trajectories.
        floor: the drift that the data's errors alone would make.
        density: the quantity as a function of the jet.
    """

    terms: Mapping[str, float]
    errors: Mapping[str, float]
    drift: float
    floor: float
    density: Density

    @property
    def formula(self) -> str:
        """The quantity as text, with as many digits as are known."""
        return formula(self.terms, self.errors)

    def __call__(self, jet: Jet) -> Any:
        """Return its value at a jet of one point."""
        return self.density(jet)


@dataclass(frozen=True, eq=False)
class Discovery:
    """Conserved quantities that were found along trajectories.

    Args:
        quantities: functionally independent ones, the simplest first.
        dependent: others, which are functions of those.
        without_spread: formulas of combinations that have the same value on all trajectories, or
            whose differences the noise hides, so that they say nothing.
        not_confirmed: how many were constant on trajectories that they were fitted to and not on
            others: more trajectories are needed to tell.
        nearest: what came nearest to being conserved and is not, if anything.
        singular_values: the shares of a variation that is along trajectories and not between them,
            over all combinations of the candidates, ascending.
        trajectories: how many there were.
        held_out: how many of them no quantity was fitted to.
        tolerance: the drift that counts as none, whatever the noise.
    """

    quantities: tuple[Quantity, ...]
    dependent: tuple[Quantity, ...]
    without_spread: tuple[str, ...]
    not_confirmed: int
    nearest: Quantity | None
    singular_values: Float[np.ndarray, " candidates"]
    trajectories: int
    held_out: int
    tolerance: float

    @property
    def charges(self) -> dict[str, Density]:
        """The densities by formula, as `pinn.Problem(conserved=...)` takes them."""
        return {q.formula: q.density for q in self.quantities}

    @property
    def formulas(self) -> tuple[str, ...]:
        """The independent quantities as text."""
        return tuple(q.formula for q in self.quantities)

    @property
    def drift(self) -> dict[str, float]:
        """The drift of each quantity along held-out trajectories, by formula."""
        return {q.formula: q.drift for q in self.quantities}

    def __len__(self) -> int:
        return len(self.quantities)

    def table(self) -> str:
        """Return what was found as a table in plain text."""
        head = ("conserved", "drift", "of noise", "coefficient errors")
        rows = [
            (q.formula, f"{q.drift:.1e}", f"{q.floor:.1e}", f"{max(q.errors.values()):.1e}")
            for q in self.quantities
        ]
        if not rows:
            return self._none
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)
        ]
        return "\n".join([*lines, *self._notes])

    @property
    def _notes(self) -> list[str]:
        held = f"drift along {self.held_out} of {self.trajectories} trajectories, held out"
        notes = [held]
        if self.dependent:
            notes.append(f"functions of these: {'; '.join(q.formula for q in self.dependent)}")
        return notes + self._doubts

    @property
    def _doubts(self) -> list[str]:
        notes = []
        if self.without_spread:
            shown = sorted(self.without_spread, key=len)[:SHOWN]
            more = len(self.without_spread) - len(shown)
            rest = f"; and {more} more" if more else ""
            notes.append(f"the same on all trajectories: {'; '.join(shown)}{rest}")
        if self.not_confirmed:
            notes.append(
                f"{self.not_confirmed} more are constant where they were fitted and not elsewhere: "
                "give more trajectories"
            )
        return notes

    @property
    def _none(self) -> str:
        least = f"{self.singular_values[0]:.1e}" if self.singular_values.size else "none"
        lines = [f"none found: the smallest singular value is {least}"]
        if self.nearest is not None:
            lines.append(
                f"nearest: {self.nearest.formula}, with drift {self.nearest.drift:.1e} where noise "
                f"alone makes {self.nearest.floor:.1e}"
            )
        return "\n".join([*lines, *self._doubts])

    def __repr__(self) -> str:
        return f"Discovery({', '.join(self.formulas) or self._none.splitlines()[0]})"

    def __str__(self) -> str:
        return self.table()


def discover(
    data: Any,
    candidates: Candidates | None = None,
    *,
    degree: int = 2,
    angles: Sequence[str] = (),
    entries: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Discovery:
    """Find the conserved quantities of trajectories, as combinations of candidate densities.

    With φ a row of candidates, the combination φ·c is sought that moves least along trajectories,
    against what errors of the data make of it and against its spread between trajectories, so that
    constants do not count. The simplest comes first, terms that it does as well without are left
    out, functions of others are told by the rank of their gradients, and every fourth trajectory is
    held out to judge on.

    Args:
        data: trajectories from different initial states: a list of `pinn.Data`, of solutions or of
            references, one for each. What a trajectory does not hold, as `q_t`, is differentiated
            from what it does, by a spline.
        candidates: functions of the jet by name, simplest first; all products of the state's
            components up to `degree` where left out (see `pinn.learning.monomials`).
        degree: of these products.
        angles: entries that are angles, and enter by their cosine and sine.
        entries: the state, where it is not all that was measured: ("q", "q_t") for positions alone.
        tolerance: the drift that counts as none; above it, only what the noise explains does.

    Raises:
        LearningError: fewer than 3 trajectories, fewer points than candidates need, a candidate
            that is not finite, or data that do not hold what is asked for.
    """
    sources = sources_of(data)
    _check_count(len(sources))
    if not 0.0 < tolerance < 1.0:
        raise LearningError(f"tolerance= is a drift between 0 and 1, got {tolerance!r}.")
    space = sources[0].space
    state = tuple(dict.fromkeys(space.canonical(n) for n in entries or sources[0].entries))
    if candidates is None:
        densities = monomials({n: space.shape(n) for n in state}, degree, angles)
    else:
        densities = named(candidates)
    library = Library(space, densities)
    records = _sampled(sources, library)
    _check_points(records, library)
    held = set(range(1, len(records), EVERY))
    errors = Errors(all(r.independent for r in records), all(r.stated for r in records))
    with threadpool_limits(1, "blas"):  # the matrices are small
        search = Search(Rows.of(library, records, held), errors, tolerance).run()
        return _discovery(search, library, len(records), len(held))


def _discovery(search: Search, library: Library, count: int, held: int) -> Discovery:
    make = partial(_quantity, search, library)
    return Discovery(
        tuple(make(j) for j in search.found),
        tuple(make(j) for j in search.dependent),
        tuple(_without_spread(search, library, w) for w in search.same),
        search.not_confirmed,
        None if search.nearest is None else make(search.main_terms(search.nearest)),
        search.rows.singular_values(search.usable) if search.usable else np.zeros(0),
        count,
        held,
        search.tolerance,
    )


def _quantity(search: Search, library: Library, judged: Judged) -> Quantity:
    terms, errors = terms_of(library.names, search, judged.weights)
    made = density(terms, library.densities)
    return Quantity(terms, errors, judged.drift, judged.floor, made)


def _without_spread(search: Search, library: Library, weights: np.ndarray) -> str:
    if np.count_nonzero(weights) == 1:
        return library.names[int(np.argmax(weights != 0.0))]
    return formula(*terms_of(library.names, search, weights))


def _sampled(sources: Sequence[Source], library: Library) -> list[Record]:
    space = sources[0].space
    wanted = tuple(n for n in library.needs if not space.is_coordinate(n))
    if not wanted:
        raise LearningError("No candidate depends on the state: give functions of the jet.")
    return [source.sample(wanted) for source in sources]


def _check_count(count: int) -> None:
    if count >= FEWEST:
        return
    which = "One trajectory" if count == 1 else f"{count} trajectories"
    raise LearningError(
        f"{which} cannot tell a conserved quantity from a function that is constant on what was "
        f"seen only, as any that vanishes there: give at least {FEWEST} trajectories from "
        "different initial states, in a list; one of them is held out to judge on."
    )


def _check_points(records: Sequence[Record], library: Library) -> None:
    fitted = sum(r.count for i, r in enumerate(records) if i % EVERY != 1)
    if min(r.count for r in records) < 2 or fitted < ROWS * len(library.names):
        raise LearningError(
            f"{fitted} points of fitted trajectories are too few for {len(library.names)} "
            f"candidates, any combination of which could look constant: give at least "
            f"{ROWS * len(library.names)} points, or fewer candidates (degree=, candidates=)."
        )
