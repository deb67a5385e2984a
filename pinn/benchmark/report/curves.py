"""How drift grows with time: networks beside the classical runs that match them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pinn.benchmark.report.groups import Group, Record, gathered, grouped
from pinn.benchmark.report.markdown import seconds
from pinn.benchmark.report.plots import AbstractPlot, family, figure_of
from pinn.benchmark.report.winners import Duel

HEIGHT = 4.6
"""Of the figure in inches: room for the legends below the curves."""
FLOOR = 1e-17
"""What a drift of exactly zero is drawn as, on a logarithmic axis."""


@dataclass(frozen=True)
class DriftCurves(AbstractPlot):
    """The worst law's largest departure so far against time: one panel a problem.

    Beside the networks stand of each classical method the fastest run that is at least as accurate
    as the best network, and, dashed, the most accurate that is at least as fast. The first seed's
    curve is drawn.
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
        figure = figure_of(len(problems), 1)
        for axes, (title, groups) in zip(figure.axes, problems.items(), strict=True):
            networks = [group for group in groups if not group.classical]
            good, fast = _matches(networks, groups)
            for group in (*networks, *good):
                _curve(axes, group, "-")
            for group in fast:
                if group not in good:
                    _curve(axes, group, "--")
            axes.set(title=title, xlabel="t", ylabel="largest drift so far", yscale="log")
            # Below the curves, which it would hide.
            axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.22))
        figure.set_figheight(HEIGHT)
        return figure


def _matches(networks: Sequence[Group], groups: Sequence[Group]) -> tuple[list[Group], list[Group]]:
    """Return the runs of the classical methods that match the most accurate network.

    First those of at least its accuracy, then those of at most its time.
    """
    good: list[Group] = []
    fast: list[Group] = []
    if networks:
        best = min(networks, key=lambda group: group.error or 0.0)
        rivals = [group for group in groups if group.classical]
        for members in gathered(rivals, lambda group: family(group.label)).values():
            duel = Duel.of(best, members)
            good += [duel.equal_error] if duel.equal_error else []
            fast += [duel.equal_time] if duel.equal_time else []
    return good, fast


def _curve(axes: Any, group: Group, style: str) -> None:
    curve = group.runs[0]["history"]
    label = f"{group.label}: {seconds(group.run_seconds)} s"
    width = 0.8 if group.classical else 1.6
    heights = np.maximum(np.maximum.accumulate(curve["drift"]), FLOOR)
    axes.plot(curve["t"][1:], heights[1:], style, label=label, linewidth=width)
