"""Points at which something is evaluated: known or traced, in which precision, how many at once."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike

from pinn.errors import PrecisionWarning, ProblemError, warn
from pinn.precision import Precision, single


def traced(coordinates: Sequence[Any]) -> bool:
    """Tell whether any coordinate is a value that JAX is tracing."""
    return any(isinstance(c, Tracer) for c in coordinates)


def say_precision(coordinates: Sequence[Any], precision: Precision) -> None:
    """Warn where fewer digits go in, or come back, than something evaluated at points has."""
    if precision != "float64":
        return
    if traced(coordinates):
        if jnp.result_type(float) != jnp.float64:
            warn(
                "Inside a JAX transformation values come back in the caller's single precision, "
                "about 7 digits of them: call jax.config.update('jax_enable_x64', True) first for "
                "all digits.",
                PrecisionWarning,
            )
    elif kind := single(coordinates):
        warn(
            f"Points are given in {kind}: values come back in double precision, at the rounded "
            "points; give NumPy arrays or plain numbers for all digits.",
            PrecisionWarning,
        )


def in_chunks(function: Callable[..., Any], arrays: Any, sizes: tuple[int, ...]) -> Any:
    """Return a compiled function of many points, computed so many at once.

    A function is compiled for every shape: the points are cut, and the last one repeated, so that
    there are only a few.

    Args:
        function: of a number of points, one array of `arrays` an argument, to a tree of arrays with
            one entry for each point.
        arrays: the points, one tree of arrays an argument, all of one length.
        sizes: numbers of points, rising; the first that holds all is taken, else the last.
    """
    count = len(jax.tree.leaves(arrays)[0])
    if not count:
        return function(*arrays)
    size = next((s for s in sizes if s >= count), sizes[-1])
    pieces = []
    for start in range(0, count, size):
        places = np.minimum(np.arange(start, start + size), count - 1)
        pieces.append(function(*jax.tree.map(lambda a, at=places: a[at], arrays)))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts)[:count], *pieces)


def unrounded(values: Any) -> Any:
    """Return double-precision values as NumPy arrays where JAX computes in single precision."""
    if jnp.result_type(float) == jnp.float64:
        return values
    return jax.tree.map(lambda v: v if isinstance(v, Tracer) else np.asarray(v), values)


def concrete(t: ArrayLike) -> np.ndarray:
    """Return numbers as an array in double precision.

    Raises:
        ProblemError: they are none.
    """
    try:
        return np.asarray(t, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"Points must be numbers or arrays, got {t!r}.") from error


def in_callers_precision(leaf: Any) -> Array:
    """Return real numbers in JAX's present default precision, integers as floats where a time."""
    if isinstance(leaf, Tracer) and jnp.issubdtype(leaf.dtype, jnp.integer):
        return leaf.astype(jnp.result_type(float))
    return jnp.asarray(leaf, jnp.result_type(float))
