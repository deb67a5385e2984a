"""Rows of fields that are linear in the parameters: their jets are computed once a window."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.jets import Jet, JetSpace
from pinn.training.objective import AbstractObjective, Block, Parameters, stacked

Jets = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class LinearObjective(AbstractObjective):
    """½ Σ over blocks of the weighted mean square of their rows, for u_J = base_J + φ_J c.

    The Jacobian of a value v at a point is Σ_J ∂v/∂u_J φ_J: a reverse pass through the value alone,
    and one product of matrices.

    Args:
        space: of the jets.
        base: the jets at c = 0, with a leading axis over the points, and over the nodes of a slice
            where a point is a whole slice of space.
        units: φ_J for every derivative J, with a last axis over the units.
        blocks: what is asked of the jets.
    """

    space: JetSpace
    base: Jets
    units: Jets
    blocks: Sequence[Block]

    def rows(self, parameters: Parameters) -> Float[Array, " rows"]:
        """Return the rows of every block, stacked."""
        return stacked(self.blocks, Block.rows, jax.vmap(self._values)(self._jets(parameters)))

    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows and their Jacobian."""

        def at(jets: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
            values, pull = jax.vjp(self._values, jets)
            return values, jax.vmap(pull)(jnp.eye(values.size, dtype=values.dtype))[0]

        values, slopes = jax.vmap(at)(self._jets(parameters))
        jacobian = self._jacobian(slopes, values.shape, parameters.size)
        return stacked(self.blocks, Block.rows, values), stacked(
            self.blocks, Block.slopes, jacobian
        )

    def _jacobian(self, slopes: Jets, shape: tuple[int, ...], size: int) -> Array:
        """Return the derivative of every value at every point by the parameters."""
        outputs = [(f, k) for f, s in self.space.fields.items() for k in range(math.prod(s))]
        columns = []
        for field, component in outputs:
            part = jnp.zeros((*shape, size // len(outputs)), jax.tree.leaves(slopes)[0].dtype)
            for name, units in self.units.items():
                if self.space.parse(name).field == field:
                    over_nodes = units.ndim == 3
                    slope = slopes[name].reshape(*shape, *units.shape[1:-1], -1)[..., component]
                    pattern = "pvn,pnf->pvf" if over_nodes else "pv,pf->pvf"
                    part = part + jnp.einsum(pattern, slope, units)
            columns.append(part)
        return jnp.stack(columns, axis=-1).reshape(*shape, size)

    def jets(self, parameters: Parameters) -> Jet:
        """Return the jets at all points."""
        return Jet(self.space, self._jets(parameters))

    def _jets(self, parameters: Parameters) -> dict[str, Array]:
        """Return every entry at every point."""
        outputs = sum(math.prod(shape) for shape in self.space.fields.values())
        weights = parameters.reshape(-1, outputs)
        jets, begin = dict(self.base), 0
        for field, shape in self.space.fields.items():
            stop = begin + math.prod(shape)
            for name, units in self.units.items():
                if self.space.parse(name).field == field:
                    learned = units @ weights[:, begin:stop]
                    jets[name] = jets[name] + learned.reshape(*units.shape[:-1], *shape)
            begin = stop
        return jets

    def _values(self, jets: dict[str, Array]) -> Array:
        jet = Jet(self.space, jets)
        return jnp.concatenate([block.values(jet) for block in self.blocks])
