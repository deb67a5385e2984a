"""Solutions kept on disk, each under the hash of everything that it depends on."""

import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from pinn.problem.fingerprint import Digest, Untraceable, fingerprint
from pinn.problem.problem import Problem

FORMAT = "6"


def key_of(problem: Problem, method: Any) -> str | None:
    """Return a hash of the traced problem, the method and the libraries; None where none can be."""
    digest = Digest()
    try:
        digest.add("problem", fingerprint(problem))
    except Untraceable:
        return None
    digest.add("method", method)
    libraries = {name: version(name) for name in ("pinn", "jax")}
    digest.add("computed by", {**libraries, "format": FORMAT, "real": jnp.result_type(float).name})
    return digest.hexdigest()


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
