"""Conditions at the ends of an axis: what a field, its slope or a mixture of both is there."""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, JetFunction, JetSpace, on_jets

# A number for every component, an array or tuple of the field's shape, or a function of the other
# coordinates in their order.
Value = float | Array | tuple[Any, ...] | Callable[..., Any]


@dataclass(frozen=True)
class AbstractCondition(abc.ABC):
    """A linear condition on one field at one or both ends of an interval.

    Args:
        field: which field.
        axis: across which axis; its ends are faces of the box.
        lower: the value demanded at the lower end: a number for every component, an array or tuple
            of the field's shape, or a function of the other coordinates in the order of axes=; None
            leaves that end free.
        upper: the same at the upper end.
        hard: build the condition into the ansatz, so that it holds exactly; otherwise it is a row
            of the loss.
    """

    field: str
    axis: str
    lower: Value | None = 0.0
    upper: Value | None = 0.0
    hard: bool = True

    @abc.abstractmethod
    def left_side(self, jet: Jet) -> Array:
        """Return what is demanded to have the given value, linear in the jet."""

    def operator(self, space: JetSpace) -> JetFunction:
        """Return the left side as a function on jets."""
        return on_jets(space, self.left_side, f"condition on {self.field!r}")

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
