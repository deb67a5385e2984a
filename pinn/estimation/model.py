"""What a problem predicts at points, and how that moves with its unknowns."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float

from pinn.estimation.observations import Observations, Request
from pinn.estimation.vector import Vector

Predictions = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True, eq=False)
class AbstractModel(abc.ABC):
    """A differentiable solver of a problem for any values of its unknowns.

    Args:
        vector: the unknowns.
        observations: what was measured.
    """

    vector: Vector
    observations: Observations

    @abc.abstractmethod
    def predictions(
        self, z: Float[np.ndarray, " size"], requests: Sequence[Request]
    ) -> Predictions:
        """Return the values of every function, one after the other, and their derivatives by z.

        Values that the equation does not reach are NaN.
        """

    def values(self, z: Float[np.ndarray, " size"]) -> list[np.ndarray]:
        """Return what every column of the data should be."""
        return self.measured(z)[0]

    @property
    @abc.abstractmethod
    def accuracy(self) -> float:
        """The relative accuracy of predictions, below which no noise is told from none."""

    @abc.abstractmethod
    def traced(self, z: Array) -> list[Array]:
        """Return what every column of the data should be, as a function that JAX transforms.

        Raises:
            ProblemError: this solver is not one.
        """

    def measured(self, z: Float[np.ndarray, " size"]) -> Predictions:
        """Return what every column of the data should be, and its derivatives."""
        columns = self.observations.columns
        values, slopes = self.predictions(z, self.observations.requests)
        return (
            self.observations.chosen(values),
            [s.reshape(-1, s.shape[-1])[c.index] for c, s in zip(columns, slopes, strict=True)],
        )
