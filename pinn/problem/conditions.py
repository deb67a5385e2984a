"""Conditions at the ends of an axis: what a field, its slope or a mixture of both is there."""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from pinn.errors import PinnError
from pinn.jets import Jet, JetFunction, JetSpace, on_jets, random_jets
from pinn.precision import arithmetic

# A number for every component, an array or tuple of the field's shape, or a function of the other
# coordinates in their order.
Value = float | Array | tuple[Any, ...] | Callable[..., Any]


@dataclass(frozen=True)
class AbstractCondition(abc.ABC):
    """A condition on a field at one or both ends of an interval, B(u) = g.

    A subclass states B in `left_side`, with fields of its own where it needs them. It may be any
    function of the jet; what is linear in the field and its derivatives across the axis, with
    constant coefficients, is built into the ansatz, everything else is rows of the loss.

    Args:
        field: which field.
        axis: across which axis; its ends are faces of the box.
        lower: the value demanded at the lower end: a number for every component, an array or tuple
            of the field's shape, or a function of the other coordinates in the order of axes=; None
            leaves that end free.
        upper: the same at the upper end.
        hard: build the condition into the ansatz where that is possible, so that it holds exactly;
            otherwise it is a row of the loss.
    """

    field: str
    axis: str
    lower: Value | None = 0.0
    upper: Value | None = 0.0
    hard: bool = True

    @abc.abstractmethod
    def left_side(self, jet: Jet) -> Array:
        """Return what is demanded to have the given value, an array of the field's shape."""

    @property
    def estimated(self) -> bool:
        """Whether the left side holds values of unknowns, which JAX may be tracing."""
        return False

    def operator(self, space: JetSpace) -> JetFunction:
        """Return the left side as a function on jets."""
        return on_jets(space, self.left_side, f"condition on {self.field!r}")

    def built_in(self, space: JetSpace) -> bool:
        """Tell whether it is to be imposed exactly, and can be.

        It can where B is linear in derivatives of the field across the axis alone, the same for
        every component and everywhere on the face.
        """
        return self.hard and is_linear(self, space)

    def pure_order(self, space: JetSpace) -> int | None:
        """Return k where B is a multiple of ∂ᵏu/∂xᵏ alone, else None."""
        needs = self.operator(space).needs
        if len(needs) != 1 or not is_linear(self, space):
            return None
        return sum(space.parse(needs[0]).orders)

    @property
    def homogeneous(self) -> bool:
        """Whether every demanded value is the number zero."""
        values = self.ends.values()
        return all(not callable(v) and not np.any(np.asarray(v, dtype=float)) for v in values)

    @property
    def ends(self) -> dict[int, Value]:
        """The demanded values by end: 0 for the lower, 1 for the upper."""
        both = {0: self.lower, 1: self.upper}
        return {end: value for end, value in both.items() if value is not None}


@dataclass(frozen=True)
class Dirichlet(AbstractCondition):
    """The field's value, u = g."""

    def left_side(self, jet: Jet) -> Array:
        """Return u."""
        return jet[self.field]


@dataclass(frozen=True)
class Neumann(AbstractCondition):
    """The field's derivative along the axis, ∂u/∂x = g (not along the outward normal)."""

    def left_side(self, jet: Jet) -> Array:
        """Return ∂u/∂x."""
        return jet[jet.space.raised(self.field, self.axis)]


@dataclass(frozen=True)
class Robin(AbstractCondition):
    """A mixture of value and slope, a u + b ∂u/∂x = g.

    Args:
        field: which field.
        axis: across which axis.
        lower: g at the lower end.
        upper: g at the upper end.
        hard: build it into the ansatz.
        value: a.
        slope: b.
    """

    value: float = 1.0
    slope: float = 1.0

    def left_side(self, jet: Jet) -> Array:
        """Return a u + b ∂u/∂x."""
        slope = jet[jet.space.raised(self.field, self.axis)]
        return self.value * jet[self.field] + self.slope * slope


@dataclass(frozen=True)
class Derivative(AbstractCondition):
    """A derivative of any order along the axis, ∂ᵏu/∂xᵏ = g, as a beam's bending moment.

    Args:
        field: which field.
        axis: across which axis.
        lower: g at the lower end.
        upper: g at the upper end.
        hard: build it into the ansatz.
        order: k.
    """

    order: int = 2

    def left_side(self, jet: Jet) -> Array:
        """Return ∂ᵏu/∂xᵏ."""
        return jet[f"{self.field}_{self.axis * self.order}" if self.order else self.field]


def is_linear(condition: AbstractCondition, space: JetSpace) -> bool:
    """Tell whether a condition is linear in its own field's derivatives across its axis."""
    left, field = condition.operator(space), condition.field
    if condition.estimated:
        return False
    if any(space.is_coordinate(name) for name in left.needs):
        return False
    entries = [space.parse(name) for name in left.needs]
    across = space.coordinates.index(condition.axis)
    if any(e.field != field or sum(e.orders) != e.orders[across] for e in entries):
        return False
    with arithmetic("float64"), jax.ensure_compile_time_eval():
        one, other = (random_jets(space, left.needs, seed, 1) for seed in (1, 2))
        one, other = (jax.tree.map(lambda a: a[0], jet) for jet in (one, other))
        mixed = jax.tree.map(lambda a, b: 2.0 * a - 3.0 * b, one, other)
        terms = [np.asarray(f) for f in (left(mixed), 2.0 * left(one), -3.0 * left(other))]
        whole = terms[0] - terms[1] - terms[2]
        size = sum(np.abs(term) for term in terms)
        alike = _acts_alike(condition, space, one, np.asarray(left(one)))
    return alike and bool(np.all(np.abs(whole) <= 1e-12 * size))


def _acts_alike(
    condition: AbstractCondition, space: JetSpace, jet: Jet, values: np.ndarray
) -> bool:
    """Tell whether a condition does to every component what it does to a scalar field."""
    shape = space.fields[condition.field]
    if values.shape != shape:
        return False
    scalar = JetSpace.of(space.coordinates, {condition.field: ()})
    try:
        left = condition.operator(scalar)
        for index in np.ndindex(shape):
            value = left(Jet(scalar, {name: jet[name][index] for name in jet}))
            if abs(float(value) - values[index]) > 1e-12 * abs(values[index]):
                return False
    except PinnError:
        return False
    return True
