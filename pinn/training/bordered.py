"""Least squares over the states at the joints of windows, eliminated one joint at a time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Joined:
    """A step of the states at the joints and of the numbers that all windows share.

    Args:
        states: of the state at every joint, both ends included.
        shared: of the shared numbers.
        factor: the triangular factor of the shared numbers alone.
        smallest: the smallest singular value of what is left of both ends and the shared numbers,
            relative to the largest; zero where some combination of them is not determined.
    """

    states: Float[np.ndarray, "joints n"]
    shared: Float[np.ndarray, " q"]
    factor: Float[np.ndarray, "q q"]
    smallest: float


def joined(
    blocks: Float[np.ndarray, "windows rows columns"],
    ends: Float[np.ndarray, "conditions columns"],
    size: int,
    damping: float = 0.0,
    cut: float = 1e-14,
) -> Joined:
    """Return the damped step of least squares, −(JᵀJ + λ diag JᵀJ)⁻¹ Jᵀr.

    The states inside are eliminated one after the other by orthogonal transformations; what is left
    couples the two ends and the shared numbers only, whatever the number of windows
    (Ascher, Mattheij & Russell 1995, section 7.2, doi:10.1137/1.9781611971231).

    Args:
        blocks: of each window, the columns of the state at its start, of that at its end, of the
            shared numbers, and its rows' values.
        ends: the same of rows that read the first and the last state.
        size: how many numbers a state is.
        damping: λ.
        cut: combinations whose singular value is a smaller part than this of the largest stay.
    """
    lengths = _lengths(blocks, ends, size)
    count, shared, n = len(blocks), blocks.shape[2] - 2 * size - 1, size
    root, tops = np.sqrt(damping), []
    # Columns: the joint in hand, the first state, the shared numbers, values.
    carry = blocks[0][:, [*range(n, 2 * n), *range(n), *range(2 * n, 2 * n + shared + 1)]]
    for w in range(1, count):
        rows = np.zeros((len(carry) + len(blocks[w]) + n, 3 * n + shared + 1))
        rows[: len(carry), :n], rows[: len(carry), 2 * n :] = carry[:, :n], carry[:, n:]
        own = rows[len(carry) : len(carry) + len(blocks[w])]
        own[:, : 2 * n], own[:, 3 * n :] = blocks[w][:, : 2 * n], blocks[w][:, 2 * n :]
        rows[-n:, :n] = root * np.diag(lengths[w])
        factor = np.linalg.qr(rows, mode="r")
        tops.append(factor[:n])
        carry = factor[n:, n:]
    border = np.concatenate([lengths[count], lengths[0], lengths[-1][:shared]])
    last = np.concatenate(
        [carry, ends[:, [*range(n, 2 * n), *range(n), *range(2 * n, 2 * n + shared + 1)]]]
    )
    damped = root * np.eye(border.size, border.size + 1)
    last[:, :-1] /= border
    factor = np.linalg.qr(np.concatenate([last, damped]), mode="r")
    triangle, values = factor[: border.size, :-1], factor[: border.size, -1]
    singular = np.linalg.svd(triangle, compute_uv=False)
    move = -np.linalg.lstsq(triangle, values, rcond=cut)[0] / border
    states = np.zeros((count + 1, n))
    states[count], states[0], z = move[:n], move[n : 2 * n], move[2 * n :]
    for w in reversed(range(1, count)):
        known = np.concatenate([states[w + 1], states[0], z, [1.0]])
        states[w] = -np.linalg.solve(tops[w - 1][:, :n], tops[w - 1][:, n:] @ known)
    own = (triangle * border)[2 * n :, 2 * n :]
    return Joined(states, z, own, float(singular[-1] / singular[0]) if singular[0] else 0.0)


def _lengths(
    blocks: np.ndarray, ends: np.ndarray, size: int
) -> list[Float[np.ndarray, " columns"]]:
    """Return the norm of every column: of each joint's, then of the shared numbers', none zero."""
    squares = np.sum(blocks[..., :-1] ** 2, axis=1)
    at_ends = np.sum(ends[:, :-1] ** 2, axis=0)
    found = np.zeros((len(blocks) + 1, size))
    found[:-1] += squares[:, :size]
    found[1:] += squares[:, size : 2 * size]
    found[0] += at_ends[:size]
    found[-1] += at_ends[size : 2 * size]
    shared = np.sum(squares[:, 2 * size :], axis=0) + at_ends[2 * size :]
    return [np.where(f > 0.0, np.sqrt(f), 1.0) for f in (*found, shared)]
