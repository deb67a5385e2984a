"""From a problem to a trained solver."""

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

import jax
from threadpoolctl import threadpool_limits

from pinn.errors import DataWarning, NotConverged, PinnError, RecipeError, TrainingError, warn
from pinn.estimation.estimate import Estimate, estimate
from pinn.estimation.fit import Optimum
from pinn.interruption import terminable
from pinn.networks.separable import Separable
from pinn.outcome import IncompleteWarning, announce_unsaveable, said, stalled
from pinn.posterior import Posterior
from pinn.precision import arithmetic, tracing
from pinn.problem.guess import guessed
from pinn.problem.problem import Problem
from pinn.problem.registry import loading
from pinn.references.solvability import well_posed
from pinn.solution import Solution
from pinn.training.both_ends import Point, Search
from pinn.training.box import interfaces
from pinn.training.machinery import machinery
from pinn.training.march import March, begin_march, complete, go_on, reopened, trained
from pinn.training.parts import AbstractMachinery
from pinn.training.progress import Observer, observer
from pinn.training.recipe import UNKNOWNS, Recipe
from pinn.watch import OutOfTime, Watch

BUDGET = 1800.0
LIBRARIES = ("pinn", "jax", "flax", "optax", "diffrax", "orbax-checkpoint", "numpy")


def solve(
    problem: Problem,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: bool = True,
    observe: Callable[[March], None] | None = None,
    budget: float = BUDGET,
) -> Solution:
    """Train a solver for a problem.

    Every claim of the problem is checked first. Ctrl-C, or SIGTERM, keeps what is trained so far:
    the solution is then incomplete, says so, and `pinn.resume` goes on from it.

    Args:
        problem: what to solve.
        seed: of the networks' first parameters.
        recipe: how to train; what it leaves open is chosen for the problem.
        progress: show a progress bar where the output is a terminal.
        observe: called with the march after each chunk of steps.
        budget: seconds of training, after which it ends as if it were interrupted.

    Raises:
        ProblemError: the problem contradicts itself, or a claimed law does not hold.
        RecipeError: the recipe does not fit the problem.
    """
    recipe = recipe or Recipe()
    together = recipe.windows is not None and recipe.windows.together
    if isinstance(problem, Problem) and (problem.two_point or together):
        return _global(problem, seed, recipe, progress, observe, budget)
    if isinstance(problem, Problem) and problem.unknown_names:
        if recipe.rows:
            raise RecipeError(
                f"The problem {problem.name!r} has unknowns, which are found from its data, and "
                "rows= would say nothing of them: state what is known as data=[pinn.Data(…)]."
            )
        return _inverse(problem, seed, recipe, progress, observe, budget)

    def trained_by(recipe: Recipe) -> Solution:
        parts = _prepare(problem, recipe)
        march = begin_march(parts, seed)
        return _run(parts, recipe, march, 0.0, observer(parts, progress, observe), budget)

    with arithmetic(recipe.precision):
        solution = trained_by(recipe)
        wider = _doubted(solution, recipe)
        if wider is not None:
            solution = min(solution, trained_by(wider), key=lambda s: s.residual)
    return said(solution)


def resume(
    solution: Solution,
    *,
    steps: int | None = None,
    progress: bool = True,
    observe: Callable[[March], None] | None = None,
    budget: float = BUDGET,
) -> Solution:
    """Go on training a solution that was interrupted, to the same numbers as if it had not been.

    Args:
        solution: what to train on, fresh from `pinn.solve` or from `pinn.load`.
        steps: the most steps in each window in place of the recipe's. A complete solution in one
            window is trained further from the state that its optimiser ended in.
        progress: show a progress bar where the output is a terminal.
        observe: called with the march after each chunk of steps.
        budget: seconds of training, after which it ends as if it were interrupted.

    Raises:
        RecipeError: a complete solution in several windows is asked to take more steps.
    """
    more = steps is not None and solution.complete
    recipe = solution.recipe if steps is None else replace(solution.recipe, steps=steps)
    with arithmetic(recipe.precision):
        parts = _prepare(solution.problem, recipe)
        march = reopened(parts, solution.march) if more else solution.march
        spent = solution.seconds["training"]
        watch = observer(parts, progress, observe)
        trained_on = _run(parts, recipe, march, spent, watch, budget)
    return said(replace(trained_on, posterior=solution.posterior))


def _global(
    problem: Problem,
    seed: int,
    recipe: Recipe,
    progress: bool,
    observe: Callable[[March], None] | None,
    budget: float,
) -> Solution:
    """Solve all windows at once, and with them what conditions in time leave unknown."""
    with arithmetic(recipe.precision):
        parts = _prepare(guessed(problem) if problem.unknown_names else problem, recipe)
        parts = parts.unprojected()
        parts.compile()
        started, watch = time.perf_counter(), Watch(budget, progress)

        def look(point: Point) -> None:
            watch(f"joining {point.joints.count} windows, apart by {point.miss:.0e}")

        search = Search(problem, parts, look)
        try:
            with threadpool_limits(1, "blas"), terminable():
                point = search.found(seed)
        except (OutOfTime, KeyboardInterrupt) as late:
            raise TrainingError(
                f"The windows of {problem.name!r} were not joined in time, and nothing is kept: "
                "give a larger budget=, or a guess= nearer to the solution."
            ) from late
        finally:
            watch.clear()
        march = search.march(point, seed)
        seconds = {
            "compile": sum(parts.compile_seconds.values()),
            "training": time.perf_counter() - started,
        }
        if problem.unknown_names:
            parts = replace(parts, problem=problem.at(**search.values(point)))
        solution = _solution(parts, recipe, march, seconds)
    if observe is not None:
        observe(march)
    return said(solution)


