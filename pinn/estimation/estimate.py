"""From a problem with unknowns and data to an estimate."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pinn.errors import ProblemError
from pinn.estimation.fit import Fit
from pinn.estimation.fitting import Fitting
from pinn.estimation.joint_start import joint_start
from pinn.estimation.marching import Marching
from pinn.estimation.matching import matched
from pinn.estimation.model import AbstractModel
from pinn.estimation.observations import Observations
from pinn.estimation.series import Series, polynomials
from pinn.estimation.shooting import Shooting
from pinn.estimation.smoothness import CANDIDATES, AbstractSmoothness
from pinn.estimation.vector import Vector
from pinn.networks.separable import Separable
from pinn.noether.verify import verified_charges
from pinn.problem.nearby import somewhere
from pinn.problem.problem import Problem
from pinn.spectral import basis_of
from pinn.training.machinery import lawless
from pinn.training.recipe import Recipe
from pinn.training.windows import Controlled
from pinn.watch import Watch

# From nothing to unknowns to start from, none where there are none.
Start = Callable[[], np.ndarray | None]
# The search takes so large a share of the waves.
COARSE = 0.6


@dataclass(frozen=True, eq=False)
class Estimate:
    """What was found.

    Args:
        fitting: the least-squares problem.
        fit: the estimate.
        marching: over space, what was solved with it.
    """

    fitting: Fitting
    fit: Fit
    marching: Marching | None = None

    @property
    def problem(self) -> Problem:
        """The problem with the estimate in place of its unknowns."""
        vector = self.fitting.vector
        found = vector.problem.at(**plain(vector, self.fit.z))
        if self.marching is None:
            return found
        # Its network is that of the class of problems, whatever more the estimate is by chance.
        return found.knowing(self.marching.structure)


def plain(vector: Vector, z: Float[np.ndarray, " size"]) -> dict:
    """Return the values that stand for z as NumPy arrays, and functions."""
    values = vector.values(jnp.asarray(z))
    return {n: v if callable(v) else np.asarray(v) for n, v in values.items()}


def estimate(problem: Problem, recipe: Recipe, watch: Watch | None = None) -> Estimate:
    """Find a problem's unknowns by least squares.

    Args:
        problem: with unknowns and data.
        recipe: how to solve it, over space.
        watch: shows how far the search is, and ends it out of time.

    Raises:
        ProblemError: there are no data, fewer of them than unknowns, or nothing that was measured
            depends on an unknown; or a claimed law does not hold for every value of the unknowns.
        OutOfTime: the watch's budget is spent.
    """
    if not problem.data:
        raise ProblemError(
            f"The problem {problem.name!r} has unknowns ({', '.join(problem.unknown_names)}) and "
            "no data to find them from: give data=[pinn.Data(…)], or values with problem.at(…)."
        )
    vector, observations = laid_out(problem)
    _check_count(vector, observations)
    scales = {p.name: p.series.unit for p in vector.parts if p.series is not None}
    first = matched(vector, observations, scales)
    near = vector.start if first is None else first
    model = _model(vector, observations, recipe, near)
    _verify(problem)
    fitting = Fitting(model, watch or Watch())
    begins = [vector.start] if first is None else [first, vector.start]
    starts: list[Start] = [
        lambda: near,
        *(partial(joint_start, vector, observations, begin) for begin in begins),
        *(lambda begin=begin: begin for begin in begins[1:]),
    ]
    found = _best(fitting, starts, scales)
    _check_dependence(vector, found)
    if scales:
        fitting, chosen = fitting.smoother(found, CANDIDATES)
        vector = fitting.vector
        found = fitting.fit(chosen.z, chosen.scales)
    finer = _finer(fitting.model, recipe)
    if finer is None:
        ready = fitting.model
        return Estimate(fitting, found, ready if isinstance(ready, Marching) else None)
    refined = fitting.refined(found, finer)
    if refined is not None:
        return Estimate(fitting, refined, finer)
    fitting = replace(fitting, model=finer)
    return Estimate(fitting, fitting.fit(found.z, found.scales), finer)


def _finer(model: AbstractModel, recipe: Recipe) -> Marching | None:
    """Return the same model by the recipe itself, where it was solved by a coarser one."""
    if not isinstance(model, Marching):
        return None
    problem = model.parts.problem
    if model.parts.recipe == recipe.completed(problem):
        return None
    return Marching(model.vector, model.observations, lawless(problem, recipe))


def _coarser(problem: Problem, recipe: Recipe) -> Recipe:
    """Return a recipe for the search: fewer units in longer windows, where the network has units.

    It is to give derivatives that are right to a few digits; the estimate is the finer recipe's.
    """
    whole = recipe.completed(problem)
    network = whole.network
    if not isinstance(network, Separable) or recipe.network is not None or network.waves < 12:
        return recipe
    times = max(network.times - 2, 4) if not problem.stationary else network.times
    coarse = Separable(times, max(math.ceil(COARSE * network.waves), 8))
    windows = recipe.windows
    if windows is None and not problem.stationary:
        windows = Controlled(tolerance=1e-4, order=max(times - 1, 1))
    return replace(recipe, network=coarse, windows=windows)


def guessed(problem: Problem) -> Problem:
    """Return a problem with its guesses in place of its unknowns."""
    vector = laid_out(problem)[0]
    return problem.at(**plain(vector, vector.start))


def laid_out(
    problem: Problem, smoothness: Mapping[str, AbstractSmoothness] | None = None
) -> tuple[Vector, Observations]:
    """Return the unknowns of a problem as a vector, and its data.

    Args:
        problem: the problem.
        smoothness: of each unknown function.
    """
    observations = Observations.of(problem)
    vector = Vector.of(problem, _series(problem, observations))
    for name, one in (smoothness or {}).items():
        vector = vector.smoothed(name, one)
    return vector, observations


def solver_of(
    vector: Vector, observations: Observations, problem: Problem, recipe: Recipe
) -> AbstractModel:
    """Return what predicts at any points, of a problem that is known and solved by a recipe."""
    if problem.extent or problem.stationary:
        return Marching(vector, observations, lawless(problem, recipe))
    return Shooting(vector, observations, problem)


def _best(fitting: Fitting, starts: list[Start], scales: Mapping[str, float]) -> Fit:
    """Return the fit from the first start that explains the data, or the best of all."""
    found = []
    for begin in starts:
        start = begin()
        if start is None or not fitting.solvable(start):
            continue
        found.append(fitting.fit(start, scales))
        if found[-1].converged and found[-1].plausible:
            break
    if not found:
        raise ProblemError(
            f"The equation of {fitting.vector.problem.name!r} cannot be solved up to the data with "
            "the guesses of its unknowns: give guesses with which it can."
        )
    return max(found, key=lambda fit: (fit.converged, fit.likelihood))


def _model(
    vector: Vector, observations: Observations, recipe: Recipe, start: np.ndarray
) -> AbstractModel:
    problem = vector.problem
    if not (problem.extent or problem.stationary):
        return solver_of(vector, observations, problem.at(**plain(vector, start)), recipe)
    # Mirrors and modes are those that the whole class of problems has, not the guess by chance.
    some = somewhere(problem, seed=1)
    return solver_of(vector, observations, some, _coarser(some, recipe))


def _verify(problem: Problem) -> None:
    """Verify every claimed law for random values of the unknowns.

    Raises:
        ProblemError: one does not hold for all of them.
    """
    if problem.symmetries or problem.conserved:
        verified_charges(somewhere(problem, seed=2))


def _series(problem: Problem, observations: Observations) -> dict[str, Series]:
    """Return the series of every unknown function.

    Raises:
        ProblemError: it is not known where a function of the state is to be looked for.
    """
    found = {}
    for name, field in problem.coefficients.items():
        bases = tuple(basis_of(problem.axes[c], field.count) for c in field.over)
        found[name] = Series(bases, 0, field.lower, field.guess)
    for name, function in problem.functions.items():
        lower, upper = function.lower, function.upper
        if lower is None or upper is None:
            lower, upper = _range(problem, observations, name)
        bases = polynomials(tuple(lower), tuple(upper), function.count)
        outputs = 0 if function.outputs == 1 else function.outputs
        found[name] = Series(bases, outputs, None, function.guess)
    for name, value in problem.initial.items():
        entry = problem.closed_space.canonical(name)
        if problem.extent and entry in problem.unknown_names:
            bases = tuple(basis_of(axis, 16) for axis in problem.extent.values())
            shape = problem.closed_space.shape(entry)
            guess = None if value.guess is None else float(np.mean(value.guess))
            found[entry] = Series(bases, int(np.prod(shape)) if shape else 0, value.lower, guess)
    return found


def _range(problem: Problem, observations: Observations, name: str) -> tuple[tuple, tuple]:
    """Return the box of a function of one state: where the data are, a tenth wider."""
    inputs = problem.functions[name].inputs
    values = [column.values for column in observations.columns if column.name in problem.fields]
    if inputs != 1 or len(values) != 1 or len(problem.fields) != 1:
        raise ProblemError(
            f"It is not known where the unknown function {name!r} is to be looked for: give "
            "lower= and upper=, one number for each of its inputs."
        )
    low, high = float(np.min(values[0])), float(np.max(values[0]))
    margin = 0.1 * (high - low) or 1.0
    return (low - margin,), (high + margin,)


def _check_count(vector: Vector, observations: Observations) -> None:
    constants = int(np.sum(vector.constants))
    priors = sum(
        int(np.prod(p.shape)) for p in vector.parts if p.unknown is not None and p.unknown.prior
    )
    open_noise = len(observations.estimated)
    if observations.count + priors < constants + open_noise:
        also = f", and {open_noise} unknown noise" if open_noise else ""
        raise ProblemError(
            f"The data hold {observations.count} numbers for {constants} unknowns "
            f"({', '.join(np.array(vector.names)[vector.constants])}){also}: measure more, or give "
            f"priors{' or noise=' if open_noise else ''}."
        )


def _check_dependence(vector: Vector, fit: Fit) -> None:
    moved = np.linalg.norm(fit.jacobian[: fit.data_rows], axis=0)
    for part in vector.parts:
        if np.all(moved[part.where] == 0.0):
            raise ProblemError(
                f"Nothing that was measured depends on the unknown {part.name!r}: remove it, or "
                "measure what depends on it."
            )
