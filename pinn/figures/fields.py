"""Panels of solutions over space: maps, slices at a few times, and maps of the error."""

from typing import Any

import numpy as np

from pinn.figures.style import (
    COLOURS,
    DIVERGING,
    FLOOR,
    SEQUENTIAL,
    Panel,
    component,
    positive,
    tell_apart,
)
from pinn.problem.problem import Problem

COUNT, TIMES, SLICES, MAPS = 241, 161, 5, 3
# How many components of the fields are drawn.
SHOWN = 2


def maps(solution: Any, reference: Any, problem: Problem, end: float) -> list[Panel]:
    """Return the panels for one, two or three space dimensions."""
    when = np.zeros(0) if problem.stationary else np.linspace(problem.interval.lower, end, TIMES)
    if len(problem.extent) == 1:
        return _lines(solution, reference, problem, when)
    return _planes(solution, reference, problem, when)


def _places(problem: Problem) -> dict[str, np.ndarray]:
    """Return even places along each axis; a third dimension is cut at its middle."""
    found = {n: np.linspace(a.lower, a.upper, COUNT) for n, a in problem.extent.items()}
    for name in [*problem.extent][2:]:
        axis = problem.extent[name]
        found[name] = np.array([0.5 * (axis.lower + axis.upper)])
    return found


def _read(trajectory: Any, problem: Problem, along: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return every component on a tensor grid, by name."""
    points = np.meshgrid(*(along[name] for name in problem.axes), indexing="ij")
    found = {}
    for name, values in trajectory(*points).items():
        array = np.asarray(values)
        for index in np.ndindex(array.shape[len(points) :]):
            found[component(name, index)] = array[(..., *index)]
    return found


def _lines(solution: Any, reference: Any, problem: Problem, when: np.ndarray) -> list[Panel]:
    along = _places(problem) | ({} if problem.stationary else {problem.time: when})
    found = _read(solution, problem, along)
    truth = {} if reference is None else _read(reference, problem, along)
    (axis,) = problem.extent
    order = [*problem.axes]
    panels: list[Panel] = []
    for name in [*found][:SHOWN]:
        if not problem.stationary:
            at_time = np.moveaxis(found[name], order.index(problem.time), 0)
            panels.append(lambda a, n=name, v=at_time: _spacetime(a, n, axis, along, problem, v))
        panels.append(lambda a, n=name: _slices(a, n, axis, along, problem, found[n], truth.get(n)))
    if truth and not problem.stationary:
        name = next(iter(found))
        gap = np.moveaxis(np.abs(found[name] - truth[name]), order.index(problem.time), 0)
        panels.append(lambda a: _spacetime(a, f"|error of {name}|", axis, along, problem, gap))
    elif truth:
        panels.append(lambda a: _gaps(a, axis, along, found, truth))
    return panels


def _spacetime(
    axes: Any, name: str, axis: str, along: dict, problem: Problem, values: np.ndarray
) -> None:
    picture = _painted(axes, along[problem.time], along[axis], values.T, name)
    axes.figure.colorbar(picture, ax=axes)
    axes.set(xlabel=problem.time, ylabel=axis, title=name)


def _painted(axes: Any, x: np.ndarray, y: np.ndarray, values: np.ndarray, name: str) -> Any:
    """Paint a map: an error on a log scale, what has both signs about zero, else from least."""
    from matplotlib.colors import LogNorm

    if name.startswith("|"):
        high = float(np.nanmax(values))
        low = max(high * 1e-4, FLOOR)
        norm = LogNorm(low, max(high, 10.0 * FLOOR))
        return axes.pcolormesh(x, y, np.maximum(values, low), norm=norm, cmap=SEQUENTIAL)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0.0 < high:
        most = max(-low, high)
        return axes.pcolormesh(x, y, values, vmin=-most, vmax=most, cmap=DIVERGING)
    return axes.pcolormesh(x, y, values, cmap=SEQUENTIAL)


def _slices(
    axes: Any,
    name: str,
    axis: str,
    along: dict,
    problem: Problem,
    values: np.ndarray,
    truth: np.ndarray | None,
) -> None:
    """Draw the field along space at a few times, the reference dotted upon it."""
    if problem.stationary:
        table, true, chosen = values[None], None if truth is None else truth[None], [0]
    else:
        place = [*problem.axes].index(problem.time)
        table = np.moveaxis(values, place, 0)
        true = None if truth is None else np.moveaxis(truth, place, 0)
        chosen = np.round(np.linspace(0, len(table) - 1, SLICES)).astype(int)
    for colour, index in zip(COLOURS, chosen, strict=False):
        label = name if problem.stationary else f"{problem.time} = {along[problem.time][index]:.3g}"
        axes.plot(along[axis], table[index], color=colour, lw=1.5, label=label)
        if true is not None:
            mark = "reference" if index == chosen[-1] else None
            axes.plot(along[axis], true[index], "k:", lw=1.2, label=mark)
    axes.set(xlabel=axis, ylabel=name)
    tell_apart(axes)


def _gaps(axes: Any, axis: str, along: dict, found: dict, truth: dict) -> None:
    for colour, name in zip(COLOURS, found, strict=False):
        gap = np.abs(found[name] - truth[name])
        axes.semilogy(along[axis], positive(gap), color=colour, lw=1.0, label=name)
    axes.set(xlabel=axis, ylabel="|error|")
    tell_apart(axes)


def _planes(solution: Any, reference: Any, problem: Problem, when: np.ndarray) -> list[Panel]:
    """Return maps of the first component at a few times, and of the error at the last."""
    instants = [None] if problem.stationary else list(np.linspace(when[0], when[-1], MAPS))
    (first, second), along = [*problem.extent][:2], _places(problem)
    panels: list[Panel] = []
    for instant in instants:
        fixed = along if instant is None else along | {problem.time: np.array([instant])}
        found = _read(solution, problem, fixed)
        suffix = "" if instant is None else f" at {problem.time} = {instant:.3g}"
        shown = [*found][: SHOWN if instant is None else 1]
        for name in shown:
            plane = _flat(problem, found[name])
            panels.append(lambda a, n=name + suffix, v=plane: _plane(a, n, first, second, along, v))
    if reference is not None:
        name, truth = next(iter(found)), _read(reference, problem, fixed)
        gap = _flat(problem, np.abs(found[name] - truth[name]))
        title = f"|error of {name}|{suffix}"
        panels.append(lambda a: _plane(a, title, first, second, along, gap))
    return panels


def _flat(problem: Problem, values: np.ndarray) -> np.ndarray:
    """Return the values over the first two axes of space."""
    kept = [*problem.axes].index
    first, second = (kept(name) for name in [*problem.extent][:2])
    order = [first, second, *(i for i in range(values.ndim) if i not in (first, second))]
    return np.transpose(values, order).reshape(values.shape[first], values.shape[second], -1)[
        ..., 0
    ]


def _plane(axes: Any, name: str, first: str, second: str, along: dict, values: np.ndarray) -> None:
    picture = _painted(axes, along[first], along[second], values.T, name)
    axes.figure.colorbar(picture, ax=axes)
    axes.set(xlabel=first, ylabel=second, title=name)
    axes.set_aspect("equal", adjustable="box")