def _inverse(
    problem: Problem,
    seed: int,
    recipe: Recipe,
    progress: bool,
    observe: Callable[[March], None] | None,
    budget: float,
) -> Solution:
    """Find the unknowns of a problem from its data, and solve it with the estimate.

    What the estimate does not tell is said: that it has not converged, that the data leave a
    combination open, or that the model does not explain them.
    """
    started = time.perf_counter()
    with arithmetic("float64"):
        found = _estimated(problem, recipe, Watch(budget, progress))
        vector, model = found.fitting.vector, found.fitting.model
        known = Optimum.of(found.fit)
        posterior = Posterior(vector, found.fitting.observations, known, lambda: model)
        solved = found.problem
        spent = time.perf_counter() - started
        if found.marching is not None:
            solution = _marched(found, solved, spent)
    if found.marching is None:
        solution = solve(
            solved, seed=seed, recipe=recipe, progress=progress, observe=observe, budget=budget
        )
        solution = replace(solution, seconds={**solution.seconds, "estimate": spent})
    if not found.fit.converged:
        warn(
            f"The estimate of the unknowns of {problem.name!r} has not converged: a step of "
            f"{found.fit.left:.1e} standard deviations is left after {found.fit.evaluations} "
            "evaluations; give guesses nearer to the truth, bounds, or priors.",
            NotConverged,
        )
    for sentence in (posterior.misfit, *posterior.undetermined):
        if sentence:
            warn(sentence, DataWarning)
    return replace(solution, posterior=posterior)


def _estimated(problem: Problem, recipe: Recipe, watch: Watch) -> Estimate:
    try:
        return estimate(problem, recipe, watch)
    except OutOfTime as late:
        raise TrainingError(
            f"The unknowns of {problem.name!r} were not found in time, and nothing is kept: give "
            "a larger budget=, guesses nearer to the truth, or a smaller recipe."
        ) from late
    finally:
        watch.clear()


def _marched(found: Estimate, problem: Problem, spent: float) -> Solution:
    """Return the solution that the estimate itself needed."""
    marching = found.marching
    assert marching is not None
    parts, recipe = marching.parts, replace(marching.parts.recipe, conservation=0.0)
    march = marching.march(found.fit.z)
    seconds = {"compile": 0.0, "training": 0.0, "estimate": spent}
    return said(_solution(replace(parts, problem=problem, recipe=recipe), recipe, march, seconds))


def _prepare(problem: Problem, recipe: Recipe) -> AbstractMachinery:
    if not isinstance(problem, Problem):
        raise PinnError(
            f"pinn.solve needs a pinn.Problem, got {type(problem).__name__}: "
            "build one with pinn.get(name) or by calling your registered function."
        )
    if loading():
        raise PinnError(
            "A problem file must not train when it is loaded: put the call of pinn.solve under "
            "`if __name__ == '__main__':`."
        )
    if tracing():
        raise PinnError(
            "pinn.solve is called inside a function that JAX is tracing (jit, scan or such): solve "
            "outside, and transform the solution, which is a function of its coordinates."
        )
    announce_unsaveable(problem, recipe)
    if problem.stationary and not interfaces(problem):
        well_posed(problem)
    return machinery(problem, recipe)


def _run(
    parts: AbstractMachinery,
    recipe: Recipe,
    march: March,
    spent: float,
    watch: Observer,
    budget: float,
) -> Solution:
    parts.compile()
    started = time.perf_counter()
    ended = ""
    # The factorisations are small: more threads than one only wait for each other.
    with watch, threadpool_limits(1, "blas"), terminable():
        try:
            while not (complete(parts, march) or march.stuck or ended):
                march = go_on(parts, march)
                watch(march)
                if time.perf_counter() - started > budget:
                    ended = f"used its budget of {budget:g} s"
        except KeyboardInterrupt:
            ended = "was interrupted"
    if complete(parts, march):
        ended = ""
    seconds = {
        "compile": sum(parts.compile_seconds.values()),
        "training": spent + time.perf_counter() - started,
    }
    if not march.windows:
        raise TrainingError(stalled(parts, march, ended))
    if ended or march.stuck:
        warn(stalled(parts, march, ended), IncompleteWarning)
    return _solution(parts, recipe, march, seconds)


def _solution(
    parts: AbstractMachinery, recipe: Recipe, march: March, seconds: dict[str, float]
) -> Solution:
    device = jax.devices()[0]
    return Solution(
        parts.problem,
        recipe.completed(parts.problem),
        march if march.stuck is False else replace(march, stuck=False),
        trained(parts, march),
        march.seed,
        seconds,
        {name: version(name) for name in LIBRARIES},
        f"{device.platform}: {device.device_kind}",
    )


def _doubted(solution: Solution, recipe: Recipe) -> Recipe | None:
    """Return a recipe without the shortcut that was taken, where the result is not good enough.

    It is taken from the initial data and the equation which modes there are; what the residual says
    at other points does not share that.
    """
    problem = solution.problem
    if recipe.network is not None or solution.converged or not solution.complete:
        return None
    if not solution.recipe.network.holds(problem):
        return None
    return replace(recipe, network=Separable.wide(UNKNOWNS, problem))
