"""What a study is: problems × methods × seeds, and how its table is to be read."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pinn.benchmark.identity import canonical, content, key_of
from pinn.benchmark.method import AbstractMethod, built
from pinn.errors import ProblemError
from pinn.problem.problem import Problem
from pinn.problem.registry import Factory, factory

FORMAT = 1


@dataclass(frozen=True)
class Published:
    """What somebody else reports for a problem in the same setting.

    Args:
        error: relative L2 error, unless `method` says otherwise.
        method: theirs, with the size of the network.
        source: where it is written.
        trust: how the number was read: `R` from the authors' repository, `A` in an abstract or
            first page, `T` in somebody else's transcription of a table, `M` from memory.
        seconds: theirs, None where not stated.
        hardware: what they ran on.
        note: how their setting differs, if it does.
    """

    error: float
    method: str
    source: str
    trust: str
    seconds: float | None = None
    hardware: str = ""
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A problem in one setting.

    Args:
        problem: a name, or one that the study's own file registers.
        parameters: of the problem; the others have its defaults.
        setting: what tells it from other cases of the problem, for people.
        error: the relative L2 error that it should reach.
        drift: the worst drift that it should stay below.
        seconds: the training time that it should stay below.
        published: what others report.
        sweep: a quantity and its value here, where a study varies one thing at a time.
        methods: in place of the study's.
        seeds: in place of the study's.
    """

    problem: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    setting: str = ""
    error: float | None = None
    drift: float | None = None
    seconds: float | None = None
    published: tuple[Published, ...] = ()
    sweep: tuple[str, float] | None = None
    methods: tuple[AbstractMethod, ...] | None = None
    seeds: tuple[int, ...] | None = None

    @property
    def title(self) -> str:
        """The problem with its setting."""
        return f"{self.problem}, {self.setting}" if self.setting else self.problem


@dataclass(frozen=True)
class Study:
    """Problems × methods × seeds.

    Args:
        title: what the study asks.
        cases: the problems.
        methods: what each is solved with, side by side.
        seeds: of the methods that start at random; others run once.
        limit: seconds after which a run is given up.
        tables: how the rows are shown.
        plots: figures of the rows.
    """

    title: str
    cases: tuple[Case, ...]
    methods: tuple[AbstractMethod, ...] = ()
    seeds: tuple[int, ...] = (0,)
    limit: float = 600.0
    tables: tuple[Any, ...] = ()
    plots: tuple[Any, ...] = ()

    def cells(self) -> tuple["Cell", ...]:
        """Return every run of the study, each once.

        Raises:
            ProblemError: a case names no known problem or parameter, or nothing to solve it with.
        """
        found: dict[str, Cell] = {}
        for cell in self.entries():
            found.setdefault(cell.key, cell)
        return tuple(found.values())

    def entries(self) -> tuple["Cell", ...]:
        """Return every entry of the tables: a run may stand under several cases' titles.

        Raises:
            ProblemError: as for `cells`.
        """
        found: dict[tuple[str, str], Cell] = {}
        for case in self.cases:
            methods = self.methods if case.methods is None else case.methods
            if not methods:
                raise ProblemError(
                    f"The case {case.title!r} has no method: give methods= to it or to the study."
                )
            for method in methods:
                seeds = (
                    (self.seeds if case.seeds is None else case.seeds) if method.seeded else (0,)
                )
                for seed in seeds:
                    cell = Cell(case, method, seed)
                    found.setdefault((cell.key, case.title), cell)
        return tuple(found.values())


@dataclass(frozen=True)
class Cell:
    """One run: a case, a method and a seed.

    Args:
        case: the problem in its setting.
        method: what solves it.
        seed: of its beginning; 0 where nothing is random.
    """

    case: Case
    method: AbstractMethod
    seed: int = 0

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter of the problem, defaults included, as JSON knows them.

        Of a problem that only another program knows, those that are given.
        """
        try:
            signature = inspect.signature(self.factory.function)
        except ProblemError:
            if self.method.foreign:
                return content(self.case.parameters)
            raise
        defaults = {n: p.default for n, p in signature.parameters.items()}
        unknown = [name for name in self.case.parameters if name not in defaults]
        if unknown:
            raise ProblemError(
                f"The problem {self.case.problem!r} has no parameter {unknown[0]!r}, only "
                f"{', '.join(defaults)}."
            )
        return content({**defaults, **self.case.parameters})

    def problem(self) -> Problem:
        """Build the problem."""
        return built(self.case.problem, self.parameters)

    @property
    def factory(self) -> Factory:
        """What builds the problem."""
        return factory(self.case.problem)

    @property
    def configuration(self) -> dict[str, Any]:
        """All that the outcome depends on, but for the library's version and the machine."""
        stated = {
            "format": FORMAT,
            "problem": self.case.problem,
            "parameters": self.parameters,
            "method": content(self.method),
            "seed": self.seed,
        }
        if not self.method.foreign and self.factory.kind == "file":
            stated["source"] = inspect.getsource(self.factory.function)
        return stated

    @property
    def key(self) -> str:
        """The hash of the configuration."""
        return key_of(self.configuration)

    @property
    def title(self) -> str:
        """The run in a few words."""
        seed = f", seed {self.seed}" if self.method.seeded else ""
        return f"{self.case.title}: {self.method.label}{seed}"

    @property
    def group(self) -> str:
        """What runs have in common that solve the same problem with the same parameters."""
        return canonical([self.case.problem, self.parameters])

    def description(self) -> dict[str, Any]:
        """Return what every row says about its cell."""
        stated = {k: v for k, v in self.configuration.items() if k not in ("format", "source")}
        case = self.case
        return {
            "key": self.key,
            **{**stated, "method": self.method.label, "configuration": stated["method"]},
            "setting": case.setting,
            "classical": self.method.classical,
            "target": {"error": case.error, "drift": case.drift, "seconds": case.seconds},
            "published": [vars(one) for one in case.published],
            "sweep": None if case.sweep is None else {case.sweep[0]: case.sweep[1]},
        }
