"""The objective of each window of a solution, as it was when the window was trained."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.learning.errors import LearningError
from pinn.solution import Solution
from pinn.training.loop import begin
from pinn.training.machinery import machinery
from pinn.training.objective import AbstractObjective
from pinn.training.parts import AbstractMachinery, Front
from pinn.training.rows import Stage


@dataclass(frozen=True, eq=False)
class TrainedWindow:
    """A window of a solution, opened again.

    Args:
        parts: the parts of its problem and recipe.
        stage: the open window.
        fresh: flat parameters before training.
        trained: flat parameters after it.
    """

    parts: AbstractMachinery
    stage: Stage
    fresh: Float[Array, " parameters"]
    trained: Float[Array, " parameters"]

    def objective(self) -> AbstractObjective:
        """Return the rows of the window, at the full weights of training's end."""
        parts = self.parts
        return at_full_weight(parts.objective(self.stage, parts.prepare(self.stage)), self.trained)


def at_full_weight(objective: AbstractObjective, parameters: Array) -> AbstractObjective:
    """Return an objective as it stands after its weights have grown, without multipliers."""
    zero = jnp.zeros(objective.multiplier_count, parameters.dtype)
    return objective.during(jnp.asarray(objective.ramp + 1), zero)


def check_solution(solution: Any) -> None:
    """Refuse what was not trained.

    Raises:
        LearningError: it is no solution.
    """
    if not isinstance(solution, Solution):
        raise LearningError(
            f"A trained solution is needed, got {type(solution).__name__}: give what pinn.solve or "
            "pinn.load returned."
        )


def opened(solution: Solution) -> Iterator[TrainedWindow]:
    """Open the windows of a solution one after the other, each where the last one ended.

    Raises:
        LearningError: the solution has no trained window.
    """
    march = solution.march
    if not march.windows:
        raise LearningError(
            f"The solution of {solution.problem.name!r} has no trained window: train it first."
        )
    parts = machinery(solution.problem, solution.recipe)
    front = parts.first_front(solution.seed)
    for window, flat in zip(march.windows, march.parameters, strict=True):
        stage, _ = parts.compiled["first"](front, jnp.asarray(window.length, parts.dtype))
        trained = jnp.asarray(flat, parts.dtype)
        yield TrainedWindow(parts, stage, front.parameters, trained)
        front = _following(parts, stage, trained, front, solution.seed)


def _following(
    parts: AbstractMachinery, stage: Stage, trained: Array, front: Front, seed: int
) -> Front:
    """Return where the next window starts, by closing this one with its trained parameters."""
    count = parts.multiplier_count(stage)
    loop = begin(parts.recipe.step, trained, count)
    known = parts.compiled["prepare"](stage)
    report: Any = parts.compiled["close"](stage, known, loop, front.gained)
    end = jnp.asarray(front.time + stage.window.length, parts.dtype)
    following = parts.following(np.asarray(trained), seed)
    return Front(end, report.state, report.gained, following, report.grading)


def labelled(objective: AbstractObjective, parameters: Array) -> dict[str, np.ndarray]:
    """Return which rows belong to which block, found by making one block's weight not a number."""
    parts = getattr(objective, "parts", [objective])
    found: dict[str, list[int]] = {}
    start = 0
    for part in parts:
        count = jax.eval_shape(part.rows, parameters).shape[0]
        for place, block in enumerate(part.blocks):
            marked = _marked(part, place)
            rows = np.flatnonzero(np.isnan(np.asarray(jax.jit(marked.rows)(parameters))))
            found.setdefault(block.name, []).extend((start + rows).tolist())
        start += count
    return {name: np.asarray(rows) for name, rows in found.items()}


def _marked(part: Any, place: int) -> AbstractObjective:
    blocks = list(part.blocks)
    blocks[place] = replace(blocks[place], weight=jnp.asarray(jnp.nan))
    return replace(part, blocks=blocks)
