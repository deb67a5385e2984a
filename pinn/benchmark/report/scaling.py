"""How the cost of a training step grows with one quantity at a time."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pinn.benchmark.report.groups import Group, Record, gathered, grouped, stale_note
from pinn.benchmark.report.markdown import count, grid, megabytes, seconds
from pinn.benchmark.report.table import AbstractTable

HEADER = (
    "varied", "value", "ms a step", "compile s", "peak MB", "parameters", "points", "windows",
    "devices used",
)  # fmt: skip
COSTS: dict[str, Callable[[Group], float | None]] = {
    "a step": lambda group: step_seconds(group),
    "compilation": lambda group: group.compile_seconds,
    "memory": lambda group: group.middle(lambda row: row.get("peak_bytes")),
}


@dataclass(frozen=True)
class Scaling(AbstractTable):
    """One line for each value of each quantity, and the exponents p of cost ∝ valueᵖ."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table and the exponents."""
        sweeps = sweeps_of(grouped(records))
        lines = [_line(group) for groups in sweeps.values() for group in groups]
        fits = [_fitted(name, groups) for name, groups in sweeps.items()]
        told = "\n".join(f"* {fit}" for fit in fits)
        swept = [group for groups in sweeps.values() for group in groups]
        said = f"{told}\n\n{_devices(sweeps)}"
        return f"{grid(HEADER, lines)}\n{said}\n{stale_note(swept)}"


def sweeps_of(groups: Sequence[Group]) -> dict[str, list[Group]]:
    """Return groups by the quantity that they sweep, those that sweep none left out."""
    swept = [group for group in groups if group.case.sweep]
    return gathered(swept, lambda group: group.case.sweep[0] if group.case.sweep else "")


def step_seconds(group: Group) -> float | None:
    """Return the seconds of one training step, without compilation."""
    return group.middle(lambda row: row["seconds"]["run"] / row["steps"] if row["steps"] else None)


def exponent(values: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Return p and its standard error from the least-squares line log cost = p log value + c.

    The error is infinite where two points leave nothing to estimate it from.
    """
    x, y = np.log(np.asarray(values)), np.log(np.asarray(costs))
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    free = len(x) - 2
    error = math.sqrt(float(left @ left) / free / float(centred @ centred)) if free else math.inf
    return slope, error


def fit(groups: Sequence[Group], cost: str) -> tuple[float, float] | None:
    """Return the exponent of one cost in a sweep and its error, None where too little is known."""
    pairs = [(g.case.sweep[1], COSTS[cost](g)) for g in groups if g.case.sweep is not None]
    known = [(value, paid) for value, paid in pairs if paid]
    if len({value for value, _ in known}) < 2:
        return None
    return exponent(*zip(*known, strict=True))


def _line(group: Group) -> list[str]:
    name, value = group.case.sweep or ("", 0.0)
    if not group.runs:
        why = group.failures[0] if group.failures else "not recorded yet"
        return [name, f"{value:g}", why.replace("|", "/"), *[""] * (len(HEADER) - 3)]
    step = step_seconds(group)
    middle = lambda key: group.middle(lambda row: row.get(key))  # noqa: E731
    return [
        name + group.mark,
        f"{value:g}",
        "" if step is None else f"{1e3 * step:.3g}",
        seconds(group.compile_seconds),
        megabytes(middle("peak_bytes")),
        count(middle("parameter_count")),
        count(middle("points")),
        count(middle("windows")),
        f"{middle('devices_used'):.0f} of {middle('devices'):.0f}",
    ]


def _fitted(name: str, groups: Sequence[Group]) -> str:
    parts = []
    for cost in COSTS:
        found = fit(groups, cost)
        if found is not None:
            parts.append(
                f"{cost} {found[0]:.2f}" + (f" ± {found[1]:.2f}" if found[1] < 9.0 else "")
            )
    return f"{name}: {', '.join(parts) or 'too little is recorded'}"


def _devices(sweeps: dict[str, list[Group]]) -> str:
    several = [r for groups in sweeps.values() for g in groups for r in g.runs if r["devices"] > 1]
    if any(run["devices_used"] > 1 for run in several):
        return ""
    if not several:
        return ""
    return (
        "Training uses one device however many there are: its rows are not sharded yet, so that "
        "more devices bring nothing."
    )
