"""Solutions kept on disk, each under the hash of everything that it depends on."""

import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from pinn.problem.digest import digest
from pinn.problem.fingerprint import fingerprint
from pinn.problem.problem import Problem

FORMAT = "7"
# What a problem says about its solution, which it does not depend on.
LAWS = ("conserved", "symmetries", "exact", "scales")


def key_of(problem: Problem, method: Any) -> str:
    """Return a hash of the traced problem, the method, the precision and the libraries."""
    stated = fingerprint(problem)
    parts = {n: part for n, part in stated.items() if not n.startswith(LAWS)}
    libraries = {name: version(name) for name in ("pinn", "jax")}
    return digest(parts, method, libraries, FORMAT, jnp.result_type(float).name)


def folder() -> Path:
    """Return where references are kept: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pinn" / "references"


def read(key: str) -> dict[str, np.ndarray] | None:
    """Return the arrays that were written under a key, or None where they cannot be read whole."""
    try:
        # Opened here, since NumPy leaves a file open that turns out to be none of its own.
        with (folder() / f"{key}.npz").open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except Exception:  # whatever is wrong with the file, the solution can be computed
        return None
    whole = str(arrays.pop("key", "")) == key
    return arrays if whole and all(np.all(np.isfinite(a)) for a in arrays.values()) else None


def write(key: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Keep arrays under a key; a folder that cannot be written keeps nothing."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder(), suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, key=np.asarray(key), **dict(arrays))
            Path(temporary).replace(folder() / f"{key}.npz")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return
