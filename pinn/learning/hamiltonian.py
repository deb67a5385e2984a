"""Hamiltonian networks: a step along the flow of a learned or known energy."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from pinn.learning.errors import LearningError


class HamiltonianNetwork(nnx.Module):
    """A step of time along ż = J ∇H(z), z = (q, p), for a learned or known Hamiltonian H.

    The flow of H conserves H, right or wrong: the energy of a system with friction is kept too.

    Source: Greydanus, Dzamba & Yosinski (2019), "Hamiltonian neural networks", arXiv:1906.01563;
    here the flow is integrated inside the network, by the classical Runge–Kutta method.

    Args:
        hamiltonian: H, a module or a function from a batch of states to one number each.
        length: of the step in time.
        substeps: Runge–Kutta steps in it.

    Raises:
        LearningError: the step has no length or no substep.
    """

    def __init__(
        self, hamiltonian: nnx.Module | Callable[[Any], Any], length: float, substeps: int = 2
    ):
        if not length > 0.0 or substeps < 1:
            raise LearningError(
                f"A step needs length > 0 and substeps ≥ 1, got {length} and {substeps}."
            )
        self.hamiltonian, self.length, self.substeps = hamiltonian, length, substeps

    def __call__(self, states: Float[Array, "batch 2n"]) -> Float[Array, "batch 2n"]:
        """Return the states one step later."""
        if states.shape[-1] % 2:
            raise LearningError(
                f"A Hamiltonian state is (q, p) with as many momenta as positions, got "
                f"{states.shape[-1]} numbers."
            )
        h = self.length / self.substeps
        for _ in range(self.substeps):
            k1 = self._velocity(states)
            k2 = self._velocity(states + 0.5 * h * k1)
            k3 = self._velocity(states + 0.5 * h * k2)
            k4 = self._velocity(states + h * k3)
            states = states + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return states

    def _velocity(self, states: Array) -> Array:
        slope = jax.grad(lambda z: jnp.sum(self.hamiltonian(z)))(states)
        half = states.shape[-1] // 2
        return jnp.concatenate([slope[..., half:], -slope[..., :half]], axis=-1)
