"""A model as a function of one vector of parameters, and random probes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from pinn.learning.arguments import (
    called,
    check_inputs,
    check_loss,
    check_module,
    check_repeats,
)
from pinn.learning.errors import LearningError

Loss = Callable[[Array], Array]
BATCH = 8


@dataclass(frozen=True, eq=False)
class FlatModel:
    """A model whose parameters are one vector in double precision.

    Args:
        model: any NNX module; only its structure is used, and its state other than parameters.
        inputs: what random inputs look like.
        loss: a function of the outputs, or nothing: then every function of them.
    """

    model: nnx.Module
    inputs: Float[np.ndarray, "batch ..."]
    loss: Loss | None = None

    @cached_property
    def _parts(self) -> tuple[Any, ...]:
        return nnx.split(self.model, nnx.Param, ...)

    @cached_property
    def leaves(self) -> dict[str, np.ndarray]:
        """By parameter's path, where its entries are in the vector."""
        found, start = {}, 0
        for path, leaf in nnx.to_flat_state(self._parts[1]):
            places = start + np.arange(np.size(leaf[...])).reshape(np.shape(leaf[...]))
            found["/".join(map(str, path))] = places
            start += places.size
        return found

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return sum(places.size for places in self.leaves.values())

    @property
    def structure(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the parameters by path."""
        return {name: places.shape for name, places in self.leaves.items()}

    def call(self, flat: Float[Array, " parameters"], inputs: Array) -> Array:
        """Return the outputs, as in a program that does not forbid JAX's usual promotion."""
        graph, learned, rest = self._parts
        values = [flat[places.ravel()].reshape(places.shape) for places in self.leaves.values()]
        paths = [path for path, _ in nnx.to_flat_state(learned)]
        leaves = [
            leaf.replace(v) for (_, leaf), v in zip(nnx.to_flat_state(learned), values, strict=True)
        ]
        state = nnx.from_flat_state(zip(paths, leaves, strict=True))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return nnx.merge(graph, state, rest, copy=True)(inputs)

    def cost(self, flat: Array, inputs: Array, weights: Array) -> Array:
        """Return the loss, or without one a weighted sum of the outputs."""
        outputs = self.call(flat, inputs)
        if self.loss is None:
            return jnp.sum(outputs * weights.astype(outputs.dtype))
        return self.loss(outputs)

    def probes(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return random parameters, inputs and weights of outputs."""
        draw = np.random.default_rng(seed)
        own = flat_of(self.model)
        size = np.sqrt(np.mean(own**2)) or 1.0
        outputs = jax.eval_shape(self.call, jnp.asarray(own), jnp.asarray(self.inputs))
        return (
            size * draw.normal(size=(count, own.size)),
            self._inputs(draw, count),
            draw.normal(size=(count, *outputs.shape)),
        )

    def _inputs(self, draw: np.random.Generator, count: int) -> np.ndarray:
        if not np.issubdtype(self.inputs.dtype, np.floating):
            return np.stack([draw.permuted(self.inputs) for _ in range(count)])
        spread = np.std(self.inputs) or 1.0
        noise = draw.normal(size=(count, *self.inputs.shape))
        return self.inputs[None] + spread * noise

    def slopes(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return random parameters, and the gradient of the cost at each."""
        flat, inputs, weights = (jnp.asarray(a) for a in self.probes(count, seed))
        found = jax.jit(jax.vmap(jax.grad(self.cost)))(flat, inputs, weights)
        if not np.all(np.isfinite(found)):
            raise LearningError("The loss has no finite gradient at random parameters.")
        return np.asarray(flat), np.asarray(found)


def flat_of(model: nnx.Module) -> Float[np.ndarray, " parameters"]:
    """Return a model's parameters as one vector in double precision."""
    leaves = [
        np.asarray(leaf[...], float).ravel()
        for _, leaf in nnx.to_flat_state(nnx.state(model, nnx.Param))
    ]
    if not leaves:
        raise LearningError(f"{type(model).__name__} has no parameters.")
    return np.concatenate(leaves)


def flat_model(model: nnx.Module, inputs: Any, loss: Loss | None) -> FlatModel:
    """Return a model as a function of one vector, with inputs found where none are given.

    Raises:
        LearningError: no shape of random inputs could be found, the model does not take those that
            are given or draws at random, or the loss is not a scalar.
    """
    check_module(model)
    found = _with_inputs(model, check_inputs(inputs), loss) if inputs is not None else None
    found = found or _with_shapes(model, loss)
    flat = jnp.asarray(flat_of(model))
    outputs = called(model, jnp.asarray(found.inputs), lambda x: found.call(flat, x))
    if loss is not None:
        check_loss(loss, outputs)
    check_repeats(model, jnp.asarray(found.inputs), float(jnp.finfo(jnp.float32).eps))
    return found


def _with_inputs(model: nnx.Module, inputs: np.ndarray, loss: Loss | None) -> FlatModel:
    real = np.issubdtype(inputs.dtype, np.floating)
    return FlatModel(model, inputs.astype(float) if real else inputs, loss)


def _with_shapes(model: nnx.Module, loss: Loss | None) -> FlatModel:
    """Return the model with random inputs, of a shape that it can be called with."""
    for shape in _shapes(model):
        draw = np.random.default_rng(1).normal(size=(BATCH, *shape))
        found = FlatModel(model, draw, loss)
        try:
            jax.eval_shape(found.call, jnp.asarray(flat_of(model)), jnp.asarray(draw))
        except (TypeError, ValueError, IndexError):
            continue
        return found
    raise LearningError(
        f"No shape of inputs was found that {type(model).__name__} can be called with: give some "
        "as inputs=..., batch first."
    )


def _shapes(model: nnx.Module) -> list[tuple[int, ...]]:
    """Return shapes of one sample that may be a model's inputs, likely ones first."""
    found: dict[tuple[int, ...], None] = {}
    for _, leaf in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        shape = np.shape(leaf[...])
        if len(shape) == 2:
            found |= dict.fromkeys([shape[:1], shape[1:], (5, shape[0])])
        elif len(shape) > 2:
            found |= dict.fromkeys([(*[8] * (len(shape) - 2), shape[-2]), (5, shape[0])])
    return list(found)
