"""Arithmetic precision, chosen for a computation and never for the process."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import jax

Precision = Literal["float64", "float32"]


@contextmanager
def arithmetic(precision: Precision) -> Generator[None]:
    """Compute in the given precision inside the block, whatever JAX is set to outside."""
    with jax.enable_x64(precision == "float64"):
        yield
