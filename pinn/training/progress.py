"""What a run shows while it trains: a bar where the output is a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pinn.training.march import March
from pinn.training.parts import AbstractMachinery


class Observer:
    """Called with the march after every chunk; a context that opens and closes its display."""

    def __init__(self, watchers: list[Callable[[March], None]], bar: "Bar | None"):
        self.watchers, self.bar = watchers, bar

    def __call__(self, march: March) -> None:
        """Tell every watcher."""
        for watch in self.watchers:
            watch(march)

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.display.start_task(self.bar.task)
            self.bar.display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.display.stop()


class Bar:
    """A progress bar with the loss, the accumulated residual and the drift."""

    def __init__(self, parts: AbstractMachinery):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.interval, self.total, self.counted = parts.span, 0.0, 0
        self.display = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[report]}"),
            console=Console(stderr=True),
        )
        self.task = self.display.add_task(parts.problem.name, total=1.0, report="", start=False)

    def __call__(self, march: March) -> None:
        """Show where the march stands."""
        for record in march.records[self.counted :]:
            self.total += record.residual
        self.counted = len(march.records)
        done = (march.reached - self.interval.lower) / self.interval.length
        self.display.update(self.task, completed=done, report=self._report(march))

    def _report(self, march: March) -> str:
        if not march.records:
            return f"loss {float(march.loop.best_loss):.1e}" if march.loop is not None else ""
        last = march.records[-1]
        return (
            f"{len(march.records)} windows  loss {last.loss:.1e}  error ~ {self.total:.1e}  "
            f"drift {last.drift:.1e}"
        )


def observer(
    parts: AbstractMachinery, progress: bool, observe: Callable[[March], None] | None
) -> Observer:
    """Return what watches a run: the caller's function, and a bar on a terminal."""
    bar = Bar(parts) if progress and sys.stderr.isatty() else None
    return Observer([w for w in (bar, observe) if w is not None], bar)
