"""How to step: the interface that least-squares steps and gradient transformations share."""

import abc
from typing import Any, NamedTuple

from jaxtyping import Array, Bool, Float

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
    """A method that improves the parameters of an objective one step at a time."""

    @abc.abstractmethod
    def init(self, parameters: Parameters) -> Any:
        """Return the state before the first step."""

    @abc.abstractmethod
    def step(self, objective: AbstractObjective, parameters: Parameters, state: Any) -> StepResult:
        """Take one step."""
