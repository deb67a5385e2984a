"""Linear operators that are diagonal in Fourier modes along circles and dense across intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex

from pinn.references.box import Box


@dataclass(frozen=True)
class Layout:
    """How arrays of shape (components, *points) fall into one block for each Fourier mode.

    Args:
        points: how many along each coordinate.
        circles: which coordinates are periodic.
    """

    points: tuple[int, ...]
    circles: tuple[bool, ...]

    @classmethod
    def of(cls, box: Box) -> "Layout":
        """Return the layout of a box."""
        return cls(box.shape, tuple(side.periodic for side in box.sides))

    @property
    def _around(self) -> tuple[int, ...]:
        return tuple(1 + i for i, circle in enumerate(self.circles) if circle)

    @property
    def _across(self) -> tuple[int, ...]:
        return tuple(1 + i for i, circle in enumerate(self.circles) if not circle)

    @property
    def across(self) -> int:
        """How many points there are across the intervals."""
        return prod(self.points[i - 1] for i in self._across)

    def modes(self, array: Array) -> Complex[Array, "modes block"]:
        """Return the Fourier coefficients, of shape (modes, components · points across)."""
        if self._around:
            array = jnp.fft.fftn(array, axes=self._around)
        turned = jnp.transpose(array, (*self._around, 0, *self._across))
        count = prod(self.points[i - 1] for i in self._around)
        return turned.reshape((count, -1)).astype(complex)

    def values(self, modes: Complex[Array, "modes block"]) -> Array:
        """Return the array of shape (components, *points) with given Fourier coefficients."""
        order = (*self._around, 0, *self._across)
        sizes = [self.points[i - 1] if i else -1 for i in order]
        array = jnp.transpose(modes.reshape(sizes), [order.index(i) for i in range(len(order))])
        if self._around:
            array = jnp.fft.ifftn(array, axes=self._around)
        return array.real

    def mean(self, array: Array) -> Array:
        """Return an array averaged around the circles."""
        if not self._around:
            return array
        return jnp.broadcast_to(jnp.mean(array, axis=self._around, keepdims=True), array.shape)

    def matrices(self, act: Callable[[Array], Array], components: int) -> Array:
        """Return a linear operator's blocks (modes, block, block), translation-invariant around.

        They are the Fourier coefficients of its answers to impulses at the first points around.
        """
        block = components * self.across
        first = tuple(0 if circle else slice(None) for circle in self.circles)
        across = tuple(self.points[i - 1] for i in self._across)
        unit = jnp.eye(block).reshape((block, components, *across))
        impulses = jnp.zeros((block, components, *self.points))
        impulses = impulses.at[(slice(None), slice(None), *first)].set(unit)
        answers = jax.vmap(act)(impulses)
        return jnp.moveaxis(jax.vmap(self.modes)(answers), 0, -1)


def solve_with(layout: Layout, inverses: Array, right: Array) -> Array:
    """Return the solution of a block system from the blocks' inverses."""
    return layout.values(jnp.einsum("kij,kj->ki", inverses, layout.modes(right)))
