"""The jet of a callable: its value and derivatives at a point, by forward-mode Taylor lifting."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.jets.jet import Jet
from pinn.jets.sharing import shared
from pinn.jets.space import Entry, JetSpace

FieldFunction = Callable[..., Mapping[str, Array]]


def prolong(function: FieldFunction, space: JetSpace, entries: Iterable[str]) -> Callable[..., Jet]:
    """Return the map from a point (one scalar a coordinate) to the jet of `function` there.

    Args:
        function: takes one scalar a coordinate, returns the value of each field by name.
        space: names the coordinates and the fields.
        entries: which coordinates and derivatives the jet shall hold.

    Derivatives along one coordinate share one lift u ↦ (u, u_x, …, u_x…x), which is nested forward
    mode that carries every lower order along; the value of a small network's jet is no slower than
    by `jax.experimental.jet` (`benchmarks/jets.py` measures it), and it differentiates whatever
    `jax.jvp` does. What several lifts compute alike is computed once (`pinn.jets.sharing`): on one
    thread a residual costs at most a forward pass a propagated vector, or little more
    (`benchmarks/derivatives.py`). A sum of pure second derivatives is not propagated as one vector
    (the forward Laplacian): a jet holds its entries by name, and the sum is formed only outside.
    """
    names = sorted({space.canonical(name) for name in entries})
    wanted = {name: space.parse(name) for name in names if not space.is_coordinate(name)}

    def jet_at(*point: Float[Array, ""]) -> Jet:
        orders = {entry.orders for entry in wanted.values()}
        known = _derivatives(function, point, orders)
        values = {name: known[entry.orders][entry.field] for name, entry in wanted.items()}
        at = dict(zip(space.coordinates, point, strict=True))
        return Jet(space, values | {name: at[name] for name in names if name in at})

    return lambda *point: shared(jet_at, *point)


def entry_of(space: JetSpace, field: str, coordinate: str, order: int) -> str:
    """Return the name of the derivative of `field` of one order along one coordinate."""
    orders = tuple(order if c == coordinate else 0 for c in space.coordinates)
    return space.name(Entry(field, orders))


def _derivatives(
    function: FieldFunction, point: tuple[Array, ...], wanted: set[tuple[int, ...]]
) -> dict[tuple[int, ...], Mapping[str, Array]]:
    """Return each wanted multi-index's derivative, one lift a coordinate, mixed ones nested."""
    known: dict[tuple[int, ...], Mapping[str, Array]] = {}
    for axis in range(len(point)):
        pure = [orders for orders in wanted if _first_axis(orders) == axis]
        for tail in {orders[axis + 1 :] for orders in pure}:
            inner = _nested(function, axis + 1, tail)
            highest = max(orders[axis] for orders in pure if orders[axis + 1 :] == tail)
            for order, value in enumerate(lift(inner, axis, highest)(*point)):
                known[(0,) * axis + (order, *tail)] = value
    origin = (0,) * len(point)
    if origin in wanted and origin not in known:
        known[origin] = function(*point)
    return known


def _first_axis(orders: tuple[int, ...]) -> int:
    return next((axis for axis, order in enumerate(orders) if order), -1)


def _nested(function: FieldFunction, axis: int, tail: tuple[int, ...]) -> FieldFunction:
    """Return the mixed derivative of `function` by the orders in `tail`, from coordinate `axis`."""
    for offset, order in enumerate(tail):
        if order:
            lifted = lift(function, axis + offset, order)
            function = lambda *point, lifted=lifted: lifted(*point)[-1]  # noqa: E731
    return function


def lift(function: Callable[..., Any], axis: int, order: int) -> Callable[..., tuple[Any, ...]]:
    """Return the map to (u, ∂u, …, ∂^order u) along one coordinate, which is given by its place."""
    if order == 0:
        return lambda *point: (function(*point),)
    lower = lift(function, axis, order - 1)

    def lifted(*point: Array) -> tuple[Any, ...]:
        move = lambda value: lower(*point[:axis], value, *point[axis + 1 :])  # noqa: E731
        at = point[axis]
        values, rates = jax.jvp(move, (at,), (jnp.ones_like(at),))
        return (*values, rates[-1])

    return lifted
