"""Spectra of training: the tangent kernel and the Gauss–Newton matrix, by block of the loss."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import PinnError
from pinn.learning.errors import LearningError
from pinn.learning.windows import TrainedWindow, check_solution, labelled, opened
from pinn.precision import arithmetic
from pinn.solution import Solution
from pinn.training.loop import advance, begin, finished, outcome

SNAPSHOTS = 5
ROUND_OFF = 1e-20


@dataclass(frozen=True)
class Snapshot:
    """The spectrum at one step of training.

    Args:
        step: how many steps had been taken.
        loss: half the squared norm of the rows.
        eigenvalues: by block and for `all`, falling: of the tangent kernel J Jᵀ, and of the
            Gauss–Newton matrix Jᵀ J, which has the same but for zeros.
        share: by mode of all rows, the share of the squared residual in it; what no change of the
            parameters reaches comes last.
    """

    step: int
    loss: float
    eigenvalues: dict[str, Float[np.ndarray, " modes"]]
    share: Float[np.ndarray, " modes"]

    def rank(self, block: str = "all", least: float = 1e-12) -> int:
        """Return how many eigenvalues are above a share of the largest."""
        values = self.eigenvalues[block]
        return int(np.sum(values > least * values[0]))


@dataclass(frozen=True)
class Spectrum:
    """Spectra during the training of one window.

    Args:
        snapshots: in the order of training, the untrained network first.
        rows: how many rows each block has.
        parameters: how many parameters there are.
        components: principal components of the path of the parameters: the share of its variance
            along each, falling.
    """

    snapshots: tuple[Snapshot, ...]
    rows: dict[str, int]
    parameters: int
    components: Float[np.ndarray, " components"] = field(repr=False)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of the loss."""
        return tuple(self.rows)

    def table(self) -> str:
        """Return one line a snapshot and block."""
        lines = [f"{'step':>6}{'loss':>11}  {'block':<16}{'rows':>6}{'largest':>12}{'rank':>6}"]
        for shot in self.snapshots:
            for block in (*self.blocks, "all"):
                count = self.rows.get(block, sum(self.rows.values()))
                largest = shot.eigenvalues[block][0]
                head = f"{shot.step:>6}{shot.loss:>11.2e}  {block:<16}{count:>6}"
                lines.append(f"{head}{largest:>12.3e}{shot.rank(block):>6}")
        return "\n".join(lines)

    __str__ = table

    def plot(self) -> Any:
        """Return a figure: eigenvalues by block before and after, and where the residual is.

        Raises:
            PinnError: matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise PinnError("Plots need matplotlib: pip install 'pinn[plot]'.") from error
        figure = Figure(figsize=(11.0, 3.6), layout="constrained")
        values, shares, path = figure.subplots(1, 3)
        first, last = self.snapshots[0], self.snapshots[-1]
        for place, block in enumerate((*self.blocks, "all")):
            for shot, style in ((first, ":"), (last, "-")):
                found = shot.eigenvalues[block]
                kept = found[found > ROUND_OFF * found[0]]
                label = f"{block}, step {shot.step}"
                values.semilogy(
                    1 + np.arange(kept.size), kept, style, color=f"C{place}", label=label
                )
        values.set(xlabel="mode", ylabel="eigenvalue", title="tangent kernel by block")
        for place, shot in enumerate(self.snapshots):
            left = np.maximum(1.0 - np.cumsum(shot.share), 1e-16)
            shares.semilogy(
                1 + np.arange(left.size), left, color=f"C{place}", label=f"step {shot.step}"
            )
        shares.set(
            xlabel="modes, largest first", ylabel="share of residual beyond", title="residual"
        )
        kept = self.components[self.components > ROUND_OFF]
        path.semilogy(1 + np.arange(kept.size), kept, "o-", ms=3)
        path.set(xlabel="component", ylabel="share of variance", title="path of the parameters")
        values.legend(fontsize="x-small")
        shares.legend(fontsize="x-small")
        return figure


def spectrum(
    solution: Solution, *, window: int = 0, steps: Sequence[int] | None = None
) -> Spectrum:
    """Return the spectra of the tangent kernel during the training of a solution's window.

    The window is trained again, from the same parameters by the same steps. A residual along a
    mode of eigenvalue μ falls as e^{−μt} under gradient flow while the kernel stays as it is
    (Jacot, Gabriel & Hongler, Neural Tangent Kernel, 2018, arXiv:1806.07572).

    Args:
        solution: any that was trained.
        window: which of its windows.
        steps: after how many steps to look; some between none and all when absent.

    Raises:
        LearningError: there is no such window, or no step to look at.
    """
    check_solution(solution)
    count = len(solution.march.windows)
    if not 0 <= window < count:
        raise LearningError(
            f"The solution of {solution.problem.name!r} has {count} windows, got window={window}: "
            f"choose one from 0 to {count - 1}."
        )
    if steps is not None and not len(steps):
        raise LearningError("steps= must name at least one step to look at, got none.")
    with arithmetic(solution.recipe.precision):
        found = next(w for place, w in enumerate(opened(solution)) if place == window)
        path = retrained(found)
        last = len(path) - 1
        wanted = _spread(last) if steps is None else steps
        places = sorted({min(max(step, 0), last) for step in wanted})
        objective = found.objective()
        names = labelled(objective, found.trained)
        linearise = jax.jit(objective.linearise)
        shots = tuple(_snapshot(step, *linearise(path[step]), names) for step in places)
    rows = {name: len(indices) for name, indices in names.items()}
    return Spectrum(shots, rows, found.trained.size, principal_components(np.stack(path)))


def _spread(last: int) -> list[int]:
    return [0, *np.unique(np.geomspace(1, max(last, 1), SNAPSHOTS - 1).round().astype(int))]


def retrained(window: TrainedWindow) -> list[Float[Array, " parameters"]]:
    """Return the parameters before training and after each step of it, the best at the end."""
    parts, recipe = window.parts, window.parts.recipe
    objective = parts.objective(window.stage, parts.prepare(window.stage))
    target = 0.5 * (0.1 * recipe.windows.target(recipe.precision)) ** 2
    loop = begin(recipe.step, window.fresh, parts.multiplier_count(window.stage))
    go = jax.jit(
        lambda loop: advance(recipe.step, objective, loop, target, recipe.steps, 1, recipe.patience)
    )
    path = [loop.parameters]
    while not finished(loop, target, recipe.steps, objective.ramp, recipe.patience):
        loop = go(loop)
        path.append(loop.parameters)
    return [*path[:-1], outcome(objective, loop)[0]]


def _snapshot(step: int, rows: Array, slopes: Array, names: dict[str, np.ndarray]) -> Snapshot:
    residual, jacobian = np.asarray(rows, float), np.asarray(slopes, float)
    modes, sizes, _ = np.linalg.svd(jacobian, full_matrices=False)
    values = {name: eigenvalues(jacobian[indices]) for name, indices in names.items()}
    along = (modes.T @ residual) ** 2
    whole = residual @ residual
    share = along / whole if whole else along
    return Snapshot(step, 0.5 * float(whole), values | {"all": sizes**2}, share)


def eigenvalues(slopes: Float[np.ndarray, "rows parameters"]) -> Float[np.ndarray, " modes"]:
    """Return the eigenvalues of J Jᵀ and of Jᵀ J that are not zero for their shape, falling."""
    return np.linalg.svd(slopes, compute_uv=False) ** 2


def principal_components(path: Float[np.ndarray, "steps parameters"]) -> np.ndarray:
    """Return the share of a path's variance along each of its principal components, falling."""
    squares = np.linalg.svd(path - path.mean(0), compute_uv=False) ** 2
    total = squares.sum()
    return squares / total if total else squares
