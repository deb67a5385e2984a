"""Everything to be learned is a row of one least-squares problem; a block is a kind of row."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
        ramp: the number of steps in which the weight grows linearly from 0.
        augmented: whether the rows have multipliers, one each.
    """

    name: str
    values: Callable[[Jet], Float[Array, " size"]]
    size: int
    combine: Callable[[Array], Array] | None = None
    target: Float[Array, "..."] | None = None
    weight: float | Array = 1.0
    ramp: int = 0
    augmented: bool = False

    def rows(self, values: Float[Array, "points size"]) -> Float[Array, " rows"]:
        """Return the weighted rows from the values at the points."""
        rows = self.misses(values)
        return (self.weight / rows.size) ** 0.5 * rows.ravel()

    def misses(self, values: Float[Array, "points size"]) -> Array:
        """Return the combination's distance from the target."""
        combined = self.combined(values)
        return combined if self.target is None else combined - self.target

    def during(self, taken: Array, multipliers: Float[Array, " rows"]) -> "Block":
        """Return the block as it stands after some steps, with its multipliers.

        With μ the rows' weight, λ·c + ½ μ |c|² is ½ μ |c + λ/μ|² but for a constant: multipliers
        are a shift λ/μ of the target, and the rows remain rows of least squares.
        """
        block = self
        if self.ramp:
            share = jnp.minimum(taken / self.ramp, 1.0).astype(multipliers.dtype)
            block = replace(block, weight=share * self.weight)
        if self.augmented:
            assert self.target is not None
            block = replace(block, target=self.target - multipliers.reshape(self.target.shape))
        return block

    @property
    def multiplier_count(self) -> int:
        """How many multipliers there are."""
        return self.target.size if self.augmented and self.target is not None else 0

    def slopes(self, slopes: Float[Array, "points size n"]) -> Float[Array, "rows n"]:
        """Return the rows' Jacobian from that of the values."""
        jacobian = jax.vmap(lambda column: self.combined(column).ravel(), -1, -1)(slopes)
        return (self.weight / jacobian.shape[0]) ** 0.5 * jacobian

    def combined(self, values: Float[Array, "points size"]) -> Float[Array, "..."]:
        """Return the combination of the values at the points."""
        return values if self.combine is None else self.combine(values)


class AbstractObjective(abc.ABC):
    """Half the squared norm of rows that depend on the parameters."""

    @abc.abstractmethod
    def rows(self, parameters: Parameters) -> Float[Array, " rows"]:
        """Return the rows of every block, stacked."""

    @abc.abstractmethod
    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows and their Jacobian."""

    @property
    @abc.abstractmethod
    def ramp(self) -> int:
        """The number of steps after which every weight has its full value."""

    @property
    @abc.abstractmethod
    def multiplier_count(self) -> int:
        """How many multipliers there are."""

    @abc.abstractmethod
    def during(self, taken: Array, multipliers: Array) -> "AbstractObjective":
        """Return the objective as it stands after some steps, with its multipliers λ/μ."""

    @abc.abstractmethod
    def violations(self, parameters: Parameters) -> Float[Array, " multipliers"]:
        """Return what the augmented rows miss, one for each multiplier."""

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

    @property
    def ramp(self) -> int:
        """The number of steps after which every weight has its full value."""
        return max(part.ramp for part in self.parts)

    @property
    def multiplier_count(self) -> int:
        """How many multipliers there are."""
        return sum(part.multiplier_count for part in self.parts)

    def during(self, taken: Array, multipliers: Array) -> "Stacked":
        """Return the objective as it stands after some steps, with its multipliers λ/μ."""
        return Stacked(shared_out(self.parts, taken, multipliers))

    def violations(self, parameters: Parameters) -> Float[Array, " multipliers"]:
        """Return what the augmented rows miss, one for each multiplier."""
        return jnp.concatenate([part.violations(parameters) for part in self.parts])


@dataclass(frozen=True, eq=False)
class AbstractBlocks(AbstractObjective):
    """½ Σ over blocks of the weighted mean square of their rows, all of the same jets.

    Args:
        blocks: what is asked of the jets.
    """

    blocks: Sequence[Block]

    @abc.abstractmethod
    def jets(self, parameters: Parameters) -> Jet:
        """Return the jets at all points, with a leading axis over them."""

    def rows(self, parameters: Parameters) -> Float[Array, " rows"]:
        """Return the rows of every block, stacked."""
        return self._stack(Block.rows, jax.vmap(self._values)(self.jets(parameters)))

    @property
    def ramp(self) -> int:
        """The number of steps after which every weight has its full value."""
        return max(block.ramp for block in self.blocks)

    @property
    def multiplier_count(self) -> int:
        """How many multipliers there are."""
        return sum(block.multiplier_count for block in self.blocks)

    def during(self, taken: Array, multipliers: Array) -> "AbstractBlocks":
        """Return the objective as it stands after some steps, with its multipliers λ/μ."""
        return replace(self, blocks=shared_out(self.blocks, taken, multipliers))

    def violations(self, parameters: Parameters) -> Float[Array, " multipliers"]:
        """Return what the augmented rows miss, one for each multiplier."""
        values = jax.vmap(self._values)(self.jets(parameters))
        return self._stack(lambda b, v: b.misses(v).ravel()[: b.multiplier_count], values)

    def _values(self, jet: Jet) -> Array:
        return jnp.concatenate([block.values(jet) for block in self.blocks])

    def _stack(self, make: Callable[[Block, Array], Array], values: Array) -> Array:
        parts, start = [], 0
        for block in self.blocks:
            parts.append(make(block, values[:, start : start + block.size]))
            start += block.size
        return jnp.concatenate(parts)


def shared_out[Part: (Block, AbstractObjective)](
    parts: Sequence[Part], taken: Array, multipliers: Array
) -> list[Part]:
    """Return parts as they stand after some steps, each with its own of the multipliers."""
    found, start = [], 0
    for part in parts:
        stop = start + part.multiplier_count
        found.append(part.during(taken, multipliers[start:stop]))
        start = stop
    return found


@dataclass(frozen=True, eq=False)
class Objective(AbstractBlocks):
    """The rows of jets that depend on the parameters in any way.

    Args:
        jet_at: from the parameters and a point to the jet there, computed once for all blocks.
        points: where, a tree of arrays with a leading axis; a point may be a whole slice of space,
            with the jets of all its nodes.
    """

    jet_at: Callable[[Parameters, Any], Jet]
    points: PyTree[Array]

    def jets(self, parameters: Parameters) -> Jet:
        """Return the jets at all points."""
        return jax.vmap(lambda point: self.jet_at(parameters, point))(self.points)

    def linearise(self, parameters: Parameters) -> tuple[Array, Float[Array, "rows parameters"]]:
        """Return the rows and their Jacobian, one reverse pass for each value at each point."""

        def at(point: Any) -> tuple[Array, Array]:
            values, pull = jax.vjp(lambda p: self._values(self.jet_at(p, point)), parameters)
            return values, jax.vmap(pull)(jnp.eye(values.size, dtype=values.dtype))[0]

        values, slopes = jax.vmap(at)(self.points)
        return self._stack(Block.rows, values), self._stack(Block.slopes, slopes)
