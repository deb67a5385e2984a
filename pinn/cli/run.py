"""`pinn check`, `pinn solve` and `pinn resume`."""

import os
import signal
import sys
import tempfile
import threading
import warnings
from argparse import Namespace
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from pinn.cli.saved import saved_run
from pinn.cli.settings import read_settings
from pinn.cli.text import remark
from pinn.errors import CheckpointError, DataWarning, NotConverged, RecipeError, TrainingError

if TYPE_CHECKING:
    from pinn.problem.problem import Problem
    from pinn.solution import Solution
    from pinn.training.recipe import Recipe

INCOMPLETE, INTERRUPTED = 1, 130
TOO_EARLY = "Interrupted before the first window was trained; nothing is kept."


def check_problem(arguments: Namespace) -> int:
    """Check a problem's claims and print the report; exit code 1 if not all was had in time."""
    problem = _problem(arguments)
    import pinn

    report = pinn.check(problem, budget=arguments.budget, progress=not arguments.quiet)
    print(report.table())
    return INCOMPLETE if report.unchecked else 0


def solve_problem(arguments: Namespace) -> int:
    """Train a solver, print its scores, and save it where a folder is given."""
    if arguments.out is not None:
        _check_free(Path(arguments.out), arguments.overwrite)
    problem = _measured(arguments, _problem(arguments))
    recipe = recipe_of(arguments, problem)
    import pinn

    _announce(arguments, f"{_stated(problem)}: checking and compiling")
    train = lambda: pinn.solve(  # noqa: E731
        problem, seed=arguments.seed, recipe=recipe, progress=not arguments.quiet
    )
    return _train(arguments, train, arguments.out, arguments.overwrite)


def _measured(arguments: Namespace, problem: "Problem") -> "Problem":
    """Return a problem with the measurements of --data in place of its own.

    Raises:
        ProblemError: the file is not there or does not fit the problem.
        RecipeError: there is noise without data, or nothing to be found.
    """
    if arguments.data is None:
        if arguments.noise is not None:
            raise RecipeError("--noise belongs to --data: give the file of the measurements too.")
        return problem
    from pinn.problem.data import Data

    if not problem.unknown_names:
        raise RecipeError(
            f"The problem {problem.name!r} has no unknowns that --data could tell: state them in "
            "unknowns= or initial=."
        )
    observe = {name: f for data in problem.data for name, f in data.observe.items()}
    return replace(problem, data=[Data.read(arguments.data, arguments.noise, observe)])


def resume_run(arguments: Namespace) -> int:
    """Go on training a saved solver, save it in place, and print its scores."""
    import pinn

    _use_cache(arguments.cache)
    saved = saved_run(arguments)
    if saved.complete and arguments.steps is None:
        remark(f"The solver in {arguments.run!r} is complete: nothing is left to train.")
        return _show_scores(arguments, saved) or 0
    _announce(arguments, f"{_stated(saved.problem)}: going on from {saved.reached:.6g}")
    train = lambda: pinn.resume(  # noqa: E731
        saved, steps=arguments.steps, progress=not arguments.quiet
    )
    return _train(arguments, train, arguments.run, True)


def recipe_of(arguments: Namespace, problem: "Problem") -> "Recipe":
    """Return a recipe with the options that were given; the problem's defaults complete it.

    Raises:
        RecipeError: the options contradict each other or the problem.
    """
    from pinn.training.recipe import Recipe

    plain = _given(arguments, "steps", "points", "precision")
    if arguments.conservation is not None:
        plain["conservation"] = _conservation(arguments.conservation)
    problem = _guessed(problem)
    usual = Recipe().completed(problem)
    plain |= _network(arguments, problem)
    return Recipe(**_step(arguments), **_windows(arguments, usual.windows), **plain)


def _guessed(problem: "Problem") -> "Problem":
    """Return a problem with guesses in place of its unknowns, if there are any."""
    if not problem.unknown_names:
        return problem
    from pinn.estimation.estimate import guessed
    from pinn.precision import arithmetic

    with arithmetic("float64"):
        return guessed(problem)


def _network(arguments: Namespace, problem: "Problem") -> dict[str, Any]:
    from pinn.networks.separable import Separable
    from pinn.training.recipe import UNKNOWNS, perceptron

    bent, linear = _given(arguments, "width", "depth"), _given(arguments, "waves", "times")
    if bent and linear:
        raise RecipeError(
            "--width and --depth are a perceptron's, --waves and --times a separable network's: "
            "give one kind or the other."
        )
    if linear and not problem.extent:
        raise RecipeError("--waves and --times need a problem over space: give --width instead.")
    if linear:
        return {"network": replace(Separable.within(UNKNOWNS, problem), **linear)}
    return {"network": replace(perceptron(problem), **bent)} if bent else {}


