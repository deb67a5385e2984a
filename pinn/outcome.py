"""What a user is told of how training ended: one sentence each."""

import warnings

from pinn.along import broken_laws
from pinn.errors import BrokenLaw, NotConverged
from pinn.problem.scan import scan
from pinn.solution import Solution
from pinn.training.march import March
from pinn.training.parts import AbstractMachinery


class IncompleteWarning(UserWarning):
    """Training ended before the end of the interval."""


def said(solution: Solution) -> Solution:
    """Return a solution, and warn where it has not converged or its laws do not hold.

    An incomplete one has said already that it is.
    """
    if not solution.complete:
        return solution
    if not solution.converged:
        warnings.warn(_not_converged(solution), NotConverged, stacklevel=3)
        return solution
    for sentence in broken_laws(solution.unprojected, 10.0 * solution.accuracy).values():
        warnings.warn(sentence, BrokenLaw, stacklevel=3)
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
    residual = march.attempts[-1].residual if march.attempts else float("nan")
    return (
        f"Training stalled at {time_name} = {march.reached:.6g} of {end:.6g} with a residual of "
        f"{residual:.1e}, and {kept}: the solution may be singular there; the equation may jump "
        "there (name the point in Interval's breakpoints=); or the recipe is too small (more "
        "points, a wider network or more waves, more steps)."
    )
