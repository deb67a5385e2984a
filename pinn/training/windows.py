"""How time is cut into windows: evenly, or so that each meets a tolerance."""

import abc
from dataclasses import dataclass

from pinn.errors import RecipeError


@dataclass(frozen=True)
class Attempt:
    """How the training of one window ended.

    Args:
        length: the window's length.
        residual: the largest dimensionless residual on fresh points.
        reachable: a level below which the residual cannot be expected to fall, from round-off or
            from initial data that are slightly off the conserved values.
    """

    length: float
    residual: float
    reachable: float


class AbstractWindows(abc.ABC):
    """A rule for the lengths of successive windows."""

    @abc.abstractmethod
    def first(self, span: float, time_scale: float) -> float:
        """Return the first window's length, from the whole span and the solution's time scale."""

    @abc.abstractmethod
    def target(self, precision: str) -> float:
        """Return the residual to train to."""

    @abc.abstractmethod
    def retry(self, attempts: list[Attempt], precision: str) -> float | None:
        """Return a shorter length to try this window again with, or None to accept it."""

    @abc.abstractmethod
    def following(self, attempts: list[Attempt], precision: str) -> float:
        """Return the next window's length after this one was accepted."""


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

    def retry(self, attempts: list[Attempt], precision: str) -> float | None:
        """Accept every window."""
        return None

    def following(self, attempts: list[Attempt], precision: str) -> float:
        """Keep the length."""
        return attempts[0].length


@dataclass(frozen=True)
class Adaptive(AbstractWindows):
    """Windows as long as the network can solve to a tolerance, as an integrator chooses its steps.

    The residual is dimensionless, h^n |residual| / (mass · field scale), and is judged on points
    that training did not see.

    Args:
        tolerance: the residual that a window must meet; by default 1e-12 in double precision and
            1e-5 in single.
        safety: aim for this share of the tolerance.
        order: the residual is taken to fall like length^order when choosing the next length.
        least: the shortest window, as a share of the whole span.
    """

    tolerance: float | None = None
    safety: float = 0.3
    order: int = 12
    least: float = 1e-7

    def __post_init__(self):
        if self.tolerance is not None and self.tolerance <= 0.0:
            raise RecipeError(f"The windows' tolerance must be positive, got {self.tolerance}.")

    def first(self, span: float, time_scale: float) -> float:
        """Return a quarter of the time scale on which the initial data change."""
        return min(span, max(0.25 * time_scale, self.least * span))

    def target(self, precision: str) -> float:
        """Return the tolerance for this precision."""
        return self.tolerance or (1e-12 if precision == "float64" else 1e-5)

    def retry(self, attempts: list[Attempt], precision: str) -> float | None:
        """Shorten until the tolerance is met, or shortening no longer helps."""
        last, goal = attempts[-1], self._goal(attempts[-1], precision)
        if last.residual <= goal:
            return None
        small = last.residual <= goal**0.5
        if small and len(attempts) > 2 and last.residual > 0.5 * attempts[-3].residual:
            return None
        return last.length * min(max(self._factor(last, goal), 0.3), 0.8)

    def following(self, attempts: list[Attempt], precision: str) -> float:
        """Grow or shrink towards the length that just meets the tolerance."""
        last = attempts[-1]
        limit = 1.5 if len(attempts) == 1 else 1.0
        return last.length * min(max(self._factor(last, self._goal(last, precision)), 0.5), limit)

    def _goal(self, attempt: Attempt, precision: str) -> float:
        return max(self.target(precision), 10.0 * attempt.reachable)

    def _factor(self, attempt: Attempt, goal: float) -> float:
        if not attempt.residual < float("inf"):
            return 0.3
        return (self.safety * goal / max(attempt.residual, 1e-300)) ** (1.0 / self.order)
