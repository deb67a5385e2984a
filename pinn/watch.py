"""The patience of a long computation: how long it may take, and what it shows meanwhile."""

import sys
import time
from dataclasses import dataclass, field
from math import inf
from typing import TextIO

from pinn.errors import PinnError

LINE, REFRESH = 10.0, 0.2
WIDTH = 78


class OutOfTime(PinnError):
    """A computation has more to do than its budget of seconds allows."""


@dataclass
class Watch:
    """Called wherever a computation can pause: shows how far it is, and stops it out of time.

    Args:
        budget: how many seconds there are from now.
        progress: show what is done: on a terminal in one line that changes, elsewhere by a new line
            every ten seconds.
        stream: where to.
    """

    budget: float = inf
    progress: bool = False
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def __post_init__(self):
        self.began = self._shown = time.monotonic()
        self._drawn = False

    @property
    def elapsed(self) -> float:
        """How many seconds have passed."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return self.budget - self.elapsed

    def part(self, share: float) -> "Watch":
        """Return a watch over a share of what is left."""
        return Watch(share * self.left, self.progress, self.stream)

    def __call__(self, what: str, done: float | None = None) -> None:
        """Show what is being computed and how much of it is done, from 0 to 1.

        Raises:
            OutOfTime: the budget is spent.
        """
        if self.progress:
            self._show(what if done is None else f"{what}: {100.0 * done:.0f}%")
        if self.left < 0.0:
            raise OutOfTime(f"Out of time after {self.elapsed:.0f} s of {what}.")

    def clear(self) -> None:
        """Remove the line on a terminal."""
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._drawn = False

    def _show(self, sentence: str) -> None:
        now, terminal = time.monotonic(), self.stream.isatty()
        if now - self._shown < (REFRESH if terminal else LINE):
            return
        self._shown = now
        line = f"{sentence} ({self.elapsed:.0f} s)"
        self.stream.write(f"\r\x1b[K{line[:WIDTH]}" if terminal else f"{line}\n")
        self.stream.flush()
        self._drawn = terminal
