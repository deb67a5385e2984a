"""Rows of fields that are linear in the parameters: their jets are computed once a window."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.jets import Jet, JetSpace
from pinn.training.objective import AbstractBlocks, Block, Parameters

Jets = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class LinearObjective(AbstractBlocks):
    """The rows of jets that are linear in the parameters, u_J = base_J + φ_J c.

    The Jacobian of a value v at a point is Σ_J ∂v/∂u_J φ_J: a reverse pass through the value alone,
    and one product of matrices.

    Args:
        space: of the jets.
        base: the jets at c = 0, with a leading axis over the points, and over the nodes of a slice
            where a point is a whole slice of space.
        features: φ_J for every derivative J, with a last axis over the features.
    """

    space: JetSpace
    base: Jets
    features: Jets

    def jets(self, parameters: Parameters) -> Jet:
        """Return the jets at all points."""
        weights, jets = parameters.reshape(-1, self.space.components), dict(self.base)
        for name, features in self.features.items():
            field = self.space.parse(name).field
            learned = features @ weights[:, self.space.columns[field]]
            jets[name] = jets[name] + learned.reshape(jets[name].shape)
        return Jet(self.space, jets)

    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows and their Jacobian."""

        def at(jet: Jet) -> tuple[Array, Jet]:
            values, pull = jax.vjp(self._values, jet)
            return values, jax.vmap(pull)(jnp.eye(values.size, dtype=values.dtype))[0]

        values, slopes = jax.vmap(at)(self.jets(parameters))
        jacobian = self._jacobian(slopes, values.shape, parameters.size)
        return self._stack(Block.rows, values), self._stack(Block.slopes, jacobian)

    def _jacobian(self, slopes: Jet, shape: tuple[int, ...], size: int) -> Array:
        """Return the derivative of every value at every point by the parameters."""
        count, real = self.space.components, jax.tree.leaves(slopes)[0].dtype
        columns = [jnp.zeros((*shape, size // count), real) for _ in range(count)]
        for name, features in self.features.items():
            place = self.space.columns[self.space.parse(name).field]
            slope = slopes[name].reshape(*shape, *features.shape[1:-1], -1)
            pattern = "pvn,pnf->pvf" if features.ndim == 3 else "pv,pf->pvf"
            for component, column in enumerate(range(count)[place]):
                columns[column] += jnp.einsum(pattern, slope[..., component], features)
        return jnp.stack(columns, axis=-1).reshape(*shape, size)
