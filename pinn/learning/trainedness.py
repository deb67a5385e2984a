"""How far a physics-informed network is from stationary, by a shift of its own input."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from pinn.learning.errors import LearningError
from pinn.learning.groups import BiasShift
from pinn.learning.layers import layers_of
from pinn.learning.program import trace
from pinn.learning.transport import transported
from pinn.learning.windows import TrainedWindow, at_full_weight, check_solution, opened
from pinn.precision import arithmetic
from pinn.solution import Solution
from pinn.training.rows import Stage


@dataclass(frozen=True)
class Trainedness:
    """The momentum of a network's inputs in every window: zero where training is stationary.

    Args:
        momentum: ⟨Σ g_z, e_a⟩ for each of the network's inputs z_a, with g_z the objective's
            gradient through the network's input alone.
        bias_side: ⟨g_b, W e_a⟩ of the first layer, which takes the shift up: equal to it.
        shift: the shift of each input, which runs over [−1, 1], that a Gauss–Newton step would
            still make: P / ‖∂r/∂a‖² with r the residual rows.
    """

    momentum: Float[np.ndarray, "windows inputs"]
    bias_side: Float[np.ndarray, "windows inputs"]
    shift: Float[np.ndarray, "windows inputs"]

    @property
    def balance(self) -> Float[np.ndarray, "windows inputs"]:
        """What the exact identity leaves: zero to round-off, trained or not."""
        return self.momentum - self.bias_side

    @property
    def worst(self) -> float:
        """The largest shift that any window would still make: 0 is stationary."""
        return float(np.abs(self.shift).max())

    def __str__(self) -> str:
        return (
            f"input momentum {np.abs(self.momentum).max():.1e}, balance "
            f"{np.abs(self.balance).max():.1e}, remaining shift {self.worst:.1e}"
        )


def trainedness(solution: Solution) -> Trainedness:
    """Return the momentum of the network's inputs, ⟨Σ g_z, a⟩ = ⟨g_b, W a⟩, in every window.

    A shift of the inputs of N(z) = F(W z + b) is taken up by b ↦ b − ε W a, so that its charge
    vanishes where the objective is stationary in b: what is left of it says how far training is
    from there, whatever the loss is.

    Raises:
        LearningError: the network does not begin with an affine layer, as `Separable` does not.
    """
    check_solution(solution)
    with arithmetic(solution.recipe.precision):
        windows = opened(solution)
        first = next(windows)
        measure = momentum_in(first)
        found = [measure(w.stage, w.trained) for w in itertools.chain([first], windows)]
    return Trainedness(*(np.stack(column) for column in zip(*found, strict=True)))


def momentum_in(window: TrainedWindow) -> Callable[[Stage, Array], tuple[Array, Array, Array]]:
    """Return the compiled map from a window and parameters to momentum, bias side and shift."""
    parts = window.parts
    network = nnx.merge(parts.graph, parts.unravel(window.trained))
    inputs, kernel, bias = first_layer(network, parts.dtype)
    graph, state = nnx.split(_Shifted(network, jnp.zeros(inputs, parts.dtype)))
    unravel = ravel_pytree(state)[1]
    other: Any = {"graph": graph, "unravel": unravel}
    if parts.problem.extent:
        other["ansatz"] = replace(cast(Any, parts).ansatz, graph=graph)
    shifted = replace(parts, **other)

    def measure(stage: Stage, flat: Array) -> tuple[Array, Array, Array]:
        network = nnx.merge(parts.graph, parts.unravel(flat))
        whole = ravel_pytree(nnx.split(_Shifted(network, jnp.zeros(inputs, flat.dtype)))[1])[0]
        objective = at_full_weight(shifted.objective(stage, shifted.prepare(stage)), whole)
        slope = unravel(jax.grad(objective.loss)(whole))
        units = jnp.zeros((inputs, whole.size), whole.dtype)
        places = unravel(jnp.arange(whole.size))["shift"][...]
        units = units.at[jnp.arange(inputs), places].set(1.0)
        changes = jax.vmap(lambda unit: jax.jvp(objective.rows, (whole,), (unit,))[1])(units)
        sizes = jnp.sum(changes**2, 1)
        momentum = slope["shift"][...]
        own = dict(nnx.to_flat_state(slope["network"]))[bias][...]
        weights = dict(nnx.to_flat_state(parts.unravel(flat)))[kernel][...]
        shift = jnp.where(sizes > 0.0, momentum / jnp.where(sizes > 0.0, sizes, 1.0), 0.0)
        return momentum, jnp.tensordot(weights, own, own.ndim), shift

    return jax.jit(measure)


class _Shifted(nnx.Module):
    """A network of the shifted input."""

    def __init__(self, network: nnx.Module, shift: Float[Array, " inputs"]):
        self.network = network
        self.shift = nnx.Param(shift)

    def __call__(self, z: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        return self.network(z + self.shift[...])


def first_layer(network: nnx.Module, dtype: np.dtype) -> tuple[int, tuple, tuple]:
    """Return the number of inputs, and the paths of the kernel and bias that take up a shift."""
    leaves = [leaf for _, leaf in nnx.to_flat_state(nnx.state(network))]
    for inputs in dict.fromkeys(leaf.shape[0] for leaf in leaves if leaf.ndim == 2):
        z = jnp.linspace(-0.7, 0.9, inputs, dtype=dtype)
        try:
            layers = layers_of(trace(network, z))
            (first,) = transported(layers[:1], [z], BiasShift(), inputs, {})
        except LearningError:
            continue
        paths = [layers[0].program.parameters[v] for v in first.velocities]
        if sorted(path[-1] for path in paths) == ["bias", "kernel"]:
            kernel, bias = sorted(paths, key=lambda path: path[-1] == "bias")
            return inputs, kernel, bias
    raise LearningError(
        f"{type(network).__name__} has no affine first layer that takes up a shift of its inputs: "
        "trainedness needs a network that has, such as recipe=pinn.Recipe(network=pinn.Network())."
    )
