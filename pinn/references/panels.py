"""A solution in panels of time, evaluated anywhere: series in time of series in space."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.jets import Jet
from pinn.problem.problem import Problem
from pinn.references.layout import components
from pinn.references.series import differentiated
from pinn.spectral import Chebyshev, Grid


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Panels:
    """A solution as Chebyshev series in time on panels, with coefficients that are space series.

    Args:
        edges: where the panels join, in the time since the start.
        coefficients: of shape (panels, degrees in time, components, *modes in space).
    """

    edges: Float[Array, " edges"]
    coefficients: Float[Array, "panels degrees components *modes"]


def along_lines(problem: Problem, grid: Grid, entries: tuple[str, ...]) -> Callable[..., Jet]:
    """Return the map (panels, t, *x) ↦ jet, one scalar a coordinate in the order of the axes.

    Space derivatives are those of the series, time derivatives follow from the equation where it
    gives them point by point, and from the series in time where it does not.
    """
    dynamics, space, time = problem.dynamics, problem.space, problem.time
    names = tuple(space.canonical(n) for n in entries)
    wanted = dynamics.free_entries(names) if dynamics.pointwise else tuple(sorted(set(names)))
    index, begin = space.coordinates.index(time), problem.interval.lower

    def jet_at(panels: Panels, *point: Array) -> Jet:
        t, place = point[index], point[:index] + point[index + 1 :]
        values: dict[str, Array] = dict(zip(space.coordinates, point, strict=True))
        at = _time_weights(panels, t - begin)
        for name in wanted:
            if not space.is_coordinate(name):
                values[name] = _entry(problem, grid, panels, name, at, place)
        if dynamics.pointwise:
            return dynamics.completed(values, names)
        return Jet(space, values)

    def picked(panels: Panels, *point: Array) -> Jet:
        jet = jet_at(panels, *point)
        return Jet(space, {name: jet[name] for name in set(names)})

    return picked


def _time_weights(panels: Panels, t: Array) -> tuple[Array, Array, Array]:
    """Return the panel of a time, its length, and where in it the time is, in [0, 1]."""
    panel = jnp.searchsorted(panels.edges, t, side="right") - 1
    panel = jnp.clip(panel, 0, panels.edges.shape[0] - 2)
    start = panels.edges[panel]
    length = panels.edges[panel + 1] - start
    return panel, length, (t - start) / length


def _entry(
    problem: Problem,
    grid: Grid,
    panels: Panels,
    name: str,
    at: tuple[Array, ...],
    place: tuple[Array, ...],
) -> Array:
    dynamics, space = problem.dynamics, problem.space
    entry, index = space.parse(name), space.coordinates.index(problem.time)
    order = entry.orders[index]
    lowest = min(order, dynamics.orders[entry.field] - 1)
    part, shape = components(dynamics.state_entries, space)[dynamics.entry(entry.field, lowest)]
    orders = entry.orders[:index] + entry.orders[index + 1 :]
    # Every panel at once, outside of any mapping over points.
    series = differentiated(grid, panels.coefficients[:, :, part], orders, 3)
    panel, length, place_in_time = at
    basis = Chebyshev(0.0, 1.0, series.shape[1])
    weights = basis.functions(place_in_time)
    for _ in range(order - lowest):
        weights = weights @ jnp.asarray(basis.derivative, weights.dtype) / length
    value = jnp.tensordot(weights, series[panel], axes=1)
    for basis, x in zip(grid.bases, place, strict=True):
        value = jnp.tensordot(value, basis.functions(x), axes=(1, 0))
    return value.reshape(shape)
