"""Time as references count it: from the start of the interval, with ends where the data vary."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from pinn.problem.axes import Interval
from pinn.problem.problem import Problem
from pinn.problem.scan import scan

# From where on the time's own rounding is worth correcting, in lengths of the interval.
FAR = 8.0
# A high-order step takes a few pieces between the knots at once.
STRIDE = 4


def local(interval: Interval, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose first argument is a time, as one of the time since the start.

    A time from an epoch, t = 1.7e9 + s, is rounded by 1e-7. What rounding takes from it is known
    exactly and added to first order, f(t) + f'(t) (s − (t − lower)), so that no digit is lost.
    """
    origin = interval.lower
    if abs(origin) <= FAR * interval.length:
        return lambda s, *rest: function(origin + s, *rest)

    def at(s: Array, *rest: Any) -> Any:
        t = origin + s
        value, slope = jax.jvp(lambda t: function(t, *rest), (t,), (s - (t - origin),))
        return jax.tree.map(lambda a, b: a + b, value, slope)

    return at


def jumps(problem: Problem) -> Float[np.ndarray, " jumps"]:
    """Return the times since the start at which something is not smooth."""
    interval = problem.interval
    found = {*interval.breakpoints, *scan(problem)[problem.time].jumps}
    return np.array(sorted(found)) - interval.lower


def stops(problem: Problem) -> Float[np.ndarray, " stops"]:
    """Return the times since the start that no step may leap over, so that none misses a pulse.

    They are knots of the explicit dependence on time, few where it is smooth, and every jump.
    """
    interval = problem.interval
    knots = scan(problem)[problem.time].knots[::STRIDE][1:] - interval.lower
    inside = knots[knots < interval.length * (1.0 - 1e-12)]
    return np.union1d(inside, jumps(problem))


def shown(interval: Interval, elapsed: float) -> str:
    """Return a time as text, with enough digits to tell times inside the interval apart."""
    digits = 6 + max(0, round(np.log10(1.0 + abs(interval.lower) / interval.length)))
    return f"{interval.lower + elapsed:.{digits}g}"