def _given(arguments: Namespace, *names: str) -> dict[str, Any]:
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _conservation(text: str) -> Any:
    """Return a weight, the name of a mode, or these by charge from `energy=exact,momentum=0.1`."""
    if "=" in text:
        pairs = [part.partition("=")[::2] for part in text.split(",")]
        return {name.strip(): _conservation(value) for name, value in pairs}
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _step(arguments: Namespace) -> dict[str, Any]:
    options = _given(arguments, "learning_rate")
    if arguments.optimiser is None:
        if options:
            raise RecipeError(
                "--learning-rate belongs to an optimiser: add --optimiser adam, for example."
            )
        return {}
    from pinn.training.first_order import Optax

    try:
        return {"step": Optax(arguments.optimiser, options)}
    except RecipeError as error:
        if options or "learning_rate" not in str(error):
            raise
        raise RecipeError(
            f"The optimiser {arguments.optimiser!r} needs a --learning-rate, as in 1e-3."
        ) from error


def _windows(arguments: Namespace, usual: Any) -> dict[str, Any]:
    from pinn.training.windows import Uniform

    tolerance = _given(arguments, "tolerance")
    if arguments.windows is not None:
        return {"windows": Uniform(arguments.windows, **tolerance)}
    return {"windows": replace(usual, **tolerance)} if tolerance else {}


def _problem(arguments: Namespace) -> "Problem":
    from pinn.problem.registry import factory

    found = factory(arguments.problem)
    _use_cache(arguments.cache)  # before the problem compiles anything
    return found(**read_settings(found.name, found.function, arguments.settings))


def _stated(problem: "Problem") -> str:
    """Return the problem with its parameters: results mean nothing without them."""
    return f"{problem.name}({', '.join(f'{n}={v}' for n, v in problem.parameters.items())})"


def _announce(arguments: Namespace, sentence: str) -> None:
    if sys.stderr.isatty() and not arguments.quiet:
        remark(sentence)


def _check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that training would be wasted on, before training.

    Raises:
        CheckpointError: it exists, or nothing can be written there.
    """
    if folder.exists() and not overwrite:
        raise CheckpointError(
            f"The folder {str(folder)!r} exists: give another to --out, or add --overwrite."
        )
    parent = next(p for p in folder.absolute().parents if p.exists())
    try:
        tempfile.TemporaryDirectory(dir=parent).cleanup()
    except OSError as error:
        raise CheckpointError(
            f"The folder {str(folder)!r} cannot be made, for nothing can be written to "
            f"{str(parent)!r} ({error.strerror}): give another to --out."
        ) from error


def _use_cache(wanted: bool) -> None:
    """Keep compiled programs between runs, unless the user's own setting says where already."""
    import jax

    if wanted and not jax.config.jax_compilation_cache_dir:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "pinn" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def _train(
    arguments: Namespace, train: Callable[[], "Solution"], folder: str | None, overwrite: bool
) -> int:
    with _noting_interrupts() as interrupts:
        try:
            with _sentences() as said:
                solution = train()
        except TrainingError as error:
            if not interrupts:
                raise
            raise KeyboardInterrupt(TOO_EARLY) from error
        if solution.complete and not solution.converged and not said:
            remark(f"The solver is not converged: its residual is {solution.residual:.1e}.")
        if solution.posterior is not None:
            print(f"{solution.posterior.table()}\n")
        stopped = None
        try:
            stopped = _show_scores(arguments, solution)
        finally:
            if folder is not None:
                solution.save(folder, overwrite=overwrite)
            remark(_farewell(solution, folder))
    if stopped:
        return stopped
    if solution.converged:
        return 0
    return INTERRUPTED if interrupts else INCOMPLETE


def _show_scores(arguments: Namespace, solution: "Solution") -> int | None:
    """Print the scores, unless they are not wanted; return the exit code of a Ctrl-C meanwhile."""
    if not arguments.compare:
        return None
    import pinn

    _announce(arguments, "Computing the reference")
    with _noting_interrupts() as interrupts:
        scores = pinn.compare(solution, budget=arguments.budget, progress=not arguments.quiet)
    print(f"{_stated(solution.problem)}\n{scores.table()}")
    return INTERRUPTED if interrupts else None


def _farewell(solution: "Solution", folder: str | None) -> str:
    if folder is None:
        return "The solver is not saved; --out FOLDER saves it."
    further = "" if solution.complete else f"; `pinn resume {folder}` goes on from there"
    return f"The solver is saved in {folder}{further}."


@contextmanager
def _sentences() -> Generator[list[str]]:
    """Print what training says of its own end as sentences, and other warnings as ever.

    Gives a list that holds these sentences afterwards.
    """
    from pinn.outcome import IncompleteWarning

    ends = (IncompleteWarning, NotConverged, DataWarning)
    said: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            for kind in ends:
                warnings.simplefilter("always", kind)
            yield said
    finally:
        for one in caught:
            if issubclass(one.category, ends):
                said.append(str(one.message))
                remark(said[-1])
            else:
                warnings.showwarning(one.message, one.category, one.filename, one.lineno)


@contextmanager
def _noting_interrupts() -> Generator[list[int]]:
    """Give a list that grows with every Ctrl-C or SIGTERM, both of which interrupt."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    # A shell sets SIG_IGN for jobs in the background; None is a handler that is not Python's.
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    main = threading.current_thread() is threading.main_thread()
    previous = {n: h for n, h in handlers.items() if main and h not in (signal.SIG_IGN, None)}
    for number in previous:
        signal.signal(number, note)
    try:
        yield seen
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
