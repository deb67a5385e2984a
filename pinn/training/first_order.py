"""Any Optax transformation as a step on the same objective."""

import abc
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from pinn.errors import RecipeError, near_matches
from pinn.training.objective import AbstractObjective, Parameters
from pinn.training.step import AbstractStep, StepResult

OWN = "pinn.learning"


class AbstractDescent(AbstractStep):
    """A step of a gradient transformation on an objective's loss."""

    @property
    @abc.abstractmethod
    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """The transformation of Optax."""

    def init(self, parameters: Parameters) -> optax.OptState:
        """Return the optimiser's state before the first step."""
        with jax.numpy_dtype_promotion("standard"):
            return self.transformation.init(parameters)

    def step(self, objective: AbstractObjective, parameters: Parameters, state: Any) -> StepResult:
        """Take one step of the optimiser on the objective's loss."""
        loss, gradient = jax.value_and_grad(objective.loss)(parameters)
        # Optax multiplies integer counts by floats.
        with jax.numpy_dtype_promotion("standard"):
            updates, state = self.transformation.update(
                gradient, state, parameters, value=loss, grad=gradient, value_fn=objective.loss
            )
        moved = cast(Array, optax.apply_updates(parameters, updates))
        return StepResult(moved, state, parameters, loss, jnp.zeros((), bool))


@dataclass(frozen=True)
class Transformation(AbstractDescent):
    """A gradient transformation that was given as it is, as in `step=optax.adam(1e-3)`.

    Args:
        given: the transformation; a saved solver could not find it again.
    """

    given: optax.GradientTransformation

    @property
    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """The transformation."""
        return optax.with_extra_args_support(self.given)


@dataclass(frozen=True)
class Optax(AbstractDescent):
    """An optimiser of Optax by name, as in `Optax("adam", {"learning_rate": 1e-3})`.

    Named rather than passed as an object so that a checkpoint can rebuild it and training resumes.

    Args:
        name: a function of `optax`, such as `adam`, `lbfgs`, `adamw`, `sgd`, or of this library's
            own, as in `pinn.learning.energy_conserving_descent`.
        options: its keyword arguments; a number, a string or a truth value each.

    Raises:
        RecipeError: Optax has no such optimiser, or does not take these options.
    """

    name: str = "adam"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self):
        self.transformation  # noqa: B018

    @property
    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """The optimiser of that name, with its options."""
        home, _, short = self.name.rpartition(".")
        # A checkpoint names what is to be called here: nothing outside the two may be.
        module = importlib.import_module(OWN) if home == OWN else optax
        factory = getattr(module, short if home == OWN else self.name, None)
        if not callable(factory):
            raise RecipeError(
                f"Optax has no optimiser {self.name!r}{near_matches(self.name, dir(optax))}."
            )
        try:
            transformation = factory(**self.options)
        except TypeError as error:
            raise RecipeError(f"optax.{self.name} does not take these options: {error}.") from error
        if not hasattr(transformation, "update"):
            raise RecipeError(f"optax.{self.name} is not an optimiser; 'adam' and 'lbfgs' are.")
        return optax.with_extra_args_support(transformation)


def as_step(given: Any) -> AbstractStep:
    """Return the step that a recipe is given: a step, or a gradient transformation of Optax.

    Raises:
        RecipeError: it is neither.
    """
    if isinstance(given, AbstractStep):
        return given
    if isinstance(given, optax.GradientTransformation | optax.GradientTransformationExtraArgs):
        return Transformation(given)
    raise RecipeError(
        f"step= takes pinn.GaussNewton(), pinn.Optax('adam', …), a transformation such as "
        f"optax.adam(1e-3), or a pinn.AbstractStep of your own, got {given!r:.60}."
    )
