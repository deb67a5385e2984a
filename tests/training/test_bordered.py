"""The elimination joint by joint is the dense least squares that it stands for."""

import numpy as np
import pytest

from pinn.training.bordered import joined


def dense(blocks, ends, size):
    count, rows, columns = blocks.shape
    shared = columns - 2 * size - 1
    first = (count + 1) * size
    jacobian = np.zeros((count * rows + len(ends), first + shared))
    for w, block in enumerate(blocks):
        here = slice(w * rows, (w + 1) * rows)
        jacobian[here, w * size : (w + 2) * size] = block[:, : 2 * size]
        jacobian[here, first:] = block[:, 2 * size : -1]
    jacobian[count * rows :, :size] += ends[:, :size]
    jacobian[count * rows :, count * size : first] += ends[:, size : 2 * size]
    jacobian[count * rows :, first:] = ends[:, 2 * size : -1]
    return jacobian, np.concatenate([blocks[..., -1].ravel(), ends[:, -1]])


@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("counts", [(1, 2, 0, 2, 3), (4, 2, 1, 2, 4), (6, 3, 2, 5, 5)])
def test_a_step_is_that_of_dense_least_squares(counts, damping):
    windows, size, shared, rows, conditions = counts
    draw = np.random.default_rng(0)
    blocks = draw.normal(size=(windows, rows, 2 * size + shared + 1))
    ends = draw.normal(size=(conditions, 2 * size + shared + 1))
    jacobian, values = dense(blocks, ends, size)
    gram = jacobian.T @ jacobian
    gram += damping * np.diag(np.diag(gram))
    expected = -np.linalg.solve(gram, jacobian.T @ values)
    found = joined(blocks, ends, size, damping)
    step = np.concatenate([found.states.ravel(), found.shared])
    assert np.allclose(step, expected, rtol=0.0, atol=1e-9 * np.max(np.abs(expected)))
    inverse = np.linalg.inv(gram)[-shared:, -shared:] if shared else np.zeros((0, 0))
    assert np.allclose(found.factor.T @ found.factor @ inverse, np.eye(shared), atol=1e-9)


@pytest.mark.parametrize("angle", [1.0, np.pi])
def test_what_the_ends_leave_open_has_a_vanishing_singular_value(angle):
    """Rotations by an angle in all, with the first component given at both ends."""
    step = angle / 4
    turn = np.array([[np.cos(step), np.sin(step)], [-np.sin(step), np.cos(step)]])
    block = np.concatenate([turn, -np.eye(2), np.zeros((2, 1))], axis=1)
    ends = np.array([[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, -1.0]])
    smallest = joined(np.stack([block] * 4), ends, 2).smallest
    assert (smallest < 1e-14) if angle == np.pi else (0.1 < smallest < 1.0)
