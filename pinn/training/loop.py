"""The loop: steps on an objective until a target, a stall or a budget, on the device throughout."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from pinn.training.objective import AbstractObjective, Parameters
from pinn.training.step import AbstractStep

PATIENCE = 8


class LoopState(NamedTuple):
    """Where a run of steps stands.

    Args:
        parameters: the current parameters.
        state: the method's state.
        best: the best parameters seen, and their loss.
        best_loss: the least loss seen.
        taken: how many steps were taken.
        stalls: how many steps in a row made no worthwhile progress.
    """

    parameters: Parameters
    state: Any
    best: Parameters
    best_loss: Float[Array, ""]
    taken: Int[Array, ""]
    stalls: Int[Array, ""]


def begin(step: AbstractStep, objective: AbstractObjective, parameters: Parameters) -> LoopState:
    """Return the loop's state before the first step."""
    zero = jnp.zeros((), jnp.int32)
    best_loss = jnp.asarray(jnp.inf, parameters.dtype)
    state = step.init(objective, parameters)
    return LoopState(parameters, state, parameters, best_loss, zero, zero)


def finished(loop: LoopState, target: float, steps: int) -> Bool[Array, ""]:
    """Tell whether the loss reached its target, progress stalled, or the steps are used up."""
    return (loop.best_loss <= target) | (loop.stalls >= PATIENCE) | (loop.taken >= steps)


def advance(
    step: AbstractStep,
    objective: AbstractObjective,
    loop: LoopState,
    target: float,
    steps: int,
    chunk: int,
) -> LoopState:
    """Take up to `chunk` further steps."""
    stop = loop.taken + chunk

    def once(loop: LoopState) -> LoopState:
        result = step.step(objective, loop.parameters, loop.state)
        better = result.loss < loop.best_loss
        return LoopState(
            result.parameters,
            result.state,
            jnp.where(better, result.evaluated, loop.best),
            jnp.where(better, result.loss, loop.best_loss),
            loop.taken + 1,
            jnp.where(result.stalled, loop.stalls + 1, 0),
        )

    keep_going = lambda loop: ~finished(loop, target, steps) & (loop.taken < stop)  # noqa: E731
    return jax.lax.while_loop(keep_going, once, loop)


def outcome(objective: AbstractObjective, loop: LoopState) -> tuple[Parameters, Float[Array, ""]]:
    """Return the best parameters and their loss, the last step's included."""
    last = objective.loss(loop.parameters)
    better = last < loop.best_loss
    return (
        jnp.where(better, loop.parameters, loop.best),
        jnp.where(better, last, loop.best_loss),
    )
