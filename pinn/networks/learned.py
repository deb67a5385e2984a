"""What a network adds to what a window starts from: nothing at the start and on the walls."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from pinn.jets import prolong
from pinn.networks.box import Box, Jets
from pinn.networks.embedding import chebyshev
from pinn.networks.features import Features
from pinn.networks.network import AbstractNetwork
from pinn.networks.products import Factor
from pinn.networks.walls import released
from pinn.networks.window import Window


def bent_jet(
    box: Box, network: AbstractNetwork, model: nnx.Module, window: Window, entries: tuple[str, ...]
) -> Callable[..., Jets]:
    """Return the jet of scale (s/h)ⁿ d N, of a network that is bent in its weights."""
    space, shapes = box.problem.space, box.problem.fields

    def of(field: str):
        def free(*point: Array) -> Array:
            place = box.space_part(point)
            at = tuple(box.graded(window.grading, i, x) for i, x in enumerate(place))
            inputs = network.seen(box.problem.extent, box.mirrors, at)
            scale = jnp.ones_like(place[0])
            for axis, x in enumerate(place):
                scale = scale * box.odd(field, axis, x)
            if box.time_index is not None:
                elapsed = point[box.time_index]
                shift = (2.0 * elapsed / window.length - 1.0)[None]
                inputs, scale = (
                    jnp.concatenate([shift, inputs]),
                    scale * _rise(box, window, field, elapsed),
                )
            return scale * model(inputs)[space.columns[field]].reshape(shapes[field])

        return released(space, box.walls[field], free)

    parts = {field: of(field) for field in box.asked(entries)}
    return prolong(lambda *p: {field: part(*p) for field, part in parts.items()}, space, entries)


def linear_jet(
    box: Box, features: Features, kernel: Array, window: Window, entries: tuple[str, ...]
) -> Callable[..., Jets]:
    """Return the jet of scale (s/h)ⁿ d N, of a network that is linear in its weights."""
    space, features_at = box.problem.space, features_jet(box, features, window, entries)

    def jets_at(*point: Array) -> Jets:
        found = {}
        for name, values in features_at(*point).items():
            field = space.parse(name).field
            learned = values @ kernel[:, space.columns[field]]
            found[name] = learned.reshape(box.problem.fields[field])
        return found

    return jets_at


def features_jet(
    box: Box, features: Features, window: Window, entries: tuple[str, ...]
) -> Callable[..., Jets]:
    """Return, by entry, the vector that each component of its field is linear in."""
    timed = box.time_index is not None

    def along(field: str, place: int) -> Factor:
        plain = box.along(features.bases[place], window.grading, place)
        factor = lambda x: plain(x) * box.odd(field, place, x)  # noqa: E731
        return box.at_walls(field, place, factor, partial(released, box.problem.space))

    def in_time(field: str) -> Factor:
        shape = lambda s: chebyshev(2.0 * s / window.length - 1.0, features.times)  # noqa: E731
        return lambda s: _rise(box, window, field, s) * shape(s)

    parts = []
    for field, names in box.asked(entries).items():
        space_factors = [along(field, place) for place in range(len(features.bases))]
        factors = [in_time(field), *space_factors] if timed else space_factors
        parts.append(box.jets(factors, features.products, names))
    return lambda *point: {name: v for part in parts for name, v in part(*point).items()}


def _rise(box: Box, window: Window, field: str, elapsed: Array) -> Array:
    """Return scale (s/h)ⁿ; a field without evolution, n = 0, is free from the start."""
    power = max(box.problem.dynamics.orders[field], 0)
    return window.scale[field] * (elapsed / window.length) ** power
