"""The axes that a field lives over."""

import math
from dataclasses import dataclass
from itertools import pairwise

from pinn.errors import PrecisionWarning, ProblemError, warn
from pinn.precision import single


@dataclass(frozen=True)
class Interval:
    """The closed interval from `lower` to `upper` along one coordinate, in the problem's units.

    Args:
        lower: where it starts; along the evolution axis, where the initial data are given.
        upper: where it ends.
        breakpoints: interior points where the equation's right-hand side is not smooth (a kick, a
            switch): training windows and reference steps end there.

    Raises:
        ProblemError: an end is not finite, or they are not in increasing order.
    """

    lower: float
    upper: float
    breakpoints: tuple[float, ...] = ()

    def __post_init__(self):
        given = (self.lower, self.breakpoints, self.upper)
        if kind := single(given):
            warn(
                f"An axis is given an end or breakpoint in {kind}, which holds few digits: give a "
                "plain number.",
                PrecisionWarning,
            )
        try:
            points = [float(p) for p in (self.lower, *self.breakpoints, self.upper)]
        except (TypeError, ValueError) as error:
            raise ProblemError(
                "An interval takes two numbers and breakpoints=(…), a tuple of numbers, got "
                f"{self.lower!r}, {self.upper!r} and {self.breakpoints!r}."
            ) from error
        if not all(math.isfinite(p) for p in points):
            raise ProblemError(f"An interval needs finite ends and breakpoints, got {points}.")
        if any(a >= b for a, b in pairwise(points)):
            raise ProblemError(
                f"An interval's ends and the breakpoints between them must increase, got {points}: "
                "put the lower end first."
            )
        object.__setattr__(self, "lower", points[0])
        object.__setattr__(self, "upper", points[-1])
        object.__setattr__(self, "breakpoints", tuple(points[1:-1]))

    @property
    def length(self) -> float:
        """The distance from the lower to the upper end."""
        return self.upper - self.lower


@dataclass(frozen=True)
class Periodic:
    """A circle: the coordinate runs from `lower` to `upper`, which are the same point.

    Args:
        lower: where it starts.
        upper: where it closes; fields and all their derivatives agree at both.

    Raises:
        ProblemError: an end is not finite, or they are not in increasing order.
    """

    lower: float
    upper: float

    def __post_init__(self):
        ends = Interval(self.lower, self.upper)
        object.__setattr__(self, "lower", ends.lower)
        object.__setattr__(self, "upper", ends.upper)

    @property
    def length(self) -> float:
        """The circle's circumference."""
        return self.upper - self.lower


Axis = Interval | Periodic
