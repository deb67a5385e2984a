"""What a window starts from: the initial data as a series in space, lifted to the walls."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

import jax.numpy as jnp
from jaxtyping import Array

from pinn.jets import Jet, prolong
from pinn.networks.box import Box, Jets
from pinn.networks.products import Factor, Orders
from pinn.networks.walls import lift_of, relieved
from pinn.networks.window import Window
from pinn.spectral import Grid


def base_jet(box: Box, grid: Grid, window: Window, entries: tuple[str, ...]) -> Callable[..., Jet]:
    """Return the jet of Σ_{k<n} u⁽ᵏ⁾(x) sᵏ/k!, lifted to the boundary values.

    It is a function of the point with s, the time since the window's start, for the time; its time
    coordinate is the true one.
    """
    space, index, asked = box.problem.space, box.time_index, box.asked(entries)
    parts = [_series_jet(box, grid, window, field, names) for field, names in asked.items()]
    parts.append(_lift_jet(box, window, asked))

    def jet_at(*point: Array) -> Jet:
        at = dict(zip(space.coordinates, point, strict=True))
        if index is not None:
            at[space.coordinates[index]] = point[index] + window.start
        values = {name: at[name] for name in entries if space.is_coordinate(name)}
        for part in parts:
            for name, value in part(*point).items():
                values[name] = values[name] + value if name in values else value
        return Jet(space, values)

    return jet_at


def _series_jet(
    box: Box, grid: Grid, window: Window, field: str, names: Mapping[str, Orders]
) -> Callable[..., Jets]:
    """Return the jet of the polynomial in time, less what the lift replaces at walls."""
    taylor = window.taylor[field]
    if not taylor.shape[0]:
        nothing = jnp.zeros(box.problem.fields[field], window.length.dtype)
        return lambda *point: dict.fromkeys(names, nothing)

    def powers(elapsed: Array) -> Array:
        one = jnp.ones_like(elapsed)
        return jnp.stack([elapsed**k / math.factorial(k) if k else one for k in range(len(taylor))])

    def combine(factors: Sequence[Array]) -> Array:
        return reduce(lambda rest, factor: jnp.tensordot(factor, rest, axes=1), factors, taylor)

    def along(place: int) -> Factor:
        plain = box.along(grid.bases[place], window.grading, place)
        return box.at_walls(field, place, plain, partial(relieved, box.problem.space))

    return box.jets([powers, *map(along, range(len(grid.bases)))], combine, names)


def _lift_jet(
    box: Box, window: Window, asked: Mapping[str, Mapping[str, Orders]]
) -> Callable[..., Jets]:
    """Return the jet of what has the demanded boundary values, where any is not zero."""
    lifts = {f: lift_of(box.problem, box.walls[f], window.start) for f in asked}
    present = {field: lift for field, lift in lifts.items() if lift is not None}
    names = [name for field in present for name in asked[field]]
    if not names:
        return lambda *point: {}
    values = lambda *point: {field: lift(*point) for field, lift in present.items()}  # noqa: E731
    return prolong(values, box.problem.space, names)
