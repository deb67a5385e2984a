"""What conservation laws do inside learning, in under a quarter of an hour on two cores.

`pinn benchmark learning` runs every demonstration of `pinn learning DEMO` and draws its figure.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pinn.benchmark import AbstractMethod, Case, Study
from pinn.benchmark.method import Order
from pinn.benchmark.report.groups import Record
from pinn.benchmark.report.markdown import grid
from pinn.benchmark.report.plots import COLUMNS, AbstractPlot, figure_of
from pinn.benchmark.report.table import AbstractTable
from pinn.learning.demonstrations import (
    Curve,
    Demonstration,
    Strip,
    demonstrate,
    demonstrations,
)


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
        known = _known(records).get(self.demonstration)
        if known is None or not known[0].curves:
            return None
        curves, strips = known[0].curves, known[0].strips
        titles = list(dict.fromkeys(curve.panel for curve in curves))
        columns = min(COLUMNS, len(titles))
        figure, axes = _figure(columns, -(-len(titles) // columns), strips)
        for place, title in zip(axes, titles, strict=False):
            _panel(place, [curve for curve in curves if curve.panel == title])
        for place in axes[len(titles) :]:
            place.remove()
        return figure


def _figure(columns: int, rows: int, strips: Sequence[Strip]) -> tuple[Any, list[Any]]:
    """Return a figure with its axes, and strips of pictures below them."""
    if not strips:
        figure = figure_of(columns, rows)
        return figure, figure.axes
    from matplotlib.figure import Figure

    heights = (3.4 * rows, 0.9 * len(strips))
    figure = Figure(figsize=(max(9.0, 4.5 * columns), sum(heights)), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=heights)
    above, below = parts
    above.subplots(rows, columns)
    below.subplots(len(strips), 1)
    for axes, strip in zip(below.axes, strips, strict=True):
        _film(axes, strip)
    return figure, above.axes


def _film(axes: Any, strip: Strip) -> None:
    pictures = [np.pad(picture, ((0, 0), (0, 1)), constant_values=1) for picture in strip.pictures]
    axes.imshow(np.concatenate(pictures, axis=1), cmap="gray", vmin=0.0, vmax=1.0)
    axes.set_axis_off()
    axes.set_title(strip.label, fontsize=8, pad=2)


def _panel(axes: Any, curves: Sequence[Curve]) -> None:
    color = None
    for curve in curves:
        if curve.law:
            axes.plot(curve.x, curve.y, ":", color=color, linewidth=1.5)
            continue
        marker = "o-" if len(curve.x) < 20 else "-"
        (line,) = axes.plot(curve.x, curve.y, marker, label=curve.label, markersize=3, linewidth=1)
        color = line.get_color()
    if curves[0].log:
        axes.set_yscale("log")
    axes.set(title=curves[0].panel, xlabel=curves[0].axes[0], ylabel=curves[0].axes[1])
    if len(curves[0].x) < 5:
        axes.set_xticks(curves[0].x)
    axes.legend(fontsize=7)


STUDY = Study(
    title="What do conservation laws do inside learning?",
    cases=tuple(Case(name) for name in demonstrations()),
    methods=(Demonstrated(),),
    limit=600.0,
    tables=(Tables(),),
    plots=tuple(Panels(name) for name in demonstrations()),
)
