"""Continuous groups that act on the states between the layers of a network."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.learning.errors import LearningError

Stacked = Float[Array, "components ..."]
SHIFT = 4  # cells of the inputs: whole cells also of a grid that is two or four times coarser


@dataclass(frozen=True)
class Affine:
    """The action x ↦ x + ε (x B + v) on the last axis of a state, for each component.

    Args:
        matrices: B.
        shifts: v.
    """

    matrices: Float[np.ndarray, "components width width"]
    shifts: Float[np.ndarray, "components width"]


class AbstractGroup(abc.ABC):
    """A group by its generators, which act on any state of a network."""

    @abc.abstractmethod
    def components(self, shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Return a name for each generator, of a network whose states have these shapes."""

    @abc.abstractmethod
    def velocity(self, state: Array, count: int, first: tuple[int, ...]) -> Stacked | None:
        """Return dx/dε for each generator, or nothing where the group cannot act on the state.

        Args:
            state: batch first, channels last.
            count: the number of generators.
            first: the shape of the network's inputs.
        """

    def affine(self, width: int, count: int) -> Affine | None:
        """Return the action on states of a width, where it is affine in the last axis."""
        return None

    def finite(
        self, state: Array, first: tuple[int, ...], cells: int = SHIFT
    ) -> Sequence[Array] | None:
        """Return the state moved by finite elements of the group, where those are exact.

        Where there are none, a layer's symmetry is tested by the generators themselves.

        Args:
            state: batch first, channels last.
            first: the shape of the network's inputs.
            cells: how far, in cells of a grid of that shape.
        """
        return None


