"""Least squares that fall into windows, coupled by the states at their joints and by unknowns."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from pinn.training.bordered import joined


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """Where the search stands, or a step of it.

    Args:
        series: each window's coefficients, (windows, count, components).
        states: the state at every joint, both ends included.
        z: the unknowns.
    """

    series: Any
    states: Any
    z: Any

    def moved(self, step: "State") -> "State":
        """Return the state after a step."""
        return replace(
            self,
            series=self.series + step.series,
            states=self.states + step.states,
            z=self.z + step.z,
        )


def as_numpy(system: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the windows and of the border as NumPy arrays."""
    blocks, border = system
    return np.asarray(blocks), np.asarray(border)


def loss_of(blocks: np.ndarray, border: np.ndarray) -> float:
    """Return the sum of squared rows, infinite where one is not finite."""
    found = float(np.sum(blocks[..., -1] ** 2) + np.sum(border[..., -1] ** 2))
    return found if np.isfinite(found) else np.inf


def eliminated(
    blocks: np.ndarray, border: np.ndarray, damping: float, state: State
) -> tuple[State, np.ndarray]:
    """Return the damped Gauss–Newton step, and the triangular factor of the unknowns alone."""
    count, _, columns = blocks.shape
    own, n, q = state.series[0].size, state.states.shape[1], state.z.size
    sizes = np.linalg.norm(blocks[..., :-1], axis=1)
    sizes[sizes == 0.0] = 1.0
    rows = np.zeros((count, own, columns))
    rows[:, range(own), range(own)] = np.sqrt(damping) * sizes[:, :own]
    factors = np.linalg.qr(np.concatenate([blocks, rows], axis=1), mode="r")
    rest = factors[:, own:, own:]
    ends = np.zeros((len(border), 2 * n + q + 1))
    ends[:, :n], ends[:, 2 * n :] = border[:, :n], border[:, n:]
    found = joined(rest, ends, n, damping)
    states, z = found.states, found.shared
    around = np.concatenate(
        [states[:-1], states[1:], np.broadcast_to(z, (count, q)), np.ones((count, 1))], axis=1
    )
    right = np.einsum("wij,wj->wi", factors[:, :own, own:], around)
    series = -np.linalg.solve(factors[:, :own, :own], right[..., None])[..., 0]
    return State(series.reshape(state.series.shape), states, z), found.factor
