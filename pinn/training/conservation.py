"""How the charges of a problem are held while it is trained: one mode for each."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pinn.errors import RecipeError, near_matches


@dataclass(frozen=True)
class AbstractMode:
    """A way to hold a charge to its level: its start value plus what its sources have added.

    Args:
        weight: of the rows that ask for it; None for what suits the problem.
    """

    weight: float | None = None

    def __post_init__(self):
        if self.weight is not None and not self.weight >= 0.0:
            raise RecipeError(f"conservation= takes a weight ≥ 0, got {self.weight}.")

    @property
    def emphasis(self) -> tuple[float, int, bool]:
        """What a block of rows takes: the weight, the ramp, and whether there are multipliers."""
        ramp = self.ramp if isinstance(self, Penalty) else 0
        return self.weight or 0.0, ramp, isinstance(self, Augmented)


@dataclass(frozen=True)
class Penalty(AbstractMode):
    """Rows (I(t) − level) / scale of the least-squares problem, at slices of each window.

    Accurate training keeps the charge as well as the equation, no better. A weight of 0 leaves the
    rows out.

    Args:
        weight: of the rows; None for what suits the problem.
        ramp: the number of steps in which the weight grows linearly from 0 to its value. A state
            that never moves conserves everything, and a gradient method may settle there first.
    """

    ramp: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.ramp < 0:
            raise RecipeError(f"Penalty takes a ramp of ≥ 0 steps, got {self.ramp}.")


@dataclass(frozen=True)
class Augmented(AbstractMode):
    """Rows of a penalty with multipliers, one for each charge and slice of time.

    The multipliers grow by what their rows still miss (Hestenes 1969, doi:10.1007/BF00927673;
    Powell 1969), so that the charges are met at the slices without a large weight, where the
    network can; between the slices they are as good as the network.
    """


@dataclass(frozen=True)
class Exact(AbstractMode):
    """The output is projected on the level set, at every time, in training and ever after.

    The charge then holds to round-off, also between the points of training and beyond the interval;
    it says nothing of the accuracy. The rows of a penalty remain, for they help the training.

    A path whose own derivative conserves the energy of one degree of freedom exactly is already the
    exact motion. What can be projected is the state: position and velocity together. `q` and `q_t`
    of the jet are therefore the projected position and velocity, higher derivatives those of the
    velocity, and d/dt of the position differs from `q_t` by as much as the network was off; the
    scores tell how much.
    """


Mode = Penalty | Augmented | Exact
NAMES: dict[str, Mode] = {
    "off": Penalty(0.0),
    "penalty": Penalty(),
    "augmented": Augmented(),
    "exact": Exact(),
}
"""The short names of modes."""


def normalised(given: Any) -> Any:
    """Return what a recipe holds for conservation=, hashable, after a look at it.

    Raises:
        RecipeError: it is neither a weight, nor a mode or its name, nor a mapping to such.
    """
    if isinstance(given, tuple | list):
        given = dict(given)
    if isinstance(given, Mapping):
        return tuple(sorted((str(name), normalised(mode)) for name, mode in given.items()))
    if given is not None:
        mode(given)
    return given


def mode(given: Any) -> Mode:
    """Return the mode that a weight, a name or a mode stands for."""
    if isinstance(given, AbstractMode):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return Penalty(float(given))
    if isinstance(given, str) and given in NAMES:
        return NAMES[given]
    near = near_matches(given, NAMES) if isinstance(given, str) else ""
    raise RecipeError(
        f"conservation= is a weight, {', '.join(map(repr, NAMES))}, a mode such as pinn.Exact(), "
        f"or a dictionary of these by charge, got {given!r}{near}."
    )


def modes(given: Any, charges: Iterable[str], usual: float) -> dict[str, Mode]:
    """Return the mode of each charge, with the usual weight where none is given.

    Charges that a mapping does not name are held by a penalty of the usual weight.

    Raises:
        RecipeError: a mapping names a charge that the problem does not have.
    """
    names = list(charges)
    chosen = dict(given) if isinstance(given, tuple) else dict.fromkeys(names, given)
    if unknown := [name for name in chosen if name not in names]:
        known = ", ".join(names) or "none"
        raise RecipeError(
            f"conservation= names the charge {unknown[0]!r}, which the problem does not have"
            f"{near_matches(unknown[0], names)}: its charges are {known}."
        )
    found = {name: mode(chosen.get(name, "penalty")) for name in names}
    return {
        n: m if m.weight is not None else dataclasses.replace(m, weight=usual)
        for n, m in found.items()
    }
