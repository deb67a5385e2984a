"""How drift grows with time: networks beside the classical runs that match them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pinn.benchmark.report.groups import Group, Record, gathered, grouped
from pinn.benchmark.report.markdown import seconds
from pinn.benchmark.report.plots import AbstractPlot, family, figure_of
from pinn.benchmark.report.winners import Duel

FLOOR = 1e-17
"""What a drift of exactly zero is drawn as, on a logarithmic axis."""


@dataclass(frozen=True)
class DriftCurves(AbstractPlot):
    """The worst law's departure against time, on a logarithmic axis: a row of axes a problem.

    Beside the networks stands one run of each classical method: on the left the fastest that is at
    least as accurate as the best network, on the right the most accurate that is at least as fast.
    The first seed's curve is drawn.
    """

    @property
    def name(self) -> str:
        """What its file is called after the study's name."""
        return "drift"

    def draw(self, records: Sequence[Record]) -> Any:
        """Return the figure."""
        known = [g for g in grouped(records) if g.error is not None and "history" in g.runs[0]]
        problems = gathered(known, lambda group: group.case.title)
        if not problems:
            return None
        figure = figure_of(2, len(problems))
        for row, (title, groups) in enumerate(problems.items()):
            networks = [group for group in groups if not group.classical]
            for column, (what, rivals) in enumerate(_matches(networks, groups).items()):
                axes = figure.axes[2 * row + column]
                for group in (*networks, *rivals):
                    _curve(axes, group)
                axes.set(title=f"{title}, {what}", xlabel="t", ylabel="drift", yscale="log")
                axes.legend(fontsize=6)
        return figure


def _matches(networks: Sequence[Group], groups: Sequence[Group]) -> dict[str, list[Group]]:
    """Return the run of each classical method that matches the most accurate network."""
    found: dict[str, list[Group]] = {"equal error": [], "equal time": []}
    if not networks:
        return found
    best = min(networks, key=lambda group: group.error or 0.0)
    rivals = [group for group in groups if group.classical]
    for members in gathered(rivals, lambda group: family(group.label)).values():
        duel = Duel.of(best, members)
        found["equal error"] += [duel.equal_error] if duel.equal_error else []
        found["equal time"] += [duel.equal_time] if duel.equal_time else []
    return found


def _curve(axes: Any, group: Group) -> None:
    curve = group.runs[0]["history"]
    label = f"{group.label}: {seconds(group.run_seconds)} s"
    width = 0.8 if group.classical else 1.6
    heights = [max(value, FLOOR) for value in curve["drift"]]
    axes.plot(curve["t"][1:], heights[1:], label=label, linewidth=width)
