"""The figure of a solution: what it is, how wrong it is, and how its charges drift."""

from itertools import cycle
from typing import Any

import numpy as np

from pinn.drift import resolved_departures
from pinn.figures.fields import maps
from pinn.figures.mechanics import motions, times_of
from pinn.figures.style import COLOURS, MOST, drawn, positive, tell_apart

TIMES = {0: 800, 1: 129, 2: 33, 3: 17}


def solution_figure(solution: Any, reference: Any = None) -> Any:
    """Return the figure of a solution, beside a reference where one is given.

    In mechanics: orbits in the plane, or components against time. Over one dimension of space: a
    map over space and time, and slices; over more, maps at three times. Then the error, and every
    charge's drift on a log axis.

    Raises:
        PinnError: matplotlib is not installed.
    """
    problem = solution.problem
    end = min(solution.reached, problem.interval.upper) if not problem.stationary else 1.0
    if problem.extent:
        panels = maps(solution, reference, problem, end)
    else:
        panels = motions(solution, reference, times_of(problem, end))
    if not problem.stationary:
        lower, count = problem.interval.lower, TIMES[len(problem.extent)]
        times = np.linspace(lower, end, count)
        gaps = {"network": resolved_departures(solution.trajectory, times)}
        if reference is not None and any(gaps.values()):
            gaps["reference"] = resolved_departures(reference.trajectory, times)
        if any(gaps.values()):
            panels = [*panels[: MOST - 1], lambda axes: _drifts(axes, times, gaps)]
    kept = "" if solution.converged else " (not converged)"
    return drawn(panels, f"{problem.name}{kept}")


def _drifts(axes: Any, times: np.ndarray, gaps: dict[str, dict[str, np.ndarray]]) -> None:
    """Draw each law's largest drift so far, the reference's dotted in the same colour."""
    for who, laws in gaps.items():
        style = {"network": "-", "reference": ":"}[who]
        for colour, (name, gap) in zip(cycle(COLOURS), laws.items(), strict=False):
            worst = np.maximum.accumulate(gap)
            label = name if who == "network" else None
            axes.semilogy(times, positive(worst), style, color=colour, lw=1.5, label=label)
    if len(gaps) > 1:
        axes.plot([], [], "k:", lw=1.2, label="reference")
    axes.set(xlabel="t", ylabel="largest drift so far, relative")
    tell_apart(axes)
