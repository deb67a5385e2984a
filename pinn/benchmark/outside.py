"""A program outside this library that solves a problem and prints one JSON row."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pinn.benchmark.code import fingerprint
from pinn.benchmark.identity import PRESENTATION
from pinn.benchmark.method import AbstractMethod, Order
from pinn.errors import PinnError

COLUMNS = (
    "error", "drift", "reference", "seconds", "parameter_count", "points", "steps", "windows",
    "precision", "device", "versions", "peak_bytes", "machine", "trace",
)  # fmt: skip


@dataclass(frozen=True)
class Outside(AbstractMethod):
    """A program outside this library, run from the folder where the study is.

    It prints a JSON object as its last line, with the columns of a row: at least `error`, by field,
    and `seconds`, a number or by `run` and `compile`. What else it prints is kept under `outside`.

    Args:
        command: its words, in which `{problem}`, `{seed}`, `{limit}` and `{parameters}`, a JSON
            object, are filled in, and `python` is this interpreter.
        name: what tables call it.
        classical: whether it is a classical method and not a network.
        sources: its files, whose content is the code that a row says it ran.
    """

    command: tuple[str, ...]
    name: str = field(default="outside", metadata=PRESENTATION)
    classical: bool = field(default=False, metadata=PRESENTATION)  # type: ignore
    sources: tuple[Path, ...] = field(default=(), metadata=PRESENTATION)
    seeded: ClassVar[bool] = True
    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name

    def code(self) -> str:
        """Return the fingerprint of its files."""
        return fingerprint(self.sources)

    def measure(self, order: Order) -> dict[str, Any]:
        """Run the program and return the row that it prints.

        Raises:
            PinnError: it fails, takes too long, or prints no such row.
        """
        words = [self._filled(word, order) for word in self.command]
        try:
            done = subprocess.run(
                words,
                cwd=order.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise PinnError(
                f"{self.name} cannot be started ({error}): its command is run from {order.folder}."
            ) from error
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise PinnError(f"{self.name} ended with exit code {done.returncode}: {said}")
        return self._row(done.stdout, order)

    def _filled(self, word: str, order: Order) -> str:
        if word == "python":
            return sys.executable
        values = {
            "problem": order.name,
            "seed": str(order.seed),
            "limit": f"{order.limit:g}",
            "parameters": json.dumps(order.parameters),
        }
        for name, value in values.items():
            word = word.replace("{" + name + "}", value)
        return word

    def _row(self, printed: str, order: Order) -> dict[str, Any]:
        lines = printed.strip().splitlines()
        try:
            stated = json.loads(lines[-1])
            error = {n: float(e) for n, e in stated["error"].items()}
        except (IndexError, ValueError, KeyError, TypeError, AttributeError) as wrong:
            last = lines[-1][:80] if lines else "nothing"
            raise PinnError(
                f"{self.name} must print a JSON object with `error` by field as its last line, "
                f"got {last!r}."
            ) from wrong
        seconds = stated.get("seconds")
        if not isinstance(seconds, Mapping):
            seconds = {"run": seconds}
        row = {name: stated[name] for name in COLUMNS if name in stated}
        rest = {name: value for name, value in stated.items() if name not in COLUMNS}
        return {
            **row,
            "error": error,
            "seconds": {"total": order.elapsed(), **seconds},
            "peak_bytes": stated.get("peak_bytes"),  # of the program, not of this process
            "outside": rest,
        }
