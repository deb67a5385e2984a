"""States at the joints of windows, the windows trained from them, and a step of them all."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pinn.training.bordered import joined
from pinn.training.loop import LoopState
from pinn.training.parts import Front, Report
from pinn.training.rows import Stage

# Of the rows' squares, what a step leaves where they are as small as they become.
STILL = 0.98
# Relative singular values below which a combination of the states at both ends is not determined.
SINGULAR = 1e-9


@dataclass(frozen=True, eq=False)
class Joints:
    """What is unknown: where the windows join, and the states there.

    Args:
        shares: where, as parts of the whole span, from 0 to 1.
        states: there, flat.
        shared: numbers that all windows share; the first is the span's length where that is free.
        parameters: each window's, flat, to start its training from.
    """

    shares: Float[np.ndarray, " joints"]
    states: Float[np.ndarray, "joints n"]
    shared: Float[np.ndarray, " q"]
    parameters: tuple[Any, ...]

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.shares) - 1


@dataclass(frozen=True, eq=False)
class TrainedWindow:
    """A window trained from the state at its start.

    Args:
        front: where it starts.
        stage: the window.
        loop: how its training ended.
        report: what it reached.
        end: the state at its end, flat.
    """

    front: Front
    stage: Stage
    loop: LoopState
    report: Report
    end: Float[np.ndarray, " n"]

    @property
    def residual(self) -> float:
        """The residual on fresh points, infinite where anything is not finite."""
        finite = all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(self.report))
        return float(self.report.residual) if finite else np.inf


@dataclass(frozen=True, eq=False)
class Linear:
    """The coupled rows to first order, in units of `sizes`.

    Args:
        blocks: of each window, end less next state, as `joined` takes them.
        ends: of what is demanded of both ends.
        moves: by window, how the parameters follow the state and the shared numbers.
        sizes: of the state's components.
        scales: of the shared numbers.
    """

    blocks: np.ndarray
    ends: np.ndarray
    moves: np.ndarray
    sizes: np.ndarray
    scales: np.ndarray

    @cached_property
    def smallest(self) -> float:
        """The smallest singular value of what determines both ends, relative to the largest."""
        return joined(self.blocks, self.ends, self.sizes.size).smallest

    @cached_property
    def stationary(self) -> bool:
        """Whether no step makes the rows much smaller to first order."""
        n, count = self.sizes.size, len(self.blocks)
        found = joined(self.blocks, self.ends, n, 0.0, SINGULAR)
        pair = np.concatenate([found.states[:-1], found.states[1:]], axis=1)
        both = np.concatenate([found.states[0], found.states[-1], found.shared])
        along = np.concatenate([pair, np.tile(found.shared, (count, 1))], axis=1)
        after = np.einsum("wij,wj->wi", self.blocks[..., :-1], along) + self.blocks[..., -1]
        ends = self.ends[:, :-1] @ both + self.ends[:, -1]
        before = np.sum(self.blocks[..., -1] ** 2) + np.sum(self.ends[:, -1] ** 2)
        return bool(np.sum(after**2) + np.sum(ends**2) > STILL * before)

    def step(self, joints: Joints, damping: float) -> Joints:
        """Return the joints after a damped step; what is not determined does not move."""
        found = joined(self.blocks, self.ends, self.sizes.size, damping, SINGULAR)
        states, shared = found.states * self.sizes, found.shared * self.scales
        with_shared = np.broadcast_to(shared, (joints.count, shared.size))
        along = np.concatenate([states[:-1], with_shared], axis=1)
        follow = np.einsum("wpk,wk->wp", self.moves, along)
        parameters = tuple(
            jnp.asarray(p + f) for p, f in zip(joints.parameters, follow, strict=True)
        )
        moved = joints.states + states, joints.shared + shared
        return replace(joints, states=moved[0], shared=moved[1], parameters=parameters)
