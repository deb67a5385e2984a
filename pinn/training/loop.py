"""The loop: steps on an objective until a target, a stall or a budget, on the device throughout."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from pinn.training.objective import AbstractObjective, Parameters
from pinn.training.step import AbstractStep, taken

PATIENCE = 8
ROUND = 10
NEAR = 1e-2
STALLED = 2


class LoopState(NamedTuple):
    """Where a run of steps stands.

    Args:
        parameters: the current parameters.
        state: the method's state.
        best: the best parameters seen, and their loss.
        best_loss: the least loss seen.
        taken: how many steps were taken.
        stalls: how many steps in a row made no worthwhile progress.
        multipliers: λ/μ of the augmented rows; none where there are no such rows.
        since: how many steps were taken since they were last improved.
    """

    parameters: Parameters
    state: Any
    best: Parameters
    best_loss: Float[Array, ""]
    taken: Int[Array, ""]
    stalls: Int[Array, ""]
    multipliers: Float[Array, " multipliers"]
    since: Int[Array, ""]


def begin(step: AbstractStep, parameters: Parameters, multiplier_count: int = 0) -> LoopState:
    """Return the loop's state before the first step."""
    zero = jnp.zeros((), jnp.int32)
    best_loss = jnp.asarray(jnp.inf, parameters.dtype)
    multipliers = jnp.zeros(multiplier_count, parameters.dtype)
    state = step.init(parameters)
    return LoopState(parameters, state, parameters, best_loss, zero, zero, multipliers, zero)


def finished(
    loop: LoopState, target: float, steps: int, ramp: int = 0, patience: int = PATIENCE
) -> Bool[Array, ""]:
    """Tell whether the loss reached its target, progress stalled, or the steps are used up.

    Multipliers are improved where progress stalls, so that it may go on after that.
    """
    patience = max(patience, 2 * STALLED) if loop.multipliers.size else patience
    done = (loop.best_loss <= target) | (loop.stalls >= patience)
    return (done & (loop.taken > ramp)) | (loop.taken >= steps)


def advance(
    step: AbstractStep,
    objective: AbstractObjective,
    loop: LoopState,
    target: float,
    steps: int,
    chunk: int,
    patience: int = PATIENCE,
) -> LoopState:
    """Take up to `chunk` further steps."""
    stop, ramp = loop.taken + chunk, objective.ramp

    def once(loop: LoopState) -> LoopState:
        loop = _multiplied(objective, loop) if objective.multiplier_count else loop
        present = objective.during(loop.taken, loop.multipliers)
        result = taken(step, present, loop.parameters, loop.state)
        rising = loop.taken <= ramp  # losses of different weights do not compare
        better = (result.loss < loop.best_loss) | rising
        return LoopState(
            result.parameters,
            result.state,
            jnp.where(better, result.evaluated, loop.best),
            jnp.where(better, result.loss, loop.best_loss),
            loop.taken + 1,
            jnp.where(result.stalled & ~rising, loop.stalls + 1, 0),
            loop.multipliers,
            loop.since + 1,
        )

    going = lambda loop: ~finished(loop, target, steps, ramp, patience) & (loop.taken < stop)  # noqa: E731
    return jax.lax.while_loop(going, once, loop)


def _multiplied(objective: AbstractObjective, loop: LoopState) -> LoopState:
    """Improve the multipliers, λ/μ ← λ/μ + c, where the inner problem is about solved.

    That is after ROUND steps, or two in a row without progress (Hestenes 1969,
    doi:10.1007/BF00927673), and only NEAR the level, where the misses are linear in the
    multipliers. The least loss is then forgotten, for it was another problem's.
    """
    misses = objective.violations(loop.parameters)
    near = jnp.max(jnp.abs(misses)) <= NEAR
    due = near & ((loop.since >= ROUND) | (loop.stalls >= STALLED))
    worse = due & (jnp.max(jnp.abs(misses)) > 4.0 * jnp.finfo(misses.dtype).eps)
    return loop._replace(
        multipliers=jnp.where(due, loop.multipliers + misses, loop.multipliers),
        since=jnp.where(due, 0, loop.since),
        stalls=jnp.where(worse, 0, loop.stalls),
        best_loss=jnp.where(due, jnp.inf, loop.best_loss),
    )


def outcome(objective: AbstractObjective, loop: LoopState) -> tuple[Parameters, Float[Array, ""]]:
    """Return the best parameters and their loss, the last step's included."""
    last = objective.during(loop.taken, loop.multipliers).loss(loop.parameters)
    better = last < loop.best_loss
    return (
        jnp.where(better, loop.parameters, loop.best),
        jnp.where(better, last, loop.best_loss),
    )
