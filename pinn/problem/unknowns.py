"""What a statement leaves open: constants, initial data, and functions to be found from data."""

import inspect
import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from pinn.errors import ProblemError

Prior = tuple[float, float]


@dataclass(frozen=True)
class Unknown:
    """A number, or an array of numbers, to be found from data.

    In a problem's functions it is the jet's entry of its name, `j.length`; initial data that are
    unknown stand in `initial=` in place of their value.

    Args:
        guess: where the search starts. It may be left out where the equation is linear enough in
            the unknowns to be solved for them at a smoothing of the data.
        lower: the unknown is larger than this.
        upper: the unknown is smaller than this.
        prior: mean and standard deviation of what is known of it before the data.

    Raises:
        ProblemError: bounds in the wrong order, a guess outside them, or a prior without spread.
    """

    guess: Any = None
    lower: float | None = None
    upper: float | None = None
    prior: Prior | None = None

    def __post_init__(self):
        for name in ("lower", "upper"):
            _check_bound(name, getattr(self, name))
        low, high = self.bounds
        if not low < high:
            raise ProblemError(
                f"An unknown has lower={self.lower} and upper={self.upper}: the lower bound must "
                "be smaller."
            )
        if self.guess is not None:
            guess = finite(self.guess, "guess of an unknown")
            if not (np.all(guess > low) and np.all(guess < high)):
                raise ProblemError(
                    f"The guess {self.guess} of an unknown is not between its bounds, {low:g} and "
                    f"{high:g}: give one inside, or leave it out."
                )
        if self.prior is not None:
            _check_prior(self.prior)

    @property
    def bounds(self) -> tuple[float, float]:
        """The bounds, infinite where there is none."""
        low = -math.inf if self.lower is None else float(self.lower)
        return low, math.inf if self.upper is None else float(self.upper)

    @property
    def start(self) -> np.ndarray:
        """The guess, or else the prior's mean inside the bounds, or else a number inside them."""
        if self.guess is not None:
            return np.asarray(self.guess, dtype=float)
        low, high = self.bounds
        if self.prior is not None and low < self.prior[0] < high:
            middle = self.prior[0]
        elif math.isfinite(low) and math.isfinite(high):
            middle = 0.5 * (low + high)
        elif math.isfinite(low):
            middle = low + 1.0
        else:
            middle = high - 1.0 if math.isfinite(high) else 1.0
        return np.asarray(middle, dtype=float)


@dataclass(frozen=True)
class Field:
    """An unknown function of some of the coordinates, as a diffusivity a(x).

    It stands in `fields=`, and is the jet's entry of its name, with its derivatives: `j.a`,
    `j.a_x`. It is a series with a smoothness prior, whose scale the data choose.

    Args:
        over: the coordinates that it depends on.
        count: how many functions the series has along each.
        lower: it is larger than this everywhere.
        guess: a first value, the same everywhere.
    """

    over: tuple[str, ...]
    count: int = 16
    lower: float | None = None
    guess: float | None = None

    def __post_init__(self):
        over = (self.over,) if isinstance(self.over, str) else tuple(self.over)
        object.__setattr__(self, "over", over)
        _check_series(self.over, self.count, self.lower, self.guess)


@dataclass(frozen=True)
class Function:
    """An unknown function of the state, as a force: `j.force(j.q)` in the problem's functions.

    Args:
        inputs: how many numbers it takes.
        outputs: how many it returns; a scalar for one.
        lower: by input, the lower end of where it is looked for; by default, where the data are.
        upper: the same for the upper end.
        count: how many polynomials along each input.
        guess: a first value, the same everywhere.
    """

    inputs: int = 1
    outputs: int = 1
    lower: tuple[float, ...] | None = None
    upper: tuple[float, ...] | None = None
    count: int = 10
    guess: float = 0.0

    def __post_init__(self):
        whole = all(isinstance(n, int | np.integer) for n in (self.inputs, self.outputs))
        if not whole or self.inputs < 1 or self.outputs < 1:
            raise ProblemError(
                f"An unknown function takes and returns at least one number, got inputs="
                f"{self.inputs} and outputs={self.outputs}."
            )
        for name in ("lower", "upper"):
            given = getattr(self, name)
            if given is not None:
                ends = finite(given, f"{name}= of an unknown function")
                if ends.shape not in ((), (self.inputs,)):
                    raise ProblemError(
                        f"An unknown function has {name}={given!r} for {self.inputs} inputs: give "
                        "one number for each."
                    )
                ends = np.broadcast_to(ends, self.inputs).tolist()
                object.__setattr__(self, name, tuple(ends))
        ends = zip(self.lower or (), self.upper or (), strict=False)
        if any(a >= b for a, b in ends):
            raise ProblemError(
                f"An unknown function has lower={self.lower} and upper={self.upper}: each lower "
                "end must be smaller."
            )
        _check_series(("input",), self.count, None, self.guess)


def taken(function: Callable[..., Any], names: Container[str]) -> list[str]:
    """Return the names among some that a function of coordinates takes by name."""
    inner = getattr(function, "function", function)
    try:
        return [name for name in inspect.signature(inner).parameters if name in names]
    except (TypeError, ValueError):
        return []


def _check_series(over: tuple[str, ...], count: int, lower: float | None, guess: float | None):
    if not over:
        raise ProblemError("A pinn.Field needs over=, the coordinates that it depends on.")
    if not isinstance(count, int | np.integer) or count < 2:
        raise ProblemError(f"An unknown function needs a whole count of at least 2, got {count!r}.")
    for name, number in (("lower", lower), ("guess", guess)):
        if number is not None and not (_is_number(number) and math.isfinite(number)):
            raise ProblemError(f"The {name}= of an unknown function is not a number: {number!r}.")
    if lower is not None and guess is not None and guess <= lower:
        raise ProblemError(f"The guess {guess} of an unknown function is below lower={lower}.")


def _check_bound(name: str, bound: Any) -> None:
    if bound is not None and not (_is_number(bound) and not math.isnan(bound)):
        raise ProblemError(f"The bound {name}= of an unknown is not a number: {bound!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not np.iscomplexobj(value)


def _check_prior(prior: Any) -> None:
    pair = isinstance(prior, tuple | list) and len(prior) == 2 and all(map(_is_number, prior))
    if not pair or not (np.isfinite(prior[0]) and 0.0 < prior[1] < math.inf):
        raise ProblemError(
            "The prior of an unknown is a mean and a positive standard deviation, as (1.0, 0.5), "
            f"got {prior!r}."
        )


def finite(value: Any, what: str) -> np.ndarray:
    """Return numbers as an array in double precision.

    Raises:
        ProblemError: they are no real numbers, or not finite.
    """
    try:
        if np.iscomplexobj(value):
            raise TypeError
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"The {what} is not a number: {value!r}.") from error
    if not np.all(np.isfinite(array)):
        raise ProblemError(f"The {what} is not finite: {value!r}.")
    return array
