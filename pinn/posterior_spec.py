"""A posterior as plain data, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pinn.errors import CheckpointError
from pinn.estimation.estimate import laid_out, plain, solver_of
from pinn.estimation.fit import Optimum
from pinn.estimation.smoothness import KINDS, smoothness_spec
from pinn.estimation.vector import Vector
from pinn.posterior import Posterior
from pinn.problem.problem import Problem
from pinn.training.recipe import Recipe


def posterior_spec(posterior: Posterior | None) -> dict[str, Any] | None:
    """Return a posterior as JSON knows it."""
    if posterior is None:
        return None
    fit = posterior.fit
    return {
        "z": fit.z.tolist(),
        "factor": fit.factor.tolist(),
        "loss": fit.loss,
        "chi_squared": fit.chi_squared,
        "effective": fit.effective,
        "noise": {str(i): value for i, value in fit.noise.items()},
        "scales": dict(fit.scales),
        "evaluations": fit.evaluations,
        "left": fit.left,
        "converged": fit.converged,
        "smoothness": {
            p.name: smoothness_spec(p.series.smoothness)
            for p in posterior.vector.parts
            if p.series is not None
        },
        "exponential": False,
    }


def restored(
    problem: Problem, spec: Mapping[str, Any], found: Mapping[str, Any], recipe: Recipe
) -> tuple[Problem, Posterior]:
    """Return the problem with the stored estimate in place of its unknowns, and the posterior.

    Raises:
        CheckpointError: the stored numbers are not those of the problem's unknowns.
    """
    smoothness = {n: KINDS[kind](value) for n, (kind, value) in spec["smoothness"].items()}
    vector, observations = laid_out(problem, smoothness)
    _check_bends(vector, spec)
    z, factor = np.asarray(spec["z"], float), np.asarray(spec["factor"], float)
    if z.shape != (vector.size,) or factor.shape != (vector.size, vector.size):
        raise CheckpointError(
            f"The posterior of {problem.name!r} holds {z.size} unknowns, expected {vector.size}: "
            "the solver is damaged; restore the folder or save it again."
        )
    noise = {int(i): float(value) for i, value in spec["noise"].items()}
    given = {n: spec[n] for n in ("loss", "chi_squared", "effective", "evaluations")}
    ended = {n: spec[n] for n in ("left", "converged")}
    fit = Optimum(z=z, factor=factor, noise=noise, scales=spec["scales"], **given, **ended)
    known = problem.at(**plain(vector, z)).knowing(found)
    make = lambda: solver_of(vector, observations, known, recipe)  # noqa: E731
    return known, Posterior(vector, observations, fit, make)


def _check_bends(vector: Vector, spec: Mapping[str, Any]) -> None:
    """Refuse coefficients from when every function above a bound was an exponential."""
    if not spec["exponential"]:
        return
    series = {p.name: p.series for p in vector.parts if p.series is not None}
    changed = [n for n, s in series.items() if s.lower is not None and s.guess is not None]
    if changed:
        raise CheckpointError(
            f"The unknown functions ({', '.join(changed)}) of {vector.problem.name!r} were saved "
            "by a version that wrote them as exponentials: solve it anew, or install that version."
        )
