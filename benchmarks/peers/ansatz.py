"""What a network reads and how its output is made to fit: the same for every framework's arrays."""

from collections.abc import Sequence
from math import pi
from typing import Any

from .adapter import Order


def features(order: Order, t: Any, x: Any, waves: int, maths: Any) -> list[Any]:
    """Return time, and x in [−1, 1] with its waves; on a circle, by its waves only.

    In mechanics time is only centred, not scaled: the motion's own time scale is 1.

    Args:
        order: what is solved.
        t: times.
        x: places, None in mechanics.
        waves: how many sines and cosines; in mechanics of the time.
        maths: the module with `sin` and `cos`.
    """
    tau = _scaled(order, 0, t)
    if x is None:
        centred = t - 0.5 * (order.lower[0] + order.upper[0])
        return [centred, *_waves(pi * tau, waves, maths)]
    place = _scaled(order, 1, x)
    if order.statement.space == "periodic":
        return [tau, *_waves(pi * place, waves, maths)]
    return [tau, place, *_waves(0.5 * pi * place, waves, maths)]


def _scaled(order: Order, axis: int, value: Any) -> Any:
    lower, upper = order.lower[axis], order.upper[axis]
    return 2.0 * (value - lower) / (upper - lower) - 1.0


def _waves(angle: Any, count: int, maths: Any) -> list[Any]:
    return [f(k * angle) for k in range(1, count + 1) for f in (maths.sin, maths.cos)]


def exact(order: Order, t: Any, x: Any, outputs: Sequence[Any], maths: Any) -> list[Any]:
    """Return the components with exact initial data, and exact walls where there are any.

    With s = tanh(t − start) they are u₀ + s N, or u₀ + s u̇₀ + s² N where u̇₀ is given. Where the
    initial data are a loss, only the walls are exact.
    """
    statement = order.statement
    if statement.space == "walls":
        bump = 4.0 * (x - order.lower[1]) * (order.upper[1] - x)
        bump = bump / (order.upper[1] - order.lower[1]) ** 2
        outputs = [bump * output for output in outputs]
    if order.soft:
        return list(outputs)
    start = statement.initial(t if x is None else x, order.constants, maths)
    ramp = maths.tanh(t - order.lower[0])
    found = []
    for name, output in zip(statement.components, outputs, strict=True):
        slope = ramp * start[f"{name}_t"] if statement.order == 2 else 0.0
        found.append(start[name] + slope + ramp**statement.order * output)
    return found
