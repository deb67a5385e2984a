"""A network, trained by a recipe."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax

from pinn.benchmark.environment import peak_bytes
from pinn.benchmark.identity import PRESENTATION
from pinn.benchmark.judging import history
from pinn.benchmark.method import AbstractMethod, Order
from pinn.measure import compare
from pinn.problem.problem import Problem
from pinn.solution import Solution
from pinn.solver import solve
from pinn.training.parts import span
from pinn.training.recipe import Recipe
from pinn.training.spec import to_spec


@dataclass(frozen=True)
class Trained(AbstractMethod):
    """A network, trained by a recipe.

    Args:
        recipe: any of its choices; the rest is chosen for the problem.
        name: what tables call it.
        judged: whether to compare with a reference; where only the cost matters, there is no need.
        devices: how many simulated devices a CPU is to be divided into.
        history: at how many times the drift is kept, for a curve.
    """

    recipe: Recipe = field(default_factory=Recipe)
    name: str = field(default="pinn", metadata=PRESENTATION)
    judged: bool = True
    devices: int = 1
    history: int = 0
    seeded: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name

    @property
    def environment(self) -> dict[str, str]:
        """The flag that divides a CPU into devices."""
        if self.devices == 1:
            return {}
        return {"XLA_FLAGS": f"--xla_force_host_platform_device_count={self.devices}"}

    @property
    def cores(self) -> int:
        """A core for each device."""
        return self.devices

    def completed(self, problem: Problem) -> Any:
        """Return the recipe with every choice made."""
        return to_spec(self.recipe.completed(problem))

    def measure(self, order: Order) -> dict[str, Any]:
        """Train, and compare with the problem's reference."""
        problem = order.problem()
        solution = solve(problem, seed=order.seed, recipe=self.recipe, progress=False)
        total, peak, recipe = order.elapsed(), peak_bytes(), solution.recipe
        order.note(f"trained in {total:.0f} s, and the comparison had not ended")
        row = {
            "seconds": {
                "run": solution.seconds["training"],
                "compile": solution.seconds["compile"],
                "total": total,
            },
            "parameter_count": solution.parameter_count,
            "points": recipe.points,
            "steps": solution.steps,
            "windows": solution.model.count,
            "complete": solution.complete,
            "converged": solution.converged,
            "residual": solution.residual,
            "peak_bytes": peak,
            "reached": _share(solution),
            "precision": recipe.precision,
            "recipe": to_spec(recipe),
            "devices": jax.device_count(),
            "devices_used": _devices_used(solution),
        }
        row |= history(solution.trajectory, self.history)
        return {**row, **(_judged(solution) if self.judged else {})}


def _share(solution: Solution) -> float:
    """Return the share of the evolution up to which there is a solution."""
    whole = span(solution.problem)
    return (solution.reached - whole.lower) / whole.length


def _devices_used(solution: Solution) -> int:
    """Return over how many devices the trained arrays are spread or repeated."""
    leaves = jax.tree.leaves(solution.model.parameters)
    return max(
        (len(leaf.sharding.device_set) for leaf in leaves if hasattr(leaf, "sharding")), default=1
    )


def _judged(solution: Solution) -> dict[str, Any]:
    scores = compare(solution)
    return {
        "error": dict(scores.error),
        "drift": dict(scores.drift),
        "drift_before": dict(scores.drift_before),
        "reference": {
            "name": scores.facts["reference"],
            "error": scores.reference_error,
            "integrator": scores.facts["integrator"],
            "drift": dict(scores.reference_drift),
        },
    }
