"""How time is cut into windows: evenly, or so that each meets a tolerance."""

import abc
import math
from dataclasses import dataclass, replace

from pinn.errors import RecipeError


@dataclass(frozen=True)
class Attempt:
    """How the training of one window ended.

    Args:
        length: the window's length.
        share: the same, as a share of the whole span.
        residual: the largest dimensionless residual on fresh points.
        reachable: a level below which the residual cannot be expected to fall, from round-off or
            from initial data that are slightly off the conserved values.
        steps: how many steps the training took.
    """

    length: float
    share: float
    residual: float
    reachable: float
    steps: int


class AbstractWindows(abc.ABC):
    """A rule for the lengths of successive windows.

    A subclass states `first` and `following`; the rest is for rules that look at what a window
    reached. The last window ends where the interval does, whatever the rule says, and so does one
    at each breakpoint. A frozen dataclass is saved with a solution.
    """

    @property
    def adaptive(self) -> bool:
        """Whether lengths follow the solution, so that a window may be cut before a pulse."""
        return False

    @property
    def together(self) -> bool:
        """Whether all windows are solved at once, not one after the other."""
        return False

    def suited(self, usual: "AbstractWindows", precision: str) -> "AbstractWindows":
        """Return the rule with what it leaves open taken from the one that suits a problem."""
        return self

    def accuracy(self, precision: str) -> float:
        """Return the relative residual on unseen points below which a solution has converged.

        That is by default 1e5 times the target, or one in a thousand where there is none.
        """
        return 1e5 * self.target(precision) or 1e-3

    @abc.abstractmethod
    def first(self, span: float, time_scale: float) -> float:
        """Return the first window's length, from the whole span and the solution's time scale."""

    def target(self, precision: str) -> float:
        """Return the residual to train to; by default as far as the steps go."""
        return 0.0

    def retry(self, attempts: list[Attempt], precision: str) -> float | None:
        """Return a shorter length to try this window again with, or None to accept it."""
        return None

    @abc.abstractmethod
    def following(
        self, attempts: list[Attempt], precision: str, before: Attempt | None = None
    ) -> float:
        """Return the next window's length after this one was accepted, as the one before was."""


@dataclass(frozen=True)
class Uniform(AbstractWindows):
    """`count` windows of equal length, each accepted as it comes.

    Args:
        count: how many.
        tolerance: the dimensionless residual at which a window's training may stop early.
    """

    count: int = 1
    tolerance: float = 0.0

    def __post_init__(self):
        if self.count < 1:
            raise RecipeError(f"Uniform windows need a count of at least 1, got {self.count}.")

    def first(self, span: float, time_scale: float) -> float:
        """Return an even share of the span."""
        return span / self.count

    def target(self, precision: str) -> float:
        """Return the tolerance."""
        return self.tolerance

    def following(
        self, attempts: list[Attempt], precision: str, before: Attempt | None = None
    ) -> float:
        """Keep the length."""
        return attempts[0].length


@dataclass(frozen=True)
class Joint(Uniform):
    """All windows at once: the states at their joints are unknown together.

    It is what conditions at both ends of time and periodic orbits need, and gives the numbers of a
    march where there are initial data. Windows that miss the tolerance are cut in halves.

    Args:
        count: how many windows there are at first, of equal length between two breakpoints.
        tolerance: the residual that a window is to meet; by default the one that suits the problem.
        halvings: how often a window may be cut.
        iterations: the most Gauss–Newton steps of the states at the joints.
    """

    count: int = 8
    halvings: int = 8
    iterations: int = 60

    @property
    def together(self) -> bool:
        """All windows are solved at once."""
        return True

    def suited(self, usual: AbstractWindows, precision: str) -> AbstractWindows:
        """Return the rule with a tolerance, one that asks for as much as the usual rule does."""
        return self if self.tolerance else replace(self, tolerance=1e-3 * usual.accuracy(precision))

    def accuracy(self, precision: str) -> float:
        """Return 1000 times the tolerance: windows are shorter than what the solution does."""
        return 1e3 * self.tolerance


