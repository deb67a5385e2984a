"""A cell in a process of its own, which may fail, hang or run out of memory alone."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pinn
from pinn.benchmark.child import HOW_FAR
from pinn.benchmark.environment import commit, now
from pinn.benchmark.standing import identity_of
from pinn.benchmark.study import Cell


class Running:
    """A cell that is being measured by another process.

    Args:
        cell: what is measured.
        file: the study's.
        limit: seconds after which it is given up.
        beside: how many run at a time.
        slot: which of them this is, from 0: each has cores of its own.
    """

    def __init__(self, cell: Cell, file: Path, limit: float, beside: int, slot: int = 0):
        self.cell, self.limit, self.beside, self.slot = cell, limit, beside, slot
        self._folder = tempfile.TemporaryDirectory(prefix="pinn-cell-")
        self._row, self._said = (Path(self._folder.name) / n for n in ("row.json", "said.txt"))
        self.started = time.time()
        words = (str(file), cell.key, str(self._row), repr(limit))
        with self._said.open("w") as said, _on_cores(slot, cell.method.cores):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pinn.benchmark.child", *words],
                stdout=said,
                stderr=said,
                stdin=subprocess.PIPE,  # closed when we are gone, which ends it
                env=_environment(cell),
                start_new_session=True,  # an interrupt of ours is not its own
            )

    def outcome(self) -> dict[str, Any] | None:
        """Return the row once there is one; None while it runs."""
        code = self._process.poll()
        elapsed = time.time() - self.started
        if code is None and elapsed < self.limit:
            return None
        if code is None:
            far = self._row.with_name(HOW_FAR)
            how_far = f": {far.read_text()}" if far.is_file() else ""
            self.stop()
            return self._failed("timeout", f"not finished in {self.limit:.0f} s{how_far}", elapsed)
        row = self._read(code, elapsed)
        self._clear()
        return row

    def stop(self) -> None:
        """End it, and whatever it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._clear()

    def _clear(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._folder.cleanup()

    def _read(self, code: int, elapsed: float) -> dict[str, Any]:
        if code == 0 and self._row.is_file():
            row = json.loads(self._row.read_text())
            if row["status"] == "done":
                return {**row, "beside": self.beside}
            return self._failed("failed", row["reason"], elapsed)
        return self._failed("failed", self._reason(code), elapsed)

    def _failed(self, status: str, reason: str, elapsed: float) -> dict[str, Any]:
        stated = {
            "status": status,
            "reason": reason,
            "limit": self.limit,
            "recorded": now(),
            "commit": commit(),
            "identity": identity_of(self.cell),
        }
        return {**self.cell.description(), **stated, "seconds": {"total": elapsed}}

    def _reason(self, code: int) -> str:
        if code < 0:
            return f"ended by the signal {signal.Signals(-code).name}"
        said = self._said.read_text(errors="replace").strip().splitlines()
        return said[-1][:300] if said else f"ended with exit code {code}"


@contextmanager
def _on_cores(slot: int, count: int) -> Generator[None]:
    """Let processes that start meanwhile see so many cores, others than those of other slots.

    JAX sizes its pool of threads by them. Where an operating system has no such thing, nothing
    happens.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    known = sorted(allowed, reverse=True)
    os.sched_setaffinity(0, {known[(slot * count + i) % len(known)] for i in range(count)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _environment(cell: Cell) -> dict[str, str]:
    """Return this process's variables, so that the same library is found and compiles anew."""
    kept = {n: v for n, v in os.environ.items() if n != "JAX_COMPILATION_CACHE_DIR"}
    root = str(Path(pinn.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(p for p in (root, kept.get("PYTHONPATH", "")) if p)
    flags = {**cell.method.environment}
    if "XLA_FLAGS" in flags and kept.get("XLA_FLAGS"):
        flags["XLA_FLAGS"] = f"{kept['XLA_FLAGS']} {flags['XLA_FLAGS']}"
    return {**kept, **flags}
