"""Fit any module to pairs of inputs and targets by Adam, on the device throughout."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float

from pinn.learning.arguments import called, check_inputs, check_loss, check_module
from pinn.learning.errors import LearningError

Loss = Callable[[Array, Array], Float[Array, ""]]


def mean_square(outputs: Array, targets: Array) -> Float[Array, ""]:
    """Return the mean square difference."""
    return jnp.mean((outputs - targets) ** 2)


def fit(
    model: nnx.Module,
    inputs: Float[Array, "samples ..."],
    targets: Float[Array, "samples ..."],
    *,
    steps: int = 2000,
    learning_rate: float = 1e-3,
    batch: int | None = None,
    seed: int = 0,
    loss: Loss = mean_square,
) -> Float[Array, " steps"]:
    """Train a module in place, `model(inputs) ≈ targets`, and return the loss at every step.

    Args:
        model: any module from a batch of inputs to a batch of outputs; trains its `nnx.Param`s.
        inputs: the inputs, samples first.
        targets: what each should give.
        steps: how many steps of Adam; the learning rate falls to zero along a cosine.
        learning_rate: the first one.
        batch: samples in each step, drawn at random; None takes all.
        seed: of the draws.
        loss: from outputs and targets to one number.

    Raises:
        LearningError: inputs and targets do not pair up, the model does not take the inputs, or the
            loss is no scalar, or not finite at the end.
    """
    _check(model, inputs, targets, steps, loss)
    graph, parameters, rest = nnx.split(model, nnx.Param, ...)
    optimiser = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))

    def total(parameters: nnx.State, x: Array, y: Array) -> Array:
        return loss(nnx.merge(graph, parameters, rest)(x), y)

    # Data are arguments of the program: as constants they would be compiled into it.
    @jax.jit
    def run(carry: tuple, keys: Array, inputs: Array, targets: Array) -> tuple[tuple, Array]:
        def step(carry: tuple, key: Array) -> tuple[tuple, Array]:
            parameters, state = carry
            x, y = inputs, targets
            if batch is not None:
                chosen = jax.random.randint(key, (batch,), 0, len(inputs))
                x, y = inputs[chosen], targets[chosen]
            value, slope = jax.value_and_grad(total)(parameters, x, y)
            # Optax multiplies integer counts by floats.
            with jax.numpy_dtype_promotion("standard"):
                updates, state = optimiser.update(slope, state, parameters)
            return (optax.apply_updates(parameters, updates), state), value

        return jax.lax.scan(step, carry, keys)

    keys = jax.random.split(jax.random.key(seed), steps)
    begun = (parameters, optimiser.init(parameters))
    (parameters, _), losses = run(begun, keys, jnp.asarray(inputs), jnp.asarray(targets))
    if not jnp.isfinite(losses[-1]):
        raise LearningError(
            f"Training diverged (loss {losses[-1]}): lower the learning rate, now {learning_rate}."
        )
    nnx.update(model, parameters)
    return losses


def _check(model: nnx.Module, inputs: Array, targets: Array, steps: int, loss: Loss) -> None:
    check_module(model)
    check_inputs(inputs)
    if len(inputs) != len(targets):
        raise LearningError(
            f"Each input needs one target, got {len(inputs)} inputs and {len(targets)} targets."
        )
    if steps < 1:
        raise LearningError(f"Training needs steps ≥ 1, got {steps}.")
    graph, state = nnx.split(model)
    outputs = called(model, jnp.asarray(inputs), lambda x: nnx.merge(graph, state, copy=True)(x))
    if loss is mean_square and outputs.shape != targets.shape:
        raise LearningError(
            f"Targets must have the shape of the model's outputs, {outputs.shape}, got "
            f"{targets.shape}."
        )
    check_loss(lambda outputs: loss(outputs, jnp.asarray(targets)), outputs)