@dataclass(frozen=True)
class Translation(AbstractGroup):
    """Shifts along periodic axes of a grid: dx/dε = ∂_a x, by the spectral derivative.

    The unit of length is one cell of the inputs' grid. A circular convolution with a pointwise
    activation is equivariant to the last bit under shifts by whole cells, by which it is
    recognised; under the generator it is so up to what the grid aliases.

    Args:
        axes: space axes, counted from 0: batch comes first, channels last.
    """

    axes: tuple[int, ...] = (0,)

    def __post_init__(self):
        axes = self.axes
        if (
            not axes
            or any(not isinstance(a, int) or a < 0 for a in axes)
            or len({*axes}) < len(axes)
        ):
            raise LearningError(
                f"Translation needs different space axes, counted from 0, got axes={axes!r}: "
                "batch comes first and channels last, and neither counts."
            )

    def components(self, shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Return one name an axis."""
        if len(shapes[0]) < max(self.axes) + 3:
            raise LearningError(
                f"{self} needs inputs of shape (batch, {max(self.axes) + 1} space axes or more, "
                f"channels), got {shapes[0]}: batch comes first, channels last."
            )
        return tuple(f"axis {a}" for a in self.axes)

    def velocity(self, state: Array, count: int, first: tuple[int, ...]) -> Stacked | None:
        """Return ∂_a x along each axis."""
        if state.ndim < max(self.axes) + 3:
            return None
        return jnp.stack([_derivative(state, 1 + a, first[1 + a]) for a in self.axes])

    def finite(
        self, state: Array, first: tuple[int, ...], cells: int = SHIFT
    ) -> Sequence[Array] | None:
        """Return the state shifted along each axis, if by whole cells of its own."""
        if state.ndim < max(self.axes) + 3:
            return None
        moved = []
        for axis in (1 + a for a in self.axes):
            shift = state.shape[axis] * cells
            if shift % first[axis]:
                return None
            moved.append(jnp.roll(state, shift // first[axis], axis))
        return moved


def _derivative(state: Array, axis: int, cells: int) -> Array:
    count = state.shape[axis]
    wavenumbers = 2j * np.pi * np.arange(count // 2 + 1) / cells
    if count % 2 == 0:
        wavenumbers[-1] = 0.0
    shape = [1] * state.ndim
    shape[axis] = -1
    spectrum = jnp.fft.rfft(state, axis=axis)
    factors = jnp.asarray(wavenumbers.reshape(shape), spectrum.dtype)
    return jnp.fft.irfft(spectrum * factors, count, axis=axis)


@dataclass(frozen=True)
class BiasShift(AbstractGroup):
    """Shifts x ↦ x + ε v of every sample alike, one generator a channel: P = Σ g, by channel.

    A layer that begins with W x + b takes it up by b ↦ b − ε W v; a residual block carries it on.
    """

    def components(self, shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Return one name a channel of the widest state."""
        return tuple(f"channel {i}" for i in range(max(s[-1] for s in shapes)))

    def velocity(self, state: Array, count: int, first: tuple[int, ...]) -> Stacked | None:
        """Return a unit vector for each channel; zero where a state has fewer."""
        units = jnp.eye(count, state.shape[-1], dtype=state.dtype)
        units = units.reshape(count, *[1] * (state.ndim - 1), state.shape[-1])
        return jnp.broadcast_to(units, (count, *state.shape))

    def affine(self, width: int, count: int) -> Affine | None:
        """Return the shifts."""
        return Affine(np.zeros((count, width, width)), np.eye(count, width))


@dataclass(frozen=True)
class GeneralLinear(AbstractGroup):
    """Linear maps of the channels, x ↦ x + ε x B for each matrix B; on a linear layer, Σ g xᵀ.

    A layer that begins with W x takes it up by W ↦ W − ε W B; what it keeps is zero once W is
    stationary. A residual block carries it on if the layer before its sum is changed as well.

    Args:
        matrices: B for each generator, (components, width, width); all E_ij when absent. On a
            state of another width they do not act.
    """

    matrices: Any = None

    def _of(self, width: int) -> Float[np.ndarray, "components width width"] | None:
        if self.matrices is None:
            return None
        matrices = np.asarray(self.matrices, dtype=float)
        matrices = matrices[None] if matrices.ndim == 2 else matrices
        if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
            raise LearningError(
                f"GeneralLinear needs square matrices, got an array of shape {matrices.shape}."
            )
        if not np.all(np.isfinite(matrices)):
            raise LearningError("GeneralLinear needs finite matrices, got a number that is not.")
        return matrices if matrices.shape[1] == width else np.zeros((len(matrices), width, width))

    def components(self, shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Return one name a matrix."""
        widest = max(s[-1] for s in shapes)
        if (given := self._of(widest)) is not None:
            if all(s[-1] != np.asarray(self.matrices).shape[-1] for s in shapes):
                raise LearningError(
                    f"GeneralLinear's matrices have {np.asarray(self.matrices).shape[-1]} rows, "
                    f"but no state has as many channels (they have "
                    f"{', '.join(str(s[-1]) for s in shapes)})."
                )
            return tuple(f"matrix {i}" for i in range(len(given)))
        if widest > WIDEST:
            raise LearningError(
                f"All matrices of {widest} channels are {widest**2} generators: give the few that "
                f"you want as GeneralLinear(matrices=...), of shape (components, width, width)."
            )
        return tuple(f"({i}, {j})" for i in range(widest) for j in range(widest))

    def velocity(self, state: Array, count: int, first: tuple[int, ...]) -> Stacked | None:
        """Return x B for each matrix."""
        action = self.affine(state.shape[-1], count)
        assert action is not None
        return jnp.einsum("...i,kij->k...j", state, jnp.asarray(action.matrices, state.dtype))

    def affine(self, width: int, count: int) -> Affine | None:
        """Return the matrices."""
        matrices = self._of(width)
        if matrices is None:
            widest = round(count**0.5)
            units = np.eye(widest**2).reshape(-1, widest, widest)
            matrices = units[:, :width, :width]
        return Affine(matrices, np.zeros((len(matrices), width)))


WIDEST = 32


@dataclass(frozen=True)
class Rotation(AbstractGroup):
    """Rotations of vectors along the last axis: dx/dε = x L_ij, L_ij antisymmetric.

    Pictures are not turned: on a grid only quarter turns are exact, and a finite group has no
    charge. Give the vectors that a picture is made of, as positions, instead.

    An equivariant layer carries it on, a layer of invariants ends it, and a layer that begins with
    W x takes it up by W ↦ W − ε W L. P is the angular momentum of the states.

    Args:
        dimensions: of the space of vectors.
    """

    dimensions: int = 3

    def __post_init__(self):
        if self.dimensions < 2:
            raise LearningError(f"Rotation needs dimensions ≥ 2, got {self.dimensions}.")

    def components(self, shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Return one name a plane."""
        if shapes[0][-1] != self.dimensions:
            raise LearningError(
                f"{self} turns vectors along the last axis of the inputs, which has "
                f"{shapes[0][-1]} entries, and no grid of pixels, whose quarter turns have no "
                "charge: choose as many dimensions, or put the vectors' components last."
            )
        return tuple(f"plane {i}{j}" for i, j in combinations(range(self.dimensions), 2))

    def velocity(self, state: Array, count: int, first: tuple[int, ...]) -> Stacked | None:
        """Return x L_ij for each plane, of states with vectors along the last axis."""
        action = self.affine(state.shape[-1], count)
        if action is None:
            return None
        return jnp.einsum("...i,kij->k...j", state, jnp.asarray(action.matrices, state.dtype))

    def affine(self, width: int, count: int) -> Affine | None:
        """Return L_ij."""
        if width != self.dimensions:
            return None
        matrices = np.zeros((count, width, width))
        for place, (i, j) in enumerate(combinations(range(width), 2)):
            matrices[place, i, j], matrices[place, j, i] = 1.0, -1.0
        return Affine(matrices, np.zeros((count, width)))


@dataclass(frozen=True)
class Action:
    """What a group does to one layer, given by you; it is checked as every other.

    Args:
        output: from the layer's output to its velocity, (components, *shape); zero when absent.
        parameters: from the layer's parameters by path to their velocities, each
            (components, *shape); none move when absent.
    """

    output: Callable[[Array], Stacked] | None = None
    parameters: Callable[[Mapping[str, Array]], Mapping[str, Stacked]] | None = None
