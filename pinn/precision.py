"""Arithmetic precision, chosen for a computation and never for the process."""

import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax._src.config import eager_constant_folding
from jax.core import Tracer

Precision = Literal["float64", "float32"]
SINGLE = ("float32", "float16", "bfloat16", "complex64")


@contextmanager
def arithmetic(precision: Precision) -> Generator[None]:
    """Compute in the given precision inside the block, whatever JAX is set to outside."""
    with jax.enable_x64(precision == "float64"):
        yield


@contextmanager
def concretely(precision: Precision = "float64") -> Generator[None]:
    """Compute numbers inside the block, in the given precision, even where a caller is tracing.

    What follows from a problem alone must not become a part of a user's traced program: it would
    be in the user's precision, outlive the trace, or be asked for numbers that a trace has not.
    """
    with arithmetic(precision), jax.ensure_compile_time_eval():
        yield


@contextmanager
def unwarned() -> Generator[None]:
    """Leave unsaid, in single precision, that arrays in double precision are rounded to it."""
    if jnp.result_type(float) == jnp.float64:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Explicitly requested dtype")
        yield


@contextmanager
def staged() -> Generator[None]:
    """Trace inside the block as outside `concretely`: constants are operations of the program.

    Inside it they would be computed while tracing, and the same function would give another
    program, depending on who asked first.
    """
    with eager_constant_folding(False):
        yield


def single(value: Any) -> str | None:
    """Return the type of the first array or scalar in a value with less than double precision.

    Args:
        value: an array, a number, or dictionaries, tuples and lists of these; anything else has no
            precision.
    """
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return next((found for item in value if (found := single(item))), None)
    kind = str(getattr(value, "dtype", ""))
    return kind if kind in SINGLE else None


def tracing() -> bool:
    """Tell whether JAX is tracing a caller's function, so that numbers are not to be had."""
    return isinstance(jnp.zeros(()), Tracer)
