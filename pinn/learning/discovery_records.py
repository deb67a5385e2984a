"""Trajectories as sampled jets, from measurements or from solutions, with their errors."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from pinn.jets import JetSpace
from pinn.learning.discovery_noise import FEWEST, derivative_of, noise_of
from pinn.learning.errors import LearningError
from pinn.problem.data import Data

SAMPLES = 240
REFERENCE_ERROR = 1e-12
_COMPONENT = re.compile(r"^(\w+)\[(\d+)\]$")


@dataclass(frozen=True, eq=False)
class Record:
    """The jet along one trajectory, at times where all of it is known.

    Args:
        values: of each entry, and of the time, times first.
        errors: the standard error of each entry, of the same shape.
        independent: whether errors at different times are independent of each other.
        stated: whether the size of the errors was stated, not estimated.
    """

    values: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    independent: bool
    stated: bool

    @property
    def count(self) -> int:
        """How many times there are."""
        return len(next(iter(self.values.values())))


@dataclass(frozen=True, eq=False)
class Source:
    """Where one trajectory comes from: what its jet may hold, and how to get it.

    Args:
        space: the jet space.
        entries: the state, as far as it is known.
        sample: from entries to the record that holds them.
    """

    space: JetSpace
    entries: tuple[str, ...]
    sample: Any


def sources_of(given: Any) -> list[Source]:
    """Return the trajectories of a measurement, a solution, a reference, or a sequence of these.

    Raises:
        LearningError: there is none, one is something else or over space, or they differ in what
            they hold.
    """
    items = list(given) if isinstance(given, Sequence) else [given]
    found = [_measured(item) if isinstance(item, Data) else _solved(item) for item in items]
    if not found:
        raise LearningError("There are no data: give a list of pinn.Data, one for each trajectory.")
    for other in found[1:]:
        if (other.space, other.entries) != (found[0].space, found[0].entries):
            raise LearningError(
                f"The trajectories hold different entries, {', '.join(found[0].entries)} and "
                f"{', '.join(other.entries)}: give the same for each, in the same shapes."
            )
    return found


def _solved(item: Any) -> Source:
    problem = getattr(item, "problem", None)
    if problem is None or not hasattr(item, "trajectory"):
        raise LearningError(
            "pinn.discover takes pinn.Data, a solution, a reference, or a list of these, got "
            f"{type(item).__name__}."
        )
    if problem.extent or problem.stationary:
        raise LearningError(
            f"The problem {problem.name!r} is over space, and conserved quantities are found along "
            "trajectories in time alone: state densities in conserved=, or search multipliers "
            "with pinn.find_multipliers."
        )
    lower, upper = problem.interval.lower, problem.interval.upper
    times = np.linspace(lower, min(upper, getattr(item, "reached", upper)), SAMPLES)
    relative = max(getattr(item, "residual", REFERENCE_ERROR), REFERENCE_ERROR)

    def sample(entries: tuple[str, ...]) -> Record:
        jet = item.trajectory.jet(times, entries=(problem.time, *entries))
        values = {n: np.asarray(jet[n], dtype=float) for n in (problem.time, *entries)}
        errors = {n: np.full_like(values[n], relative * np.std(values[n])) for n in entries}
        return Record(values, errors, False, False)

    return Source(problem.space, problem.dynamics.state_entries, sample)


def _measured(data: Data) -> Source:
    time, columns = _time_of(data), {}
    for name in data.values:
        if name == time:
            continue
        if name in data.observe:
            raise LearningError(
                f"The data hold {name!r}, a function of the jet in observe=: conserved quantities "
                "are searched in entries of the jet, such as 'q' and 'q_t'; leave it out."
            )
        component = _COMPONENT.match(name)
        columns.setdefault(component[1] if component else name, {})[
            int(component[2]) if component else None
        ] = name
    if not columns:
        raise LearningError("The data hold no values besides the time: give values= by name.")
    entries = {n: _joined(data, n, parts) for n, parts in columns.items()}
    shapes = {}
    for name, (values, _) in entries.items():
        shapes.setdefault(_field(name, time), values.shape[1:])
    space = JetSpace.of((time,), shapes)
    known = {space.canonical(n): v for n, v in entries.items()}
    for name, (values, _) in known.items():
        if values.shape[1:] != space.shape(name):
            raise LearningError(
                f"The data hold {name!r} with the shape {values.shape[1:]} at a time, but "
                f"{space.parse(name).field!r} with {space.shape(name)}: give the same for both."
            )
    state = tuple(sorted(known, key=lambda n: space.parse(n).orders))
    if len(known) == 1 and space.components == 1:  # the state of one number moves one way only
        state = (*state, space.raised(state[0], time))
    at = np.asarray(data.points.get(time, data.values.get(time)), dtype=float).ravel()
    return Source(space, state, lambda wanted: _record(space, time, at, known, wanted))


def _time_of(data: Data) -> str:
    if len(data.points) > 1:
        raise LearningError(
            f"The data are at points of {', '.join(data.points)}: conserved quantities are found "
            "along trajectories in time alone, one pinn.Data for each."
        )
    if data.points:
        return next(iter(data.points))
    letters = [n for n in data.values if n == "t"]
    if not letters:
        raise LearningError("The data do not say when they were measured: give points={'t': ...}.")
    return letters[0]


def _field(name: str, time: str) -> str:
    stem, _, tail = name.rpartition("_")
    return stem if stem and tail and {*tail} == {time} else name


def _joined(data: Data, name: str, parts: dict) -> tuple[np.ndarray, np.ndarray | None]:
    """Return an entry's values and the noise that was stated, from one column or its components."""
    if None in parts and len(parts) == 1:
        return data.values[name], data.deviation(name)
    if {*parts} != {*range(len(parts))}:
        raise LearningError(
            f"The data hold {', '.join(parts.values())} of {name!r}: give all components from "
            f"{name}[0] on, or one array."
        )
    columns = [parts[i] for i in range(len(parts))]
    noise = [data.deviation(c) for c in columns]
    stated = None if any(n is None for n in noise) else np.stack(noise, axis=-1)  # ty: ignore
    return np.stack([data.values[c] for c in columns], axis=-1), stated


