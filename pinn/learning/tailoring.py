"""Tailor a trained solver to new initial data by the conservation laws of its problem alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from threadpoolctl import threadpool_limits

from pinn.errors import NotConverged, warn
from pinn.learning.errors import LearningError
from pinn.learning.tailored_windows import TailoredWindows
from pinn.networks.marching import MarchingState
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.solution import Solution


@dataclass(frozen=True)
class Tailored:
    """A solver with new initial data, and what the tailoring did to it.

    Args:
        solution: the solver, to be used as any other.
        before: the laws' violation before the last stage: root mean square over all charges and
            times, each against its own scale.
        after: the same with the tailored weights.
        residual: the largest dimensionless residual of the equation, which tailoring did not use,
            on fresh points.
    """

    solution: Solution
    before: float
    after: float
    residual: float


def tailor(
    solution: Solution,
    initial: Mapping[str, Any],
    *,
    steps: int = 30,
    stages: int = 4,
    points: int = 48,
    tailored: Any = None,
    tolerance: float = 1e-3,
) -> Tailored:
    """Return a trained solver for other initial data, found by its verified laws alone.

    Window after window the ansatz starts from the new state, and the weights move from where they
    were trained by least squares on the charges in value form, (I(t) − I(0) − ∫ sources)/scale: no
    data, and of the equation only the acceleration that each window starts with. Since an ansatz
    knows its own velocity, the laws are differential equations of first order; in a system with as
    many of them as degrees of freedom they fix the motion, but for staying at a turning point, and
    in others only part of it. To stay clear of turning points the initial data move from the
    trained ones to the new ones in stages. The equation, which is not used, then judges: a residual
    above `tolerance` is warned of.

    Source: the prediction-time step of Alet et al. (2021), arXiv:2112.03321, with known charges.

    Args:
        solution: trained over time alone.
        initial: the new initial data by entry, as in `pinn.Problem`; what is left out stays.
        steps: the most Levenberg–Marquardt steps in each window and stage; each lowers the
            violation or is not taken.
        stages: in how many equal parts the initial data move.
        points: times in each window at which the laws are asked for.
        tailored: which weights move, a filter of Flax; by default the last layer's.
        tolerance: the dimensionless residual up to which the motion counts as found.

    Raises:
        LearningError: the problem extends over space or has no law, or nothing is to be tailored.
        ProblemError: the initial data do not fit the problem.
    """
    problem = _restarted(solution.problem, initial)
    _check(solution, steps, stages, points)
    # The factorisations are small: more threads than one only wait for each other.
    with arithmetic(solution.recipe.precision), threadpool_limits(1, "blas"):
        windows = TailoredWindows.of(problem, solution, steps, points, tailored)
        pieces = windows.trained_pieces()
        for share in np.arange(1, stages + 1) / stages:
            pieces = windows.through(pieces, share)
        done = _assembled(problem, solution, pieces)
    if not done.residual <= tolerance:
        warn(
            f"The laws alone did not fix the motion from these initial data: the equation's "
            f"residual is {done.residual:.1e} (asked for: {tolerance:.1e}). Give more stages= or "
            "steps=, or train anew with pinn.solve.",
            NotConverged,
        )
    return done


def _restarted(problem: Problem, initial: Mapping[str, Any]) -> Problem:
    """Return the problem with other initial data; its closed form belongs to the old ones."""
    if problem.stationary or problem.extent:
        raise LearningError(
            f"The problem {problem.name!r} extends over space, where laws hold for integrals only "
            "and leave almost everything open: tailor a solver of a problem over time alone, or "
            "train anew with pinn.solve."
        )
    names = {problem.space.canonical(name): value for name, value in problem.initial.items()}
    new = {problem.space.canonical(name): value for name, value in initial.items()}
    return replace(problem, initial={**names, **new}, exact=None, references=())


def _check(solution: Solution, steps: int, stages: int, points: int) -> None:
    if not verified_charges(solution.problem):
        raise LearningError(
            f"The problem {solution.problem.name!r} has no verified law to tailor by: state its "
            "symmetries or conserved quantities."
        )
    if steps < 1 or stages < 1 or points < 4:
        raise LearningError(
            f"Tailoring needs steps ≥ 1, stages ≥ 1 and points ≥ 4, got {steps}, {stages} and "
            f"{points}."
        )


def _assembled(problem: Problem, solution: Solution, pieces: list[dict[str, Any]]) -> Tailored:
    """Return the windows as one solution, whose records say what was measured anew."""
    stack = lambda *leaves: jnp.stack(leaves)  # noqa: E731
    model = MarchingState(
        jax.tree.map(stack, *[p["window"] for p in pieces]),
        jax.tree.map(stack, *[p["parameters"] for p in pieces]),
    )
    numbers = [{k: float(p[k]) for k in ("before", "after", "residual")} for p in pieces]
    records = tuple(
        replace(record, loss=n["after"], residual=n["residual"], drift=n["after"] ** 0.5)
        for record, n in zip(solution.march.records, numbers, strict=True)
    )
    march = replace(
        solution.march,
        windows=tuple(jax.tree.map(np.asarray, p["window"]) for p in pieces),
        parameters=tuple(np.asarray(ravel_pytree(p["parameters"])[0]) for p in pieces),
        records=records,
    )
    moved = replace(solution, problem=problem, march=march, model=model, scores={}, group=None)
    mean = lambda name: float(np.sqrt(np.mean([n[name] for n in numbers])))  # noqa: E731
    return Tailored(moved, mean("before"), mean("after"), max(n["residual"] for n in numbers))
