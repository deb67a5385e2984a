"""What a study can solve a problem with."""

import abc
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pinn.benchmark.code import ROOT, fingerprint, library_code
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
        started: when its process had its imports behind it, as `time.time()` tells it.
        folder: where the study is.
        note: called with a few words on how far it is, for the row of a run that is cut off.
    """

    name: str
    parameters: Mapping[str, Any]
    seed: int
    limit: float
    started: float
    folder: Path
    note: Callable[[str], Any] = lambda words: None

    def problem(self) -> Problem:
        """Build the problem."""
        return built(self.name, self.parameters)

    def elapsed(self) -> float:
        """Return the seconds since the imports: stating, checking and compiling count."""
        return time.time() - self.started


def built(name: str, parameters: Mapping[str, Any]) -> Problem:
    """Build a registered problem from parameters as JSON knows them."""
    return factory(name)(**{n: _tuples(v) for n, v in parameters.items()})


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

    @property
    def cores(self) -> int:
        """How many cores its process may use."""
        return 1

    def code(self) -> str:
        """Return the fingerprint of the code that it runs: the library's, and a study's own."""
        own = Path(inspect.getfile(type(self))).resolve()
        return library_code() + ("" if own.is_relative_to(ROOT) else fingerprint([own]))

    def completed(self, problem: Problem) -> Any:
        """Return how a problem is solved with every default filled in, as JSON knows it."""
        return None

    @abc.abstractmethod
    def measure(self, order: Order) -> dict[str, Any]:
        """Solve and judge in this process, and return what a row holds.

        The names are: `error` and `drift` by field and law, `reference` with its own error,
        `seconds` with `run`, `compile` and `total`, which is from the imports to the last step with
        all that lies between, `peak_bytes` up to there, `parameter_count`, `points`,
        `steps`, and whatever else the method has to say.
        """
