"""What a study can solve a problem with."""

import abc
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pinn.problem.problem import Problem
from pinn.problem.registry import factory


@dataclass(frozen=True)
class Order:
    """What one run is asked to do.

    Args:
        name: of the problem.
        parameters: of the problem.
        seed: of what is random.
        limit: seconds that it may take.
        started: when its process was started, as `time.time()` tells it.
        folder: where the study is.
    """

    name: str
    parameters: Mapping[str, Any]
    seed: int
    limit: float
    started: float
    folder: Path

    def problem(self) -> Problem:
        """Build the problem."""
        return factory(self.name)(**{n: _tuples(v) for n, v in self.parameters.items()})

    def elapsed(self) -> float:
        """Return the seconds since the process was started: imports and compilation count."""
        return time.time() - self.started


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


class AbstractMethod(abc.ABC):
    """A way to solve a problem, and to measure how well.

    A subclass is a frozen dataclass, for a run is known by its content; what only says how it is
    shown has the metadata `PRESENTATION`.
    """

    seeded: ClassVar[bool] = False
    classical: ClassVar[bool] = False
    foreign: ClassVar[bool] = False
    """Whether the problem is stated elsewhere: its name need not be known here."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """What tables call it."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that its process needs."""
        return {}

    @abc.abstractmethod
    def measure(self, order: Order) -> dict[str, Any]:
        """Solve and judge in this process, and return what a row holds.

        The names are: `error` and `drift` by field and law, `reference` with its own error,
        `seconds` with `run`, `compile` and `total`, `parameter_count`, `points`, `steps`, and
        whatever else the method has to say.
        """
