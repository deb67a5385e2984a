"""A small multilayer perceptron, the network inside every time window."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.networks.mirror import Mirrors
from pinn.networks.network import AbstractNetwork
from pinn.problem.axes import Axis

Activation = Literal["tanh", "sine"]
_ACTIVATIONS = {"tanh": jnp.tanh, "sine": jnp.sin}


@dataclass(frozen=True)
class Network(AbstractNetwork):
    """The shape of a multilayer perceptron.

    Args:
        width: units in each hidden layer.
        depth: hidden layers.
        activation: `tanh` or `sine`.
        spread: first-layer weights and biases are uniform in ±spread, so that the units' features
            cover the window [−1, 1] from the start.
        harmonics: a periodic coordinate enters as cos kθ and sin kθ, k = 1 … harmonics.

    Raises:
        RecipeError: a size below one, or an unknown activation.
    """

    width: int = 32
    depth: int = 1
    activation: Activation = "tanh"
    spread: float = 2.0
    harmonics: int = 4

    def __post_init__(self):
        for name in ("width", "depth", "harmonics"):
            if getattr(self, name) < 1:
                raise RecipeError(f"A network needs {name} ≥ 1, got {getattr(self, name)}.")
        if self.activation not in _ACTIVATIONS:
            raise RecipeError(
                f"Unknown activation {self.activation!r}: choose one of {', '.join(_ACTIVATIONS)}."
            )

    @property
    def tolerance(self) -> None:
        """Go as far as rounding lets."""

    def fresh(
        self,
        extent: Mapping[str, Axis],
        mirrors: Mirrors,
        timed: bool,
        outputs: int,
        dtype: DTypeLike,
        seed: int,
    ) -> "MLP":
        """Return a fresh network."""
        return build_mlp(self.inputs(extent, timed), outputs, self, dtype, seed)


class MLP(nnx.Module):
    """N(x) = W_d σ(… σ(W_1 x + b_1) …) + b_d, with a last layer that starts at zero.

    Starting at zero makes the first guess of a window its Taylor polynomial.
    """

    def __init__(
        self, inputs: int, outputs: int, network: Network, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        sizes = [inputs, *[network.width] * network.depth]
        spread = nnx.initializers.uniform(2.0 * network.spread)
        centred = lambda key, shape, dtype: spread(key, shape, dtype) - network.spread  # noqa: E731
        layers = []
        for index, (size, next_size) in enumerate(pairwise(sizes)):
            layers.append(
                nnx.Linear(
                    size,
                    next_size,
                    kernel_init=centred if index == 0 else nnx.initializers.lecun_normal(),
                    bias_init=centred if index == 0 else nnx.initializers.zeros,
                    param_dtype=dtype,
                    rngs=rngs,
                )
            )
        self.hidden = nnx.List(layers)
        self.last = nnx.Linear(
            sizes[-1],
            outputs,
            kernel_init=nnx.initializers.zeros,
            param_dtype=dtype,
            rngs=rngs,
        )
        self.activation = network.activation

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Evaluate at one point."""
        activate = _ACTIVATIONS[self.activation]
        for layer in self.hidden:
            x = activate(layer(x))
        return self.last(x)


def build_mlp(inputs: int, outputs: int, network: Network, dtype: DTypeLike, seed: int) -> MLP:
    """Return a fresh network."""
    return MLP(inputs, outputs, network, dtype=dtype, rngs=nnx.Rngs(jax.random.key(seed)))
