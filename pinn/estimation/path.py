"""A march with all that its derivatives need, padded so that one program serves many lengths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from pinn.networks.marching import MarchingState
from pinn.networks.window import Window
from pinn.training.march import March
from pinn.training.parts import Front

# Windows are padded to a multiple of this.
PADDED = 8


@dataclass(frozen=True, eq=False)
class Path:
    """A march, and the states that its windows start from, the end of the last one included.

    Args:
        march: the march.
        fronts: where each window starts, and where the last ends.
        state: the windows and parameters, padded by windows that nothing reaches.
    """

    march: March
    fronts: tuple[Front, ...]
    state: MarchingState


def _more(count: int) -> int:
    return -count % PADDED


def padded(windows: Sequence[Window], kernels: list[PyTree[Array]]) -> MarchingState:
    """Return windows stacked, the last one repeated at a time that nothing reaches."""
    rest = _more(len(windows))
    never = [replace(windows[-1], start=np.asarray(np.inf))] * rest
    stack = lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves])  # noqa: E731
    stacked = jax.tree.map(stack, *windows, *never)
    return MarchingState(stacked, jax.tree.map(stack, *kernels, *[kernels[-1]] * rest))


def padded_moves(moves: list[tuple[Window, PyTree[Array]]]) -> MarchingState:
    """Return moves stacked alike, with the axis over unknowns in front."""
    every = [*moves, *[moves[-1]] * _more(len(moves))]
    stack = lambda *leaves: jnp.stack(leaves, axis=1)  # noqa: E731
    windows = jax.tree.map(stack, *[window for window, _ in every])
    return MarchingState(windows, jax.tree.map(stack, *[kernel for _, kernel in every]))