@dataclass(frozen=True)
class Adaptive(AbstractWindows):
    """Windows as long as the network can solve to a tolerance, as an integrator chooses its steps.

    The residual is dimensionless, h^n |residual| / (mass · field scale), and is judged on points
    that training did not see.

    Training stops when it has met the tolerance, so that not the residual but the number of steps
    it took tells how hard a window was.

    Args:
        tolerance: the residual that a window must meet; by default 1e-12 in double precision and
            1e-5 in single.
        aim: lengthen windows that took fewer steps than this, and shorten those that took more.
        order: the residual is taken to fall like length^order when a window missed its tolerance.
        least: the shortest window, as a share of the whole span.
    """

    tolerance: float | None = None
    aim: int = 18
    order: int = 12
    least: float = 1e-7

    def __post_init__(self):
        if self.tolerance is not None and self.tolerance <= 0.0:
            raise RecipeError(f"The windows' tolerance must be positive, got {self.tolerance}.")

    @property
    def adaptive(self) -> bool:
        """Lengths follow the solution."""
        return True

    def accuracy(self, precision: str) -> float:
        """Return 1000 times the tolerance: windows are shorter than what the solution does."""
        return 1e3 * self.target(precision)

    def first(self, span: float, time_scale: float) -> float:
        """Return a quarter of the time scale on which the initial data change."""
        return min(span, max(0.25 * time_scale, self.least * span))

    def target(self, precision: str) -> float:
        """Return the tolerance for this precision."""
        return self.tolerance or (1e-12 if precision == "float64" else 1e-5)

    def retry(self, attempts: list[Attempt], precision: str) -> float | None:
        """Shorten until the tolerance is met, or shortening no longer helps."""
        last, goal = attempts[-1], self._goal(attempts[-1], precision)
        if last.residual <= goal or self._at_floor(attempts, goal):
            return None
        if not last.residual < float("inf"):
            return 0.3 * last.length
        return last.length * min(max((0.3 * goal / last.residual) ** (1.0 / self.order), 0.3), 0.8)

    def following(
        self, attempts: list[Attempt], precision: str, before: Attempt | None = None
    ) -> float:
        """Grow or shrink towards the length that takes as many steps as are aimed at."""
        last, goal = attempts[-1], self._goal(attempts[-1], precision)
        if last.residual > goal:
            return attempts[0].length
        limit = 1.3 if len(attempts) == 1 else 1.0
        return last.length * min(max((self.aim / max(last.steps, 1)) ** 0.5, 0.7), limit)

    def _goal(self, attempt: Attempt, precision: str) -> float:
        """Return the tolerance, or what can be reached where that is more, but still small."""
        target = self.target(precision)
        return max(target, min(10.0 * attempt.reachable, target**0.5))

    def _at_floor(self, attempts: list[Attempt], goal: float) -> bool:
        """Tell whether the residual is small and two shorter windows did not lower it."""
        last = attempts[-1]
        small = last.residual <= goal**0.5
        return small and len(attempts) > 2 and last.residual > 0.5 * attempts[-3].residual


@dataclass(frozen=True)
class Controlled(AbstractWindows):
    """Windows as long as their fresh residual allows, as an integrator controls its steps.

    For networks that are trained to the bottom of their loss in every window: there the residual on
    fresh points tells how well a window of this length can be represented. It is measured over the
    span, residual · span / h, which is what all windows together would add, whatever their number:
    what the waves in space leave then stays as it is when a window is shortened, what the
    polynomials in time leave falls like hⁿ, and the next length is
    h (safety · tolerance / measure)^(1/n).

    Args:
        tolerance: the measure that a window must meet.
        order: n.
        count: the first window is at most this share of the span.
        least: the shortest window, as a share of the whole span.
    """

    tolerance: float = 1e-5
    order: int = 6
    count: int = 10
    least: float = 1e-5

    def __post_init__(self):
        if self.tolerance <= 0.0:
            raise RecipeError(f"The windows' tolerance must be positive, got {self.tolerance}.")

    @property
    def adaptive(self) -> bool:
        """Lengths follow the solution."""
        return True

    def accuracy(self, precision: str) -> float:
        """Return 100 times the tolerance, which is of another norm."""
        return 100.0 * self.tolerance

    def first(self, span: float, time_scale: float) -> float:
        """Return a share of the span, or less where the initial data change fast."""
        return max(min(span / self.count, 0.25 * time_scale), self.least * span)

    def target(self, precision: str) -> float:
        """Return the residual of a short window that is far below the tolerance."""
        return 1e-4 * self.tolerance

    def retry(self, attempts: list[Attempt], precision: str) -> float | None:
        """Shorten until the tolerance is met, or shortening no longer helps."""
        last = attempts[-1]
        if not last.residual < float("inf"):
            return 0.3 * last.length
        if _measure(last) <= self._goal(last) or self._at_floor(attempts):
            return None
        return last.length * min(max(self._factor(last, self._goal(last)), 0.2), 0.7)

    def following(
        self, attempts: list[Attempt], precision: str, before: Attempt | None = None
    ) -> float:
        """Return the length at which this window would just have met the tolerance.

        Where it was accepted above that, or the measure does not follow the length, space or
        rounding limits it: shorter windows would only be more, and longer ones may do as well.
        """
        last, first = attempts[-1], len(attempts) == 1
        if _measure(last) > self.tolerance:
            return (1.2 if first else 1.0) * attempts[0].length
        factor = min(max(self._factor(last, self.tolerance), 0.5), 2.0)
        if factor < 1.0 and first and before is not None and self._insensitive(last, before):
            factor = 1.2
        return last.length * factor

    def _goal(self, attempt: Attempt) -> float:
        return max(self.tolerance, 20.0 * attempt.reachable / attempt.share)

    def _factor(self, attempt: Attempt, goal: float) -> float:
        return (0.2 * goal / max(_measure(attempt), 1e-300)) ** (1.0 / self.order)

    def _insensitive(self, last: Attempt, before: Attempt) -> bool:
        """Tell whether the measure changed far less between two windows than hⁿ did."""
        change = abs(math.log(max(_measure(last), 1e-300) / max(_measure(before), 1e-300)))
        return change < 0.5 * self.order * abs(math.log(last.length / before.length))

    def _at_floor(self, attempts: list[Attempt]) -> bool:
        """Tell whether the measure fell by less than the length's change."""
        if len(attempts) < 2:
            return False
        last, before = attempts[-1], attempts[-2]
        return _measure(last) > (last.length / before.length) * _measure(before)


def _measure(attempt: Attempt) -> float:
    return attempt.residual / attempt.share
