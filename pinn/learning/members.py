"""Members of an ensemble that share one account: their losses, and shares of the momentum."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from pinn.learning.errors import LearningError
from pinn.learning.momenta import square


def losses_of(value: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return the losses, one for each member.

    Raises:
        LearningError: there are none, or more or fewer than members.
    """
    if value is None:
        raise LearningError(
            "Energy-conserving descent needs the loss beside its gradient: call "
            "update(gradient, state, parameters, value=loss)."
        )
    if jnp.shape(value) != shape:
        raise LearningError(
            f"The loss must have the shape {shape}, one number for each member, got "
            f"{jnp.shape(value)}: pass members= for an ensemble, and one scalar otherwise."
        )
    return jnp.asarray(value, dtype)


def above(losses: Array, minimum: float) -> Array:
    """Return losses above their minimum, kept from zero, where both Hamiltonians are singular."""
    return jnp.maximum(losses - minimum, jnp.finfo(losses.dtype).tiny ** 0.25)


def shares(momentum: PyTree[Array], shape: tuple[int, ...]) -> Array:
    """Return each member's share of |π|²."""
    whole = square(momentum)
    if not shape:
        return jnp.ones_like(whole)
    parts = sum(jnp.sum(leaf.reshape(shape[0], -1) ** 2, 1) for leaf in jax.tree.leaves(momentum))
    return jnp.where(whole > 0.0, parts / jnp.where(whole > 0.0, whole, 1.0), 1.0 / shape[0])


def check_members(params: PyTree[Array], members: int | None) -> None:
    """Refuse parameters that are not stacked.

    Raises:
        LearningError: a leaf has no first axis of so many members.
    """
    shapes = [leaf.shape for leaf in jax.tree.leaves(params)]
    wrong = [shape for shape in shapes if members is not None and shape[:1] != (members,)]
    if wrong:
        raise LearningError(
            f"An ensemble of {members} members has them along the first axis of every parameter, "
            f"got the shape {wrong[0]}: stack the members' parameters."
        )
