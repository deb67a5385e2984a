"""A problem's functions as numbers, at a few fixed points: what outlives a change of libraries.

Another version of JAX may trace the same function to another program. These values tell then
whether it is still the same, and in any case what differs.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import Jet
from pinn.precision import arithmetic
from pinn.problem.functions import stated_functions
from pinn.problem.statement import face_value

if TYPE_CHECKING:
    from pinn.problem.problem import Problem

COUNT = 16
AGREEMENT = 1e-9
GOLDEN = 0.6180339887498949


def samples(problem: "Problem") -> dict[str, list[float]]:
    """Return the values of a problem's functions at fixed jets and points, by what they are."""
    with arithmetic("float64"):
        functions = _on_jets(problem) | _on_points(problem)
        values = jax.jit(lambda: {name: value() for name, value in functions.items()})()
    return {name: np.ravel(value).tolist() for name, value in sorted(values.items())}


def apart(stored: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return which functions differ, each with the values where they first do."""
    told = []
    for name in sorted({*stored, *found}):
        before, now = (np.asarray(values.get(name, []), float) for values in (stored, found))
        if before.shape != now.shape:
            told.append(name)
        elif not np.all(close := _close(before, now)):
            place = int(np.argmin(close))
            told.append(f"{name}, {before[place]:.9g} at a sample and now {now[place]:.9g}")
    return told


def _close(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    size = np.max(np.abs(before[np.isfinite(before)]), initial=0.0)
    alike = (before == now) | (np.isnan(before) & np.isnan(now))
    with np.errstate(invalid="ignore"):
        return alike | (np.abs(before - now) <= AGREEMENT * size)


def _on_jets(problem: "Problem") -> dict[str, Callable[[], Any]]:
    space, found = problem.space, {}
    for index, (name, function) in enumerate(stated_functions(problem)):
        values = {n: _spread(problem, n, k) for k, n in enumerate(function.needs)}
        title = name if name not in found else f"{name} {index}"

        def at_all(function=function, values=values) -> Any:
            if not values:
                return _flat(function(Jet(space, {})))
            return jax.vmap(lambda v: _flat(function(Jet(space, v))))(values)

        found[title] = at_all
    return found


def _on_points(problem: "Problem") -> dict[str, Callable[[], Any]]:
    """Return initial data, boundary values and the closed form at points of the box."""
    extent, found = tuple(problem.extent), {}
    for name, value in problem.initial_state.items():
        found[f"initial {name}"] = _at(problem, value, extent)
    for index, condition in enumerate(problem.boundary):
        others = tuple(c for c in problem.axes if c != condition.axis)
        for end in condition.ends:
            value = face_value(problem.space, condition, end)
            title = f"value {index + 1}.{end} on {condition.field!r} in boundary="
            found[title] = _at(problem, value, others)
    if problem.exact is not None:
        found["exact"] = _at(problem, problem.exact, tuple(problem.axes))
    return found


def _at(problem: "Problem", value: Any, coordinates: tuple[str, ...]) -> Callable[[], Any]:
    if not callable(value):
        return lambda: jnp.asarray(value)
    if not coordinates:
        return lambda: _flat(value())
    points = [_spread(problem, name, k) for k, name in enumerate(coordinates)]
    return lambda: jax.vmap(lambda *point: _flat(value(*point)))(*points)


def _flat(value: Any) -> Any:
    leaves = [jnp.ravel(jnp.asarray(leaf, float)) for leaf in jax.tree.leaves(value)]
    return jnp.concatenate(leaves) if leaves else jnp.zeros(0)


def _spread(problem: "Problem", name: str, place: int) -> np.ndarray:
    """Return fixed values of an entry, evenly spread: along its axis, or in ±1 and in 0.1 … 1.1."""
    shape = problem.space.shape(name)
    size = int(np.prod(shape, dtype=int))
    ranks = np.arange(1, COUNT * size + 1) * GOLDEN * (1.0 + 0.1 * place) + 0.37 * place
    shares = np.mod(ranks, 1.0).reshape(COUNT, *shape)
    if name in problem.axes:
        axis = problem.axes[name]
        return axis.lower + axis.length * shares
    half = (np.arange(COUNT) % 2).reshape((COUNT,) + (1,) * len(shape))
    return np.where(half, shares + 0.1, 2.0 * shares - 1.0)
