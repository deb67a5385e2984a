"""Where a row was measured: machine, device, versions, commit, memory."""

import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

import pinn
from pinn.solver import LIBRARIES

ROOT = Path(pinn.__file__).parents[1]
CODE = ("pinn", "problems", ":!pinn/cli", ":!pinn/benchmark/report")
MORE = ("jaxlib", "scipy", "equinox", "optimistix", "lineax")


def surroundings() -> dict[str, Any]:
    """Return what a row says about where it was measured."""
    device = jax.devices()[0]
    return {
        "device": f"{device.platform}: {device.device_kind}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in (*LIBRARIES, *MORE)},
        "commit": commit(),
        "device_peak_bytes": (device.memory_stats() or {}).get("peak_bytes_in_use"),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def peak_bytes() -> int:
    """Return the most memory that this process has held so far.

    On Linux the kernel's own mark is read: `getrusage` also counts what the process was copied
    from.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        marks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if marks:
            return 1024 * int(marks[0].split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def now() -> str:
    """Return the time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def commit() -> str:
    """Return the commit that last changed the code, with a + where the code differs from it.

    Later commits that only change results, reports or text leave it as it is.
    """
    name = _git("log", "-1", "--format=%h", "--abbrev=10", "--", *CODE)
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *CODE)
    return f"{name}+" if name and changed else name


def _git(*words: str) -> str:
    """Return what git says about the source tree, nothing where it is no repository."""
    if not (ROOT / "pyproject.toml").is_file():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
