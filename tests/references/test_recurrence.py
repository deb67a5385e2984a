"""Known periods of Arnold's cat map, and an entropy that rises and comes all the way back."""

import jax.numpy as jnp
import numpy as np
import pytest

from pinn.errors import ProblemError
from pinn.references import (
    IntegerLeapfrog,
    coarse_entropy,
    common_period,
    period,
    recurrence,
)


def cat(size):
    return lambda x: jnp.stack([2 * x[0] + x[1], x[0] + x[1]]) % size


# Dyson & Falk (1992), Amer. Math. Monthly 99:603: the period of the whole lattice.
@pytest.mark.parametrize(("size", "known"), [(2, 3), (5, 10), (10, 30), (50, 150), (101, 25)])
def test_the_cat_map_has_its_known_periods(size, known):
    found = [period(cat(size), np.array(x)) for x in ((1, 0), (0, 1))]
    assert common_period(found) == known


def test_a_finite_oscillator_returns_and_its_period_is_the_least():
    leapfrog = IntegerLeapfrog(lambda q: -q, 0.5, 0.02)
    start = leapfrog.encode(1.0, 0.0)
    count = period(leapfrog.single, start)
    assert np.array_equal(leapfrog.run(start, count).q, start.q)
    path = leapfrog.trajectory(start, count - 1)
    again = (path.q[1:] == start.q) & (path.v[1:] == start.v)
    assert not np.any(again)


def test_the_coarse_entropy_of_an_ensemble_rises_and_comes_back():
    size, cells = 101, 10
    inside = np.stack(np.meshgrid(np.arange(10), np.arange(10)), -1).reshape(-1, 2)
    cell = lambda x: cells * (cells * x[0] // size) + cells * x[1] // size  # noqa: E731
    found = recurrence(cat(size), inside, cell, cells**2, 50)
    np.testing.assert_array_equal(found.returns, [25, 50])
    assert found.entropy[0] == 0.0 and found.entropy[25] == 0.0 and found.entropy[50] == 0.0
    assert np.max(found.entropy) > 0.8 * found.most
    assert found.most == np.log(100)
    np.testing.assert_allclose(found.entropy[:26], found.entropy[25:], atol=1e-14)


def test_entropy_of_known_spreads():
    assert coarse_entropy([3, 3, 3], 5) == 0.0
    np.testing.assert_allclose(coarse_entropy([0, 1, 2, 3], 4), np.log(4))
    np.testing.assert_allclose(
        coarse_entropy([0, 0, 0, 1], 2), -(0.75 * np.log(0.75) - 0.25 * np.log(4))
    )


def test_what_is_not_a_finite_reversible_map_is_told():
    with pytest.raises(ProblemError, match="enters a cycle of 4 steps"):
        period(lambda x: jnp.where(x < 3, x + 1, jnp.where(x == 6, 3, x + 1)), np.array(0))
    with pytest.raises(ProblemError, match="not closed after 10 steps"):
        period(lambda x: x + 1, np.array(0), limit=10)
    with pytest.raises(ProblemError, match="states of integers, got float64"):
        period(lambda x: -x, np.array(1.0))
    with pytest.raises(ProblemError, match="cells 0 … 3, got 0 … 7"):
        coarse_entropy([0, 7], 4)
    with pytest.raises(ProblemError, match="at least one step"):
        recurrence(cat(5), np.array([[0, 1]]), lambda x: x[0], 5, 0)
    with pytest.raises(ProblemError, match="5 different states have become 3"):
        recurrence(lambda x: x // 2, np.arange(5)[:, None], lambda x: x[0], 5, 1)
