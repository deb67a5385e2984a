"""How to step: the interface that least-squares steps and gradient transformations share."""

import abc
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from pinn.errors import RecipeError
from pinn.training.objective import AbstractObjective, Parameters


class StepResult(NamedTuple):
    """Where a step went.

    Args:
        parameters: the new parameters.
        state: the method's own state.
        evaluated: parameters whose loss is known: the new ones, or those the step started from.
        loss: their loss.
        stalled: whether the step could not make worthwhile progress.
    """

    parameters: Parameters
    state: Any
    evaluated: Parameters
    loss: Float[Array, ""]
    stalled: Bool[Array, ""]


class AbstractStep(abc.ABC):
    """A method that improves the parameters of an objective one step at a time.

    It is compiled into a loop, so that both methods are pure functions in `jax.numpy`. An objective
    is half a sum of squares: `objective.loss(p)` is its value, `objective.rows(p)` the vector whose
    squares are summed, `objective.linearise(p)` that vector with its Jacobian. A frozen dataclass
    is saved with a solution.
    """

    @abc.abstractmethod
    def init(self, parameters: Parameters) -> Any:
        """Return the state before the first step, a tree of arrays."""

    @abc.abstractmethod
    def step(self, objective: AbstractObjective, parameters: Parameters, state: Any) -> StepResult:
        """Take one step: the new parameters, and a state of the same structure."""


def taken(
    method: AbstractStep, objective: AbstractObjective, parameters: Parameters, state: Any
) -> StepResult:
    """Take a step, after a look at what it returns.

    Raises:
        RecipeError: it returns something else than a result, or than parameters and a state of the
            shapes and types that it was given.
    """
    result, name = method.step(objective, parameters, state), type(method).__name__
    if not isinstance(result, StepResult):
        raise RecipeError(
            f"The step {name} returned {type(result).__name__}, expected pinn.StepResult("
            "parameters, state, evaluated, loss, stalled)."
        )
    loss, stalled = jnp.asarray(result.loss, parameters.dtype), jnp.asarray(result.stalled, bool)
    result = result._replace(loss=loss, stalled=stalled)
    due = (parameters, state, parameters, jnp.zeros((), parameters.dtype), jnp.zeros((), bool))
    for part, given, expected in zip(StepResult._fields, result, due, strict=True):
        found, wanted = (jax.tree.map(_kind, tree) for tree in (given, expected))
        if found != wanted:
            raise RecipeError(
                f"The step {name} returned {part} of {found}, expected {wanted}, as it was given: "
                "the loop on the device needs the same shapes and types in every step."
            )
    return result


def _kind(leaf: Any) -> str:
    return f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}"
