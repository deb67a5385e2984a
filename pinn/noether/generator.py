"""Infinitesimal generators of transformations of coordinates and fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import jax.numpy as jnp
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, JetSpace


@dataclass(frozen=True, eq=False)
class Generator:
    """A generator X = ξ^μ ∂_μ + η^a ∂/∂u^a with gauge term K^μ; δL = D_μK^μ.

    With one parameter ξ^μ and K^μ are scalars and η^a has its field's shape; a family of k
    generators has a leading axis of length k on each.

    Args:
        space: the jet space.
        xi: ξ by coordinate; a missing one is zero.
        eta: η by field; a missing one is zero.
        gauge: K by coordinate; a missing one is zero.
    """

    space: JetSpace
    xi: Mapping[str, JetFunction] = field(default_factory=dict)
    eta: Mapping[str, JetFunction] = field(default_factory=dict)
    gauge: Mapping[str, JetFunction] = field(default_factory=dict)

    def __post_init__(self):
        for name in (*self.xi, *self.gauge):
            if name not in self.space.coordinates:
                raise ProblemError(
                    f"A generator moves the coordinate {name!r}, but the coordinates are "
                    f"{', '.join(self.space.coordinates)}."
                )
        for name in self.eta:
            if name not in self.space.fields:
                raise ProblemError(
                    f"A generator moves the field {name!r}, but the fields are "
                    f"{', '.join(self.space.fields)}."
                )

    @cached_property
    def family(self) -> tuple[int, ...]:
        """`(k,)` for a family of k generators, `()` for a single one."""
        scalars = [f.shape for f in (*self.xi.values(), *self.gauge.values())]
        vectors = [f.shape[: len(f.shape) - len(self.space.fields[a])] for a, f in self.eta.items()]
        shapes = {shape for shape in (*scalars, *vectors) if shape}
        if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
            raise ProblemError(
                f"The parts of a generator disagree on how many there are: {sorted(shapes)}; give "
                "ξ and K a shape () or (k,), and η the field's shape or (k, *field's shape)."
            )
        for name, function in self.eta.items():
            shape = self.space.fields[name]
            if function.shape[len(function.shape) - len(shape) :] != shape:
                raise ProblemError(
                    f"η moves the field {name!r} of shape {shape} by an array of shape "
                    f"{function.shape}: give it the field's shape, or (k, *shape)."
                )
        return next(iter(shapes), ())

    def characteristic(self, name: str) -> JetFunction:
        """Return Q = η − ξ^ν u_ν of one field, of shape `family + field's shape`."""
        space = self.space
        zeros = tuple(self.family) + space.fields[name]

        def expression(jet: Jet) -> Array:
            moved = jnp.zeros(zeros)
            if name in self.eta:
                moved = moved + jnp.broadcast_to(self.eta[name](jet), zeros)
            for coordinate, xi in self.xi.items():
                slope = jet[space.raised(name, coordinate)]
                moved = moved - jnp.broadcast_to(jnp.multiply.outer(xi(jet), slope), zeros)
            return moved

        return JetFunction(space, expression, f"Q_{name}")
