"""What conservation laws do inside learning, in under a quarter of an hour on two cores.

`pinn benchmark learning` runs every demonstration of `pinn learning DEMO` and draws its figure.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pinn.benchmark import AbstractMethod, Case, Study
from pinn.benchmark.method import Order
from pinn.benchmark.report.groups import Record
from pinn.benchmark.report.markdown import grid
from pinn.benchmark.report.plots import AbstractPlot, figure_of
from pinn.benchmark.report.table import AbstractTable
from pinn.learning.demonstrations import Demonstration, demonstrate, demonstrations


@dataclass(frozen=True)
class Demonstrated(AbstractMethod):
    """A demonstration of `pinn.learning`, whose table and curves are kept as they are."""

    seeded: ClassVar[bool] = True
    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return "demonstration"

    def measure(self, order: Order) -> dict[str, Any]:
        """Run it."""
        began = time.perf_counter()
        found = demonstrate(order.name, order.seed)
        return {
            "error": {},
            "drift": {},
            "seconds": {"run": time.perf_counter() - began, "total": order.elapsed()},
            "demonstration": json.dumps(found.as_dict(), ensure_ascii=False),
        }


def _known(records: Sequence[Record]) -> dict[str, tuple[Demonstration, float]]:
    """Return what was demonstrated, by name, and the seconds that it took."""
    return {
        cell.case.problem: (
            Demonstration.from_dict(json.loads(row["demonstration"])),
            row["seconds"]["total"],
        )
        for cell, row in records
        if row is not None and row["status"] == "done"
    }


@dataclass(frozen=True)
class Tables(AbstractTable):
    """Every demonstration's table, and what it says."""

    def render(self, records: Sequence[Record]) -> str:
        """Return Markdown."""
        parts = []
        for name, (found, seconds) in _known(records).items():
            header, *rows = found.cells
            notes = "".join(f"* {note}\n" for note in found.notes)
            title = f"### {name}: {found.title}\n\n"
            took = f"\n`pinn learning {name}`, {seconds:.0f} s.\n"
            parts.append(title + grid(header, rows) + (f"\n{notes}" if notes else "") + took)
        return "\n".join(parts)


@dataclass(frozen=True)
class Panels(AbstractPlot):
    """The curves of one demonstration, a panel for each title.

    Args:
        demonstration: which.
    """

    demonstration: str

    @property
    def name(self) -> str:
        """What its file is called after the study's name."""
        return self.demonstration

    def draw(self, records: Sequence[Record]) -> Any:
        """Return the figure."""
        found = _known(records).get(self.demonstration)
        if found is None or not found[0].curves:
            return None
        titles = list(dict.fromkeys(curve.panel for curve in found[0].curves))
        figure = figure_of(len(titles), 1)
        for axes, title in zip(figure.axes, titles, strict=True):
            curves = [curve for curve in found[0].curves if curve.panel == title]
            for curve in curves:
                marker = "o-" if len(curve.x) < 12 else "-"
                axes.plot(curve.x, curve.y, marker, label=curve.label, markersize=4)
            if curves[0].log:
                axes.set_yscale("log")
            axes.set(title=title, xlabel=curves[0].axes[0], ylabel=curves[0].axes[1])
            axes.legend(fontsize=7)
        return figure


STUDY = Study(
    title="What do conservation laws do inside learning?",
    cases=tuple(Case(name) for name in demonstrations()),
    methods=(Demonstrated(),),
    limit=600.0,
    tables=(Tables(),),
    plots=tuple(Panels(name) for name in demonstrations()),
)
