"""Strict arithmetic for every test: double precision, no silent promotion of ranks or types."""

import os
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
# Compiled once a machine, by the processes that tests start too: the suite is mostly compilation.
CACHE = {
    "jax_compilation_cache_dir": str(Path(__file__).parents[1] / ".pytest_cache" / "xla"),
    "jax_persistent_cache_min_compile_time_secs": 0.1,
}
for name, value in CACHE.items():
    jax.config.update(name, value)
    os.environ.setdefault(name.upper(), str(value))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in a folder of its own, so that none depends on where it is started."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True, scope="module")
def _within_the_memory_maps_of_a_process() -> Iterator[None]:
    """Forget compiled programs before a process has as many as Linux lets it map (65,530 maps)."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_text().splitlines()) > 30_000:
        jax.clear_caches()
