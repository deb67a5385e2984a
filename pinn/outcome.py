"""What a user is told of a training, before it and after: one sentence each."""

from pinn.along import broken_laws
from pinn.errors import BrokenLaw, NotConverged, NotSaveable, RecipeError, warn
from pinn.problem.problem import Problem
from pinn.problem.scan import scan
from pinn.solution import Solution
from pinn.training.march import March
from pinn.training.parts import AbstractMachinery
from pinn.training.recipe import Recipe
from pinn.training.spec import check_saveable


class IncompleteWarning(UserWarning):
    """Training ended before the end of the interval."""


def announce_unsaveable(problem: Problem, recipe: Recipe) -> None:
    """Say before training that the solution could not be saved after it.

    A run of a user's own file carries the file, and the recipe's parts belong into it.

    Raises:
        RecipeError: a part of the recipe of a user's file could not be found again.
    """
    if problem.origin is not None and problem.origin.source:
        check_saveable(recipe, problem.origin.module)
        return
    try:
        check_saveable(recipe)
    except RecipeError as unsaveable:
        sentence = f"The solution of {problem.name!r} can be used, but not saved. {unsaveable}"
        warn(sentence, NotSaveable)


def said(solution: Solution) -> Solution:
    """Return a solution, and warn where it has not converged or its laws do not hold.

    An incomplete one has said already that it is.
    """
    if not solution.complete:
        return solution
    if not solution.converged:
        warn(_not_converged(solution), NotConverged)
        return solution
    for sentence in broken_laws(solution.unprojected, 10.0 * solution.accuracy).values():
        warn(sentence, BrokenLaw)
    return solution


def _not_converged(solution: Solution) -> str:
    problem, found = solution.problem, solution.unseen
    place = ", ".join(f"{name} = {value:.4g}" for name, value in found.place.items())
    rough = [f"{n} = {x:.6g}" for n in problem.extent for x in scan(problem)[n].jumps]
    jumps = f" The statement is not smooth at {', '.join(rough)}." if rough else ""
    return (
        f"The solution of {problem.name!r} has not converged: at points that training did not see, "
        f"{found.what} has a relative residual of {found.residual:.1e}, largest at {place}, where "
        f"{solution.accuracy:.1e} was asked for: give a recipe with more points, windows, waves or "
        f"steps.{jumps}"
    )


def stalled(parts: AbstractMachinery, march: March, ended: str) -> str:
    """Return the sentence on a march that did not reach the end."""
    end = parts.span.upper
    time_name = "its stage" if parts.problem.stationary else parts.problem.time
    kept = "the solution is kept up to there" if march.windows else "nothing is kept"
    if ended:
        further = ", and pinn.resume goes on from it" if march.windows else ""
        return (
            f"Training {ended} at {time_name} = {march.reached:.6g} of {end:.6g} after "
            f"{len(march.windows)} windows; {kept}{further}."
        )
    last = (march.attempts or march.records)[-1]
    return (
        f"Training stalled at {time_name} = {march.reached:.6g} of {end:.6g} with a residual of "
        f"{last.residual:.1e} in a window of {last.length:.1e}, and {kept}: the solution may be "
        "singular there; the equation may jump there (name the point in Interval's breakpoints=); "
        "or the recipe is too small (more points, a wider network or more waves, more steps) or "
        "its step too slow."
    )
