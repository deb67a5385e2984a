"""Panels of solutions of time alone: orbits in the plane, and components against time."""

from itertools import cycle
from typing import Any, NamedTuple

import numpy as np

from pinn.figures.style import COLOURS, Panel, component, positive, tell_apart
from pinn.problem.problem import Problem

TIMES = 800
# A field of more numbers shows the first of them only.
CURVES = 7


class Motion(NamedTuple):
    """A field of time alone, as it is drawn.

    Args:
        name: of the field.
        times: at which it is known.
        values: its values there.
        truth: the reference's, where there is one.
        data: times and values that were measured.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    truth: np.ndarray | None
    data: tuple[np.ndarray, np.ndarray] | None


def times_of(problem: Problem, end: float) -> np.ndarray:
    """Return even times up to where a solution is trained."""
    return np.linspace(problem.interval.lower, end, TIMES)


def motions(solution: Any, reference: Any, times: np.ndarray) -> list[Panel]:
    """Return a panel for each field, and that of the error where there is a reference."""
    found = {n: np.asarray(v) for n, v in solution(times).items()}
    true = None if reference is None else reference(times)
    truth = {} if true is None else {n: np.asarray(v) for n, v in true.items()}
    panels: list[Panel] = []
    for name, values in found.items():
        orbit = values.ndim > 1 and values.shape[-1] in (2, 3)
        data = _measured(solution.problem, name)
        draw = _orbits if orbit else _series
        motion = Motion(name, times, values, truth.get(name), data)
        panels.append(lambda axes, d=draw, m=motion: d(axes, m))
        if orbit and values.ndim == 2:
            panels.append(lambda axes, m=motion: _series(axes, m))
    if truth:
        panels.append(lambda axes: _errors(axes, times, found, truth))
    return panels


def _measured(problem: Problem, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the times and values at which a field was measured."""
    found = [d for d in problem.data if name in d.values and name not in d.observe]
    if not found:
        return None
    times = [np.broadcast_to(d.points[problem.time], (d.count,)) for d in found]
    return np.concatenate(times), np.concatenate([np.asarray(d.values[name]) for d in found])


def _orbits(axes: Any, motion: Motion) -> None:
    """Draw bodies' paths in the plane of their first two coordinates, each with its start."""
    bodies = motion.values.reshape(len(motion.times), -1, motion.values.shape[-1])
    for index in range(min(bodies.shape[1], CURVES)):
        x, y = bodies[:, index, 0], bodies[:, index, 1]
        colour = COLOURS[index]
        label = f"body {index + 1}" if bodies.shape[1] > 1 else "solution"
        axes.plot(x, y, color=colour, lw=1.5, label=label)
        axes.plot(x[:1], y[:1], "o", color=colour, ms=5)
    if motion.truth is not None:
        paths = np.asarray(motion.truth).reshape(len(motion.times), -1, motion.values.shape[-1])
        for index in range(min(paths.shape[1], CURVES)):
            label = "reference" if not index else None
            axes.plot(*paths[:, index, :2].T, "k:", lw=1.2, label=label)
    if motion.data is not None and bodies.shape[1] == 1:
        axes.plot(*motion.data[1][:, :2].T, ".", color="0.5", ms=4, label="measured", zorder=0)
    some = f" (the first {CURVES} of {bodies.shape[1]} bodies)" if bodies.shape[1] > CURVES else ""
    axes.set(xlabel=component(motion.name, [0]) + some, ylabel=component(motion.name, [1]))
    axes.set_aspect("equal", adjustable="datalim")
    tell_apart(axes)


def _series(axes: Any, motion: Motion) -> None:
    indices = list(np.ndindex(motion.values.shape[1:]))[:CURVES]
    for colour, index in zip(COLOURS, indices, strict=False):
        at = (slice(None), *index)
        axes.plot(
            motion.times,
            motion.values[at],
            color=colour,
            lw=1.5,
            label=component(motion.name, index),
        )
        if motion.truth is not None:
            axes.plot(
                motion.times,
                motion.truth[at],
                "k:",
                lw=1.2,
                label=None if any(index) else "reference",
            )
        if motion.data is not None:
            label = None if any(index) else "measured"
            axes.plot(
                motion.data[0], motion.data[1][at], ".", color="0.5", ms=4, label=label, zorder=0
            )
    every = int(np.prod(motion.values.shape[1:]))
    shown = f" (the first {CURVES} of {every})" if every > CURVES else ""
    axes.set(xlabel="t", ylabel=motion.name + shown)
    tell_apart(axes)


def _errors(
    axes: Any, times: np.ndarray, found: dict[str, np.ndarray], truth: dict[str, np.ndarray]
) -> None:
    """Draw each field's distance from the reference, in units of the field's largest size."""
    for colour, (name, values) in zip(cycle(COLOURS), found.items(), strict=False):
        gap = (values - truth[name]).reshape(len(times), -1)
        size = np.max(np.abs(truth[name])) or 1.0
        error = np.max(np.abs(gap), axis=1) / size
        axes.semilogy(times, positive(error), color=colour, lw=1.0, label=name)
    axes.set(xlabel="t", ylabel="error, relative to the largest value")
    tell_apart(axes)
