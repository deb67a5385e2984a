"""What holding the laws does to error, drift and time: every mode, a sweep of weights, few points.

The networks and windows are fixed and small, so that the number of points decides; the default
recipes reach round-off on mechanics, where no mode could differ. Seeds and points make the rows;
weight 0 is among them. Each run is judged on the interval that it was trained on and, in
`Extrapolated`, on as long again after its end.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

import pinn
from pinn.benchmark import Case, Study, Trained
from pinn.benchmark.method import Order
from pinn.benchmark.report import Accuracy
from pinn.measure import drift
from pinn.references.reference import reference, relative_l2

WEIGHTS = (0.0, 0.01, 1.0, 100.0)
SIZES = {"mechanics": (8, 12, 24), "fields": (128, 512, 2048)}
SAMPLES = {0: 1001, 1: 41}

SMALL = pinn.Recipe(network=pinn.Network(width=10), windows=pinn.Uniform(6), steps=40)
OVER_SPACE = pinn.Recipe(
    network=pinn.Network(width=16, spread=1.0, harmonics=2),
    windows=pinn.Uniform(4),
    steps=40,
    modes=65,
)

MECHANICS = (
    ("pendulum", {}),
    ("kepler", {"eccentricity": 0.5}),
    ("henon_heiles", {}),
    ("three_body", {}),
    ("double_pendulum", {}),
    ("toda", {}),
)
FIELDS = (
    ("kdv", {"delta": 0.1}),
    ("klein_gordon", {"end": 2.0}),
    ("nls", {}),
    ("wave", {}),
    ("bbm", {}),
    ("mkdv", {}),
)


@dataclass(frozen=True)
class Extrapolated(Trained):
    """A network trained on [0, T] and judged on [T, 2T]; its last window goes on by itself."""

    seeded: ClassVar[bool] = True

    def measure(self, order: Order) -> dict[str, Any]:
        """Train, and compare with a reference over twice the time."""
        problem = order.problem()
        solution = pinn.solve(problem, seed=order.seed, recipe=self.recipe, progress=False)
        total, interval = order.elapsed(), problem.interval
        longer = replace(interval, upper=interval.upper + interval.length)
        truth = reference(replace(problem, axes={**problem.axes, problem.time: longer}))
        times = np.linspace(interval.upper, longer.upper, SAMPLES[len(problem.extent)])
        places = [np.linspace(a.lower, a.upper, 129) for a in problem.extent.values()]
        points = np.meshgrid(times, *places, indexing="ij", sparse=True)
        mine, theirs = solution(*points), truth(*points)
        return {
            "seconds": {
                "run": solution.seconds["training"],
                "compile": solution.seconds["compile"],
                "total": total,
            },
            "parameter_count": solution.parameter_count,
            "points": solution.recipe.points,
            "steps": solution.steps,
            "error": {n: relative_l2(mine[n], theirs[n]) for n in problem.fields},
            "drift": drift(solution.trajectory, np.append(interval.lower, times)),
            "reference": {"name": truth.method.name, "error": truth.error_estimate},
        }


def modes(recipe: pinn.Recipe, kind: type[Trained], names: tuple[str, ...]) -> tuple[Trained, ...]:
    """Return the weights and the modes by name, of one recipe."""
    weighted = [
        kind(replace(recipe, conservation=w), name="off" if w == 0.0 else f"penalty {w:g}")
        for w in WEIGHTS
    ]
    return (*weighted, *(kind(replace(recipe, conservation=n), name=n) for n in names))


def cases(kind: type[Trained], setting: str) -> tuple[Case, ...]:
    """Return every problem with every number of points."""
    found = []
    for group, recipe, listed, names in (
        ("mechanics", SMALL, MECHANICS, ("augmented", "exact")),
        ("fields", OVER_SPACE, FIELDS, ("exact",)),
    ):
        for name, parameters in listed:
            for count in SIZES[group]:
                methods = modes(replace(recipe, points=count), kind, names)
                title = f"{count} points{setting}"
                sweep = ("points", float(count))
                found.append(Case(name, parameters, title, sweep=sweep, methods=methods))
    return tuple(found)


STUDY = Study(
    title="When does it help to hold the laws, and when does it hurt?",
    cases=(*cases(Trained, ""), *cases(Extrapolated, ", judged on [T, 2T]")),
    seeds=(0, 1, 2, 3, 4),
    limit=300.0,
    tables=(Accuracy(),),
)
