"""What every shape of network can do."""

import abc
from collections.abc import Mapping

from flax import nnx
from jax.typing import DTypeLike

from pinn.networks.mirror import Mirrors
from pinn.problem.axes import Axis


class AbstractNetwork(abc.ABC):
    """The shape of a network over time and space."""

    @abc.abstractmethod
    def build(
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
