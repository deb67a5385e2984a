"""Tensor grids over a box, and series on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.problem.axes import Axis
from pinn.spectral.basis import AbstractBasis, basis_of


@dataclass(frozen=True)
class Grid:
    """The tensor product of one basis a coordinate.

    Args:
        coordinates: their names, in order.
        bases: one for each.
    """

    coordinates: tuple[str, ...]
    bases: tuple[AbstractBasis, ...]

    @classmethod
    def of(cls, extent: Mapping[str, Axis], counts: Mapping[str, int]) -> "Grid":
        """Return the grid over space axes with the given counts."""
        return cls(tuple(extent), tuple(basis_of(a, counts[c]) for c, a in extent.items()))

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of nodes along each coordinate."""
        return tuple(basis.count for basis in self.bases)

    @cached_property
    def points(self) -> np.ndarray:
        """Every node, of shape (number of nodes, dimensions), the last coordinate fastest."""
        mesh = np.meshgrid(*(basis.nodes for basis in self.bases), indexing="ij")
        return np.stack([axis.ravel() for axis in mesh], axis=-1)

    @cached_property
    def weights(self) -> np.ndarray:
        """The quadrature weight of every node, in the order of `points`."""
        return reduce(np.multiply.outer, (basis.weights for basis in self.bases)).ravel()

    def coefficients(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the series of a field from its values, of shape `grid.shape + field's shape`."""
        return self._along_each(values, [basis.analysis for basis in self.bases])

    def values(self, coefficients: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the values at the nodes of a series."""
        return self._along_each(coefficients, [basis.synthesis for basis in self.bases])

    def differentiated(
        self, coefficients: Float[Array, "..."], orders: tuple[int, ...]
    ) -> Float[Array, "..."]:
        """Return the series of a derivative."""
        power = np.linalg.matrix_power
        pairs = zip(self.bases, orders, strict=True)
        return self._along_each(coefficients, [power(b.derivative, n) for b, n in pairs])

    def _along_each(self, array: Array, matrices: list[np.ndarray]) -> Array:
        for axis, matrix in enumerate(matrices):
            turned = jnp.tensordot(jnp.asarray(matrix, array.dtype), array, axes=(1, axis))
            array = jnp.moveaxis(turned, 0, axis)
        return array
