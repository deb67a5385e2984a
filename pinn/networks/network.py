"""What every shape of network can do."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass

from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from pinn.networks.embedding import embed, embedding_size
from pinn.networks.features import Features
from pinn.networks.mirror import Mirrors
from pinn.problem.axes import Axis
from pinn.problem.problem import Problem


@dataclass(frozen=True)
class Resolution:
    """What a network resolves that is linear in all its weights.

    Args:
        times: polynomials in the window's time.
        waves: the highest harmonic.
        over_space: about how many features there are at one time.
    """

    times: int
    waves: int
    over_space: int


class AbstractNetwork(abc.ABC):
    """The shape of a network over time and space.

    A subclass states `fresh`, and `inputs` and `seen` where the network is to see something else of
    a point than its embedding. As a frozen dataclass of numbers, text and functions of a module it
    is saved with a solution. Jets, initial data and boundary conditions are built around it.
    """

    @property
    def harmonics(self) -> int:
        """How many harmonics of a coordinate the network sees."""
        return 4

    @property
    def tolerance(self) -> float | None:
        """The residual that windows of time alone are to meet; None for what rounding leaves."""
        return 1e-8

    @abc.abstractmethod
    def fresh(
        self,
        extent: Mapping[str, Axis],
        mirrors: Mirrors,
        timed: bool,
        outputs: int,
        dtype: DTypeLike,
        seed: int,
    ) -> nnx.Module:
        """Return a fresh network, a map from what it sees of a point to the outputs.

        Args:
            extent: the axes of space.
            mirrors: those between mirrors.
            timed: whether the first input is time, scaled to [−1, 1].
            outputs: how many components the fields have together.
            dtype: of the parameters.
            seed: of the random numbers.
        """

    def inputs(self, extent: Mapping[str, Axis], timed: bool) -> int:
        """Return how many numbers the network sees of a point."""
        return embedding_size(extent, self.harmonics) + timed

    def seen(
        self, extent: Mapping[str, Axis], mirrors: Mirrors, point: tuple[Array, ...]
    ) -> Float[Array, " inputs"]:
        """Return what the network sees of a place in space: by default its embedding.

        That is cos kθ and sin kθ, k = 1 … harmonics, of a periodic coordinate, and as many
        polynomials of another.
        """
        return embed(extent, self.harmonics, point, mirrors)

    def features(
        self, extent: Mapping[str, Axis], mirrors: Mirrors, timed: bool
    ) -> Features | None:
        """Return what the outputs are linear in, where nothing in it is learned; else None.

        The network is then `last(features)`, and the jets of its features are computed once.
        """
        return None

    def resolution(self, problem: Problem) -> Resolution | None:
        """Return what the features resolve, where nothing in them is learned; else None."""
        return None

    def holds(self, problem: Problem) -> bool:
        """Tell whether all waves that the solution is made of are known and resolved."""
        return False
