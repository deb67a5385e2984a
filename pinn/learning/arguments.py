"""What models, inputs and losses must be, said in one sentence where they are not."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.learning.errors import LearningError


def check_module(model: Any, name: str = "model") -> None:
    """Refuse what is no NNX module.

    Raises:
        LearningError: it is none.
    """
    if not isinstance(model, nnx.Module):
        given = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise LearningError(
            f"{name}= must be a flax.nnx.Module, got {given}: give a module, made and with its "
            "parameters, or wrap a function in one."
        )


def check_inputs(inputs: Any) -> np.ndarray:
    """Return inputs as an array, batch first.

    Raises:
        LearningError: they are not finite numbers, there are none, or there is no batch.
    """
    try:
        array = np.asarray(inputs)
        finite = bool(np.all(np.isfinite(array)))
    except (TypeError, ValueError) as error:
        raise LearningError(
            f"inputs= must be one array of numbers, batch first, got {type(inputs).__name__}."
        ) from error
    if array.ndim < 1 or not array.size:
        raise LearningError(
            f"inputs= must hold at least one sample, batch first, got the shape {array.shape}."
        )
    if not finite:
        raise LearningError("inputs= must be finite, got a number that is not.")
    return array


def called(model: nnx.Module, inputs: Array, call: Callable[[Array], Any]) -> Any:
    """Return the shape of what a call of a model with the inputs returns.

    Args:
        model: for its name.
        inputs: batch first.
        call: of the model.

    Raises:
        LearningError: it cannot be called so, or does not return one array.
    """
    try:
        found = jax.eval_shape(call, inputs)
    except LearningError:
        raise
    except (TypeError, ValueError, IndexError) as error:
        raise uncallable(model, inputs, error) from error
    return one_array(model, found)


def uncallable(model: nnx.Module, inputs: Array, error: Exception) -> LearningError:
    """Return what to say of a model that cannot be called with the inputs."""
    reason = str(error).splitlines()[0]
    return LearningError(
        f"{type(model).__name__} could not be called with one array of shape "
        f"{jnp.shape(inputs)} ({reason}): give inputs of the shape that it takes, batch first, or "
        "wrap it in a module whose call takes the inputs alone."
    )


def one_array(model: nnx.Module, outputs: Any) -> Any:
    """Return the outputs' shape.

    Raises:
        LearningError: they are not one array.
    """
    if not hasattr(outputs, "shape"):
        raise LearningError(
            f"{type(model).__name__} returns {jax.tree.structure(outputs)}, where one array was "
            "expected: wrap it in a module that returns the array the loss is a function of."
        )
    return outputs


def check_repeats(model: nnx.Module, inputs: Array, epsilon: float) -> None:
    """Refuse a model that gives other outputs when it is called again, as with dropout.

    Args:
        model: any NNX module; it is left as it is.
        inputs: batch first.
        epsilon: the round-off of its arithmetic.

    Raises:
        LearningError: it draws at random, or its outputs are not finite.
    """
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        twice = nnx.merge(*nnx.split(model), copy=True)
        first, second = (np.asarray(twice(inputs), float) for _ in range(2))
    if not np.all(np.isfinite(first)):
        raise LearningError(
            f"{type(model).__name__} gives outputs that are not finite: has it diverged?"
        )
    gap, size = np.abs(first - second).max(initial=0.0), np.abs(first).max(initial=0.0)
    if not gap <= epsilon**0.5 * size:
        raise LearningError(
            f"{type(model).__name__} gives other outputs when it is called again (they differ by "
            f"{gap:.1e}): call model.eval() first, or fix what it draws at random."
        )


def check_loss(loss: Any, outputs: Any) -> None:
    """Refuse a loss that is no real number for such outputs.

    Args:
        loss: a function of the outputs.
        outputs: an array, or its shape and type.

    Raises:
        LearningError: it is no function, or does not return one real number.
    """
    if not callable(loss):
        raise LearningError(
            f"loss= must be a function of the outputs alone, got {type(loss).__name__}: give one "
            "as in lambda outputs: jnp.mean((outputs - targets) ** 2)."
        )
    try:
        value = jax.eval_shape(loss, outputs)
    except (TypeError, ValueError) as error:
        raise LearningError(
            f"The loss could not be called with outputs of shape {outputs.shape} "
            f"({str(error).splitlines()[0]}): it takes the outputs alone, and targets of their "
            "shape."
        ) from error
    if jax.tree.structure(value).num_leaves != 1 or getattr(value, "shape", None) != ():
        got = jax.tree.map(lambda leaf: leaf.shape, value)
        raise LearningError(
            f"The loss must return one scalar, got shape {got}: sum or average it over the batch."
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise LearningError(
            f"The loss must return a real number that has a gradient, got one of type "
            f"{value.dtype}."
        )
