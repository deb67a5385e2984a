"""A solution in many time windows, evaluated as one function of time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PyTree

from pinn.jets import Jet, JetSpace
from pinn.networks.window import Window, hard_start, window_jet


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MarchingState:
    """What a trained march consists of, every leaf with a leading axis over the windows.

    Args:
        windows: starts, lengths, initial data and scales.
        parameters: the network's parameters in each window.
    """

    windows: Window
    parameters: PyTree[Array]

    @property
    def count(self) -> int:
        """How many windows there are."""
        return int(self.windows.start.shape[0])


def marching_jet(
    graph: nnx.GraphDef, space: JetSpace, time: str, entries: tuple[str, ...]
) -> Callable[[MarchingState, Float[Array, ""]], Jet]:
    """Return the map from a trained march and one time to the jet there.

    A time before the first or after the last window is extrapolated by that window.
    """

    def jet_at(state: MarchingState, t: Float[Array, ""]) -> Jet:
        index = jnp.searchsorted(state.windows.start, t, side="right") - 1
        index = jnp.clip(index, 0, state.count - 1)
        window, parameters = jax.tree.map(
            lambda leaf: leaf[index], (state.windows, state.parameters)
        )
        fields = window_fields(graph, parameters, window, space.fields)
        return window_jet(fields, space, time, entries, window.start)(t - window.start)

    return jet_at


def window_fields(
    graph: nnx.GraphDef,
    parameters: PyTree[Array],
    window: Window,
    shapes: Mapping[str, tuple[int, ...]],
) -> Callable[[Float[Array, ""]], dict[str, Array]]:
    """Return the fields of one window as a function of the time since its start."""
    return hard_start(nnx.merge(graph, parameters), window, shapes)
