"""Figures of a study's rows, drawn by matplotlib."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pinn.benchmark.report.groups import Group, Record, gathered, grouped, worst_drift
from pinn.benchmark.report.scaling import fit, step_seconds, sweeps_of

COLUMNS = 3


def can_plot() -> bool:
    """Tell whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


class AbstractPlot(abc.ABC):
    """A figure of rows; a subclass is a frozen dataclass of choices."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What its file is called after the study's name."""

    @abc.abstractmethod
    def draw(self, records: Sequence[Record]) -> Any:
        """Return a matplotlib figure, None where there is nothing to show."""


@dataclass(frozen=True)
class WorkPrecision(AbstractPlot):
    """Error, and drift, against seconds without compilation: one row of axes for each problem."""

    @property
    def name(self) -> str:
        """What its file is called after the study's name."""
        return "work-precision"

    def draw(self, records: Sequence[Record]) -> Any:
        """Return the figure."""
        known = [g for g in grouped(records) if g.error is not None and g.run_seconds is not None]
        problems = gathered(known, lambda group: group.case.title)
        if not problems:
            return None
        figure = figure_of(2, len(problems))
        for row, (title, groups) in enumerate(problems.items()):
            picks = (("relative L2 error", lambda g: g.error), ("worst drift", _drift))
            for column, (what, pick) in enumerate(picks):
                axes = figure.axes[2 * row + column]
                _curves(axes, groups, pick)
                axes.set(title=title, xlabel="seconds, compiled", ylabel=what)
            # Beside the curves, which it would hide.
            axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.02, 0.5))
        return figure


def _drift(group: Group) -> float | None:
    return group.middle(worst_drift)


def _curves(axes: Any, groups: Sequence[Group], pick: Any) -> None:
    families: dict[str, list[tuple[float, float]]] = {}
    for group in groups:
        value = pick(group)
        if value:
            points = families.setdefault(family(group.label), [])
            points.append((group.run_seconds or 0.0, value))
    for name, points in families.items():
        style = "*-" if name.startswith("pinn") else ".-"
        axes.loglog(*zip(*points, strict=True), style, label=name)


def family(label: str) -> str:
    """Return a method without its tolerance or number of steps: what its points join up as."""
    words = label.split(", ")[0].split()
    return " ".join(w for w in words if not w[:1].isdigit()) or label


@dataclass(frozen=True)
class ScalingCurves(AbstractPlot):
    """The seconds of a step against each quantity, with the fitted exponent."""

    @property
    def name(self) -> str:
        """What its file is called after the study's name."""
        return "scaling"

    def draw(self, records: Sequence[Record]) -> Any:
        """Return the figure."""
        known = [g for g in grouped(records) if g.case.sweep and g.runs and step_seconds(g)]
        sweeps = sweeps_of(known)
        if not sweeps:
            return None
        rows = -(-len(sweeps) // COLUMNS)
        figure = figure_of(min(COLUMNS, len(sweeps)), rows)
        for axes, (name, groups) in zip(figure.axes, sweeps.items(), strict=False):
            _sweep(axes, name, groups)
        for axes in figure.axes[len(sweeps) :]:
            axes.remove()
        return figure


def _sweep(axes: Any, name: str, groups: Sequence[Group]) -> None:
    known = [(g.case.sweep[1], step_seconds(g) or 0.0) for g in groups if g.case.sweep]
    values, costs = zip(*sorted((value, 1e3 * cost) for value, cost in known), strict=True)
    found = fit(groups, "a step")
    axes.loglog(values, costs, "o-")
    axes.minorticks_off()
    axes.set_xticks(values, [f"{value:g}" for value in values])
    ends = sorted({min(costs), max(costs)})
    axes.set_yticks(ends, [f"{cost:.3g}" for cost in ends])
    axes.set_ylim(0.5 * min(costs), 2.0 * max(costs))  # noise should not look like growth
    axes.set(xlabel=name, ylabel="ms a step")
    axes.set_title(f"exponent {found[0]:.2f}" if found else "")


def figure_of(columns: int, rows: int) -> Any:
    """Return an empty figure that belongs to no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * columns, 3.4 * rows), layout="constrained")
    figure.subplots(rows, columns)
    return figure
