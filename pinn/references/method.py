"""The methods that a reference solution can be computed with."""

import abc
from dataclasses import dataclass
from typing import Literal

import diffrax

from pinn.errors import ProblemError, near_matches
from pinn.references.gauss_legendre import GaussLegendre
from pinn.references.symplectic import StormerVerlet, Yoshida4, Yoshida6, Yoshida8

SEPARABLE = {
    "SemiImplicitEuler": diffrax.SemiImplicitEuler,
    "StormerVerlet": StormerVerlet,
    "Yoshida4": Yoshida4,
    "Yoshida6": Yoshida6,
    "Yoshida8": Yoshida8,
}
GENERAL = {
    "Tsit5": diffrax.Tsit5,
    "Dopri5": diffrax.Dopri5,
    "Dopri8": diffrax.Dopri8,
    "Kvaerno5": diffrax.Kvaerno5,
    "GaussLegendre": GaussLegendre,
}


@dataclass(frozen=True)
class AbstractMethod(abc.ABC):
    """A way to integrate an ordinary differential equation."""

    name: str

    @property
    @abc.abstractmethod
    def solver(self) -> diffrax.AbstractSolver:
        """The diffrax solver."""

    @property
    @abc.abstractmethod
    def separable(self) -> bool:
        """Whether the solver steps positions and velocities in turn."""

    @property
    @abc.abstractmethod
    def limit(self) -> int:
        """The most steps it may take."""

    @abc.abstractmethod
    def first_step(self, length: float) -> float | None:
        """Return the first step's length in an interval, or None where the solver chooses."""

    @abc.abstractmethod
    def coarser(self) -> tuple["AbstractMethod", float]:
        """Return a less accurate method, and its expected error in units of this one's."""


@dataclass(frozen=True)
class Adaptive(AbstractMethod):
    """A Runge–Kutta method with step-size control.

    Args:
        name: a solver of diffrax: `Tsit5`, `Dopri5`, `Dopri8` or `Kvaerno5`.
        rtol: the relative tolerance of one step.
        max_steps: give up after this many.
    """

    name: Literal["Tsit5", "Dopri5", "Dopri8", "Kvaerno5"] = "Dopri8"
    rtol: float = 1e-14
    max_steps: int = 200_000

    def __post_init__(self):
        _known(self.name, ["Tsit5", "Dopri5", "Dopri8", "Kvaerno5"])

    @property
    def solver(self) -> diffrax.AbstractSolver:
        """The diffrax solver."""
        return GENERAL[self.name]()

    @property
    def separable(self) -> bool:
        """Runge–Kutta methods step the whole state at once."""
        return False

    @property
    def limit(self) -> int:
        """The most steps it may take."""
        return self.max_steps

    def first_step(self, length: float) -> float | None:
        """Let the controller choose."""
        return None

    def coarser(self) -> tuple[AbstractMethod, float]:
        """Loosen the tolerance four times; the error follows it."""
        return Adaptive(self.name, 4.0 * self.rtol, self.max_steps), 4.0


@dataclass(frozen=True)
class Fixed(AbstractMethod):
    """A method with steps of equal length, symplectic but for the ones diffrax brings.

    Args:
        name: `StormerVerlet`, `Yoshida4`, `Yoshida6`, `Yoshida8` or `SemiImplicitEuler` where the
            acceleration does not depend on the velocity; `GaussLegendre` or a Runge–Kutta method
            for any system.
        steps: how many in the whole interval.
        stages: the stages of `GaussLegendre`, of order 2·stages.
    """

    name: str = "Yoshida8"
    steps: int = 1000
    stages: int = 4

    def __post_init__(self):
        _known(self.name, [*SEPARABLE, *GENERAL])
        if self.steps < 1:
            raise ProblemError(f"A reference needs at least one step, got {self.steps}.")

    @property
    def solver(self) -> diffrax.AbstractSolver:
        """The diffrax solver."""
        if self.name == "GaussLegendre":
            return GaussLegendre(self.stages)
        return {**SEPARABLE, **GENERAL}[self.name]()

    @property
    def separable(self) -> bool:
        """Whether the solver steps positions and velocities in turn."""
        return self.name in SEPARABLE

    @property
    def limit(self) -> int:
        """The most steps it may take, with room for rounding."""
        return self.steps + 8

    def first_step(self, length: float) -> float | None:
        """Return an even share of the interval."""
        return length / self.steps

    def coarser(self) -> tuple[AbstractMethod, float]:
        """Double the steps' length; the error grows by 2 to the order."""
        order = self.solver.order(None) or 1
        return Fixed(self.name, max(self.steps // 2, 1), self.stages), 2.0**order


@dataclass(frozen=True)
class Closed:
    """The closed form that the problem states in exact=."""

    name: str = "closed form"


def _known(name: str, names: list[str]) -> None:
    if name not in names:
        raise ProblemError(
            f"There is no reference method {name!r}; choose one of {', '.join(names)}"
            f"{near_matches(name, names)}."
        )
