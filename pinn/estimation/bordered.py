"""Least squares that fall into windows, coupled by the states at their joints and by unknowns."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np


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
    whole = np.zeros((count, rest.shape[1], (count + 1) * n + q + 1))
    for w in range(count):
        whole[w, :, w * n : (w + 2) * n] = rest[w, :, : 2 * n]
        whole[w, :, (count + 1) * n :] = rest[w, :, 2 * n :]
    first = np.zeros((len(border), whole.shape[2]))
    first[:, :n], first[:, (count + 1) * n :] = border[:, :n], border[:, n:]
    stacked = np.concatenate([whole.reshape(-1, whole.shape[2]), first])
    lengths = np.append(np.linalg.norm(stacked[:, :-1], axis=0), 1.0)
    lengths[lengths == 0.0] = 1.0
    damped = np.sqrt(damping) * np.eye(lengths.size - 1, lengths.size)
    r = np.linalg.qr(np.concatenate([stacked / lengths, damped]), mode="r")
    size = lengths.size - 1
    move = -np.linalg.lstsq(r[:size, :size], r[:size, size], rcond=1e-14)[0] / lengths[:-1]
    states, z = move[:-q].reshape(count + 1, n), move[-q:]
    around = np.concatenate(
        [states[:-1], states[1:], np.broadcast_to(z, (count, q)), np.ones((count, 1))], axis=1
    )
    right = np.einsum("wij,wj->wi", factors[:, :own, own:], around)
    series = -np.linalg.solve(factors[:, :own, :own], right[..., None])[..., 0]
    own_factor = (r * lengths)[size - q : size, size - q : size]
    return State(series.reshape(state.series.shape), states, z), own_factor
