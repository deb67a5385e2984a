"""Everything to be learned is a row of one least-squares problem; a block is a kind of row."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from pinn.jets import Jet

Parameters = Float[Array, " parameters"]


@dataclass(frozen=True, eq=False)
class Block:
    """Named rows: a function of the jet, then a linear combination over the points.

    The rows are √weight · (combine(values) − target) / √(number of rows), with `values` the
    function at every point, so that half their squared sum is half the weighted mean square.

    Args:
        name: what the rows are, as in `equation` or `energy`.
        values: from the jet at one point to a vector.
        size: the length of that vector.
        combine: a linear map from (points, size) to rows: a choice of points, an integral over a
            slice, a running integral over time; the identity when absent.
        target: what the combination should be; zero when absent.
        weight: the block's weight.
    """

    name: str
    values: Callable[[Jet], Float[Array, " size"]]
    size: int
    combine: Callable[[Array], Array] | None = None
    target: Float[Array, "..."] | None = None
    weight: float = 1.0

    def rows(self, values: Float[Array, "points size"]) -> Float[Array, " rows"]:
        """Return the weighted rows from the values at the points."""
        combined = self._combined(values)
        rows = combined if self.target is None else combined - self.target
        return (self.weight / rows.size) ** 0.5 * rows.ravel()

    def slopes(self, slopes: Float[Array, "points size n"]) -> Float[Array, "rows n"]:
        """Return the rows' Jacobian from that of the values."""
        jacobian = jax.vmap(lambda column: self._combined(column).ravel(), -1, -1)(slopes)
        return (self.weight / jacobian.shape[0]) ** 0.5 * jacobian

    def _combined(self, values: Array) -> Array:
        return values if self.combine is None else self.combine(values)


class AbstractObjective(abc.ABC):
    """Half the squared norm of rows that depend on the parameters."""

    @abc.abstractmethod
    def rows(self, parameters: Parameters) -> Float[Array, " rows"]:
        """Return the rows of every block, stacked."""

    @abc.abstractmethod
    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows and their Jacobian."""

    def loss(self, parameters: Parameters) -> Float[Array, ""]:
        """Return half the squared norm of the rows."""
        return 0.5 * jnp.sum(self.rows(parameters) ** 2)


@dataclass(frozen=True, eq=False)
class Stacked(AbstractObjective):
    """Several objectives of the same parameters, each with points of its own."""

    parts: Sequence[AbstractObjective]

    def rows(self, parameters: Parameters) -> Float[Array, " rows"]:
        """Return the rows of every part."""
        return jnp.concatenate([part.rows(parameters) for part in self.parts])

    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows of every part and their Jacobian."""
        rows, slopes = zip(*(part.linearise(parameters) for part in self.parts), strict=True)
        return jnp.concatenate(rows), jnp.concatenate(slopes)


@dataclass(frozen=True, eq=False)
class Objective(AbstractObjective):
    """½ Σ over blocks of the weighted mean square of their rows.

    Args:
        jet_at: from the parameters and a point to the jet there, computed once for all blocks.
        points: where, a tree of arrays with a leading axis; a point may be a whole slice of space,
            with the jets of all its nodes.
        blocks: what is asked of the jets.
    """

    jet_at: Callable[[Parameters, Any], Jet]
    points: PyTree[Array]
    blocks: Sequence[Block]

    def rows(self, parameters: Parameters) -> Float[Array, " rows"]:
        """Return the rows of every block, stacked."""
        values = jax.vmap(lambda point: self._values(parameters, point))(self.points)
        return self._stack(Block.rows, values)

    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows and their Jacobian, one reverse pass for each value at each point."""

        def at(point: Any) -> tuple[Array, Array]:
            values, pull = jax.vjp(lambda p: self._values(p, point), parameters)
            return values, jax.vmap(pull)(jnp.eye(values.size, dtype=values.dtype))[0]

        values, slopes = jax.vmap(at)(self.points)
        return self._stack(Block.rows, values), self._stack(Block.slopes, slopes)

    def _values(self, parameters: Parameters, point: Any) -> Array:
        jet = self.jet_at(parameters, point)
        return jnp.concatenate([block.values(jet) for block in self.blocks])

    def _stack(self, make: Callable[[Block, Array], Array], values: Array) -> Array:
        parts, start = [], 0
        for block in self.blocks:
            parts.append(make(block, values[:, start : start + block.size]))
            start += block.size
        return jnp.concatenate(parts)
