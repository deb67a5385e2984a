"""The charges of a model's symmetries, which gradient flow conserves, and how many there can be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from pinn.learning.errors import LearningError
from pinn.learning.flat import FlatModel, Loss, flat_model, flat_of
from pinn.learning.symmetries import Symmetry, checked, symmetries
from pinn.precision import arithmetic

LARGEST = 150
DEPTH = 4
EXACT = 1e-8
POINTS = 4


@dataclass(frozen=True, eq=False)
class Charges:
    """Functions of a model's parameters that gradient flow conserves.

    Args:
        symmetries: each with its charge.
        structure: the shapes of the parameters by path.
        possible: how many independent laws there are, by the rank of the Lie algebra; nothing
            where the model is too large to count them.
    """

    symmetries: tuple[Symmetry, ...]
    structure: dict[str, tuple[int, ...]]
    possible: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What each is the charge of."""
        return tuple(s.name for s in self.symmetries)

    @property
    def count(self) -> int:
        """How many there are, all independent."""
        return len(self.symmetries)

    @property
    def exact(self) -> int:
        """How many are conserved to round-off, with no constant in a normalisation against it."""
        return sum(s.breaking <= EXACT for s in self.symmetries)

    def __call__(self, model: nnx.Module) -> Float[np.ndarray, " charges"]:
        """Return their values."""
        shapes = _structure(model)
        if shapes != self.structure:
            raise LearningError(
                f"These charges are of a model with the parameters {', '.join(self.structure)}: "
                f"{type(model).__name__} has others."
            )
        flat = flat_of(model)
        return np.array([s.charge(flat) for s in self.symmetries])

    def __str__(self) -> str:
        possible = "" if self.possible is None else f" of {self.possible} possible"
        lines = [f"{self.exact} exact charges{possible}"]
        for s in self.symmetries:
            lines.append(
                f"  {s.name}" + (f", broken by {s.breaking:.0e}" if s.breaking > EXACT else "")
            )
        return "\n".join(lines)


def _structure(model: nnx.Module) -> dict[str, tuple[int, ...]]:
    leaves = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {"/".join(map(str, p)): np.shape(leaf[...]) for p, leaf in leaves}


def conserved(
    model: nnx.Module,
    inputs: Any = None,
    loss: Loss | None = None,
    *,
    symmetries: Sequence[Symmetry] | None = None,
) -> Charges:
    """Return the charges of a model that gradient flow conserves, whatever the data are.

    Args:
        model: any NNX module.
        inputs: what inputs look like; found from the parameters' shapes when absent.
        loss: a function of the outputs; when absent, what holds for every such function.
        symmetries: claimed ones, which are checked; those that can be found when absent.

    Raises:
        LearningError: a claimed symmetry is not one of the loss, with the size of the defect.
    """
    if symmetries is None:
        found = _found(model, inputs, loss)
    else:
        found = checked(symmetries, model, inputs, loss)
    small = flat_of(model).size <= LARGEST
    count = independent_laws(model, inputs, loss) if small else None
    return Charges(found, _structure(model), count)


_found = symmetries


def independent_laws(model: nnx.Module, inputs: Any = None, loss: Loss | None = None) -> int:
    """Return how many independent functions of the parameters every gradient flow conserves.

    That is D − dim Lie(∇φ_i)(θ) at generic θ, with φ_i the cost for all data: brackets of the
    fields are added until their span stops growing (Marcotte, Gribonval & Peyré, Abide by the Law
    and Follow the Flow, 2023, arXiv:2307.00144).

    Raises:
        LearningError: the model has more parameters than can be counted this way.
    """
    with arithmetic("float64"):
        flat = flat_model(model, inputs, loss)
        if flat.size > LARGEST:
            raise LearningError(
                f"Laws are counted by brackets of fields in up to {LARGEST} parameters, and "
                f"{type(model).__name__} has {flat.size}: count those of a narrower model."
            )
        return flat.size - _lie_rank(flat)


Field = Callable[[Array, Array, Array], Array]


def _lie_rank(flat: FlatModel) -> int:
    """Return the largest rank at a few random points: some may be where a unit is dead."""
    points = jnp.asarray(flat.probes(POINTS, seed=3)[0])

    def slope(at: Array, inputs: Array, weights: Array) -> Array:
        return jax.grad(flat.cost)(at, inputs[0], weights[0])

    field: Field = slope
    rows, rank = [np.zeros((0, flat.size))] * POINTS, -1
    for level in range(DEPTH):
        data = [flat.probes(flat.size + 8, seed=10 * level + part) for part in range(level + 1)]
        inputs = jnp.asarray(np.stack([d[1] for d in data], 1))
        weights = jnp.asarray(np.stack([d[2] for d in data], 1))
        at_point = jax.jit(jax.vmap(field, in_axes=(None, 0, 0)))
        values = [_unit_rows(np.asarray(at_point(p, inputs, weights))) for p in points]
        rows = [np.vstack(pair) for pair in zip(rows, values, strict=True)]
        found = max(_rank(r) for r in rows)
        if found in (rank, flat.size):
            return found
        rank, field = found, _bracket(slope, field)
    return rank


def _rank(rows: np.ndarray) -> int:
    sizes = np.linalg.svd(rows, compute_uv=False)
    return int(np.sum(sizes > 1e-9 * sizes[0]))


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(sizes > 0.0, sizes, 1.0)


def _bracket(slope: Field, field: Field) -> Field:
    """Return [χ, ψ] = Dψ χ − Dχ ψ; ψ takes all data but the first."""

    def bracket(at: Array, inputs: Array, weights: Array) -> Array:
        one = lambda p: slope(p, inputs[:1], weights[:1])  # noqa: E731
        other = lambda p: field(p, inputs[1:], weights[1:])  # noqa: E731
        first, second = one(at), other(at)
        return jax.jvp(other, (at,), (first,))[1] - jax.jvp(one, (at,), (second,))[1]

    return bracket
