"""Trained solvers, tailored to other initial data by their laws alone."""

import warnings
from typing import Any

import numpy as np

from pinn.errors import NotConverged
from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.tailoring import tailor
from pinn.networks.mlp import Network
from pinn.problem.registry import get
from pinn.references.reference import reference, relative_l2
from pinn.solver import solve
from pinn.training.recipe import Recipe
from pinn.training.windows import Uniform

TITLE = "Do a solver's verified laws alone find the motion from other initial data?"
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "pendulum": ({"end": 3.0}, {"theta": 1.6}, 3),
    "kepler": ({"eccentricity": 0.2, "periods": 0.2}, {"q_t": (0.1, 1.15)}, 4),
    "henon_heiles": ({"end": 2.0}, {"q": (0.25, -0.2)}, 3),
}


def run(seed: int) -> Demonstration:
    """Train each solver once, tailor it, and compare with an integration of the new motion."""
    rows, curves = [], []
    for name, (parameters, initial, windows) in CASES.items():
        problem = get(name, **parameters)
        recipe = Recipe(network=Network(width=16), windows=Uniform(windows), steps=40)
        solution = solve(problem, recipe=recipe, seed=seed, progress=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)  # the table says it
            done = tailor(solution, initial)
        truth = reference(done.solution.problem)
        times = np.linspace(problem.interval.lower, problem.interval.upper, 201)
        field = next(iter(problem.fields))
        known, found, before = (s(times)[field] for s in (truth, done.solution, solution))
        laws = tuple(solution.charges(times[:1]))
        rows.append(
            {
                "problem": name,
                "laws": ", ".join(laws),
                "error before": relative_l2(before, known),
                "error tailored": relative_l2(found, known),
                "violation of the laws": done.after,
                "residual, not used": done.residual,
            }
        )
        gaps = {"before": before, "tailored": found}
        for label, values in gaps.items():
            gap = np.abs(np.asarray(values) - np.asarray(known)).reshape(len(times), -1).max(1)
            axes = ("time", "error")
            curves.append(Curve(name, label, numbers(times), numbers(gap + 1e-17), axes, log=True))
    notes = tuple(
        f"{row['problem']}: the motion is "
        + ("found" if row["error tailored"] < 1e-5 else "not found")
        + f" from {row['laws']} alone."
        for row in rows
    )
    return Demonstration(TITLE, tuple(rows), notes, tuple(curves))