def _record(space: JetSpace, time: str, at: np.ndarray, known: dict, wanted) -> Record:
    for name, (values, _) in known.items():
        if len(values) != len(at):
            raise LearningError(
                f"The data have {len(at)} times and {len(values)} values of {name!r}: give one "
                "for each, NaN where it is missing."
            )
    order = np.argsort(at, kind="stable")
    at = at[order]
    if len(at) < FEWEST or not np.all(np.diff(at) > 0.0):
        raise LearningError(
            f"A trajectory needs at least {FEWEST} different times, got {len(np.unique(at))} in "
            f"{len(at)} rows: give one pinn.Data for each trajectory."
        )
    known = {n: (v[order], None if s is None else s[order]) for n, (v, s) in known.items()}
    values, errors, direct = {time: at}, {}, True
    for name in wanted:
        if name in known:
            values[name], errors[name] = _with_noise(at, *known[name])
        else:
            values[name], errors[name] = _differentiated(space, at, known, name)
            direct = False
    kept = np.all(
        [np.all(np.isfinite(v.reshape(len(at), -1)), axis=1) for v in values.values()], axis=0
    )
    stated = all(known[n][1] is not None for n in wanted if n in known)
    return Record(
        {n: v[kept] for n, v in values.items()},
        {n: e[kept] for n, e in errors.items()},
        direct,
        stated,
    )


def _with_noise(
    at: np.ndarray, values: np.ndarray, stated: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    if stated is not None:
        return values, np.array(stated)
    each = lambda t, v: np.full((len(v), 1), noise_of(t, v))  # noqa: E731
    columns = [_where_known(at, c, each, 1) for c in values.reshape(len(at), -1).T]
    return values, np.concatenate(columns, axis=1).reshape(values.shape)


def _where_known(
    at: np.ndarray, column: np.ndarray, function: Callable, width: int
) -> Float[np.ndarray, "times width"]:
    """Return a function of times and values at the times where there is a value, else NaN."""
    found, seen = np.full((len(at), width), np.nan), np.isfinite(column)
    if np.sum(seen) >= FEWEST:
        found[seen] = function(at[seen], column[seen])
    return found


def _differentiated(
    space: JetSpace, at: np.ndarray, known: dict, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a derivative that was not measured, from the highest one that was."""
    field, (order,) = space.parse(name)
    lower = {space.parse(n).orders[0]: n for n in known if space.parse(n).field == field}
    below = [k for k in lower if k < order]
    if not below:
        raise LearningError(
            f"The data do not hold {name!r}, nor anything that it is a derivative of: measured are "
            f"{', '.join(known)}."
        )
    values, stated = known[lower[max(below)]]
    values, noise = _with_noise(at, values, stated)
    raised = order - max(below)
    columns, found = values.reshape(len(at), -1).T, []
    for column, error in zip(columns, noise.reshape(len(at), -1).T, strict=True):
        typical = float(np.sqrt(np.nanmean(error**2)))
        each = lambda t, v, e=typical: np.stack(derivative_of(t, v, e, raised), axis=-1)  # noqa: E731
        found.append(_where_known(at, column, each, 2))
    both = np.stack(found, axis=1)
    return both[..., 0].reshape(values.shape), both[..., 1].reshape(values.shape)
