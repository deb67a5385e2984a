"""A leapfrog of whole numbers comes back to the very bits, at the order of the method."""

import jax.numpy as jnp
import numpy as np
import pytest

from pinn.errors import ProblemError
from pinn.references import IntegerLeapfrog, Lattice


def kepler(q):
    return -q / jnp.sum(q**2) ** 1.5


@pytest.mark.parametrize("resolution", [2.0**-40, 2.0**-20, 1e-3])
def test_it_runs_forward_and_back_to_the_very_bits(resolution):
    leapfrog = IntegerLeapfrog(kepler, 0.01, resolution)
    start = leapfrog.encode([0.5, 0.0], [0.1, 1.7])
    there = leapfrog.run(start, 20_000)
    assert not np.array_equal(there.q, start.q)
    back = leapfrog.reversed(leapfrog.run(leapfrog.reversed(there), 20_000))
    np.testing.assert_array_equal(back.q, start.q)
    np.testing.assert_array_equal(back.v, start.v)
    assert back.q.dtype == np.int64


def test_a_leapfrog_in_floating_point_does_not():
    """The control: the same steps in double precision lose the last bits."""
    q, v, h = np.array([0.5, 0.0]), np.array([0.1, 1.7]), 0.01
    force = lambda q: -q / np.sum(q**2) ** 1.5  # noqa: E731
    for _ in range(2):
        for _ in range(2000):
            v = v + 0.5 * h * force(q)
            q = q + h * v
            v = v + 0.5 * h * force(q)
        v = -v
    assert not np.array_equal(q, [0.5, 0.0])


def test_the_error_is_of_second_order_until_the_lattice_is_seen():
    truth = np.cos(2.0), -np.sin(2.0)
    errors = []
    for steps in (50, 100, 200):
        leapfrog = IntegerLeapfrog(lambda q: -q, 2.0 / steps)
        found = leapfrog.decode(leapfrog.run(leapfrog.encode(1.0, 0.0), steps))
        errors.append(np.hypot(found[0] - truth[0], found[1] - truth[1]))
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all((rates > 1.9) & (rates < 2.1))
    coarse = IntegerLeapfrog(lambda q: -q, 0.01, 2.0**-12)
    found = coarse.decode(coarse.run(coarse.encode(1.0, 0.0), 200))
    assert 1e-5 < np.hypot(found[0] - truth[0], found[1] - truth[1]) < 1e-2


def test_a_trajectory_passes_through_what_run_returns():
    leapfrog = IntegerLeapfrog(lambda q: -q, 0.1)
    start = leapfrog.encode([1.0, 0.0], [0.0, 1.0])
    path = leapfrog.trajectory(start, 30, every=10)
    assert path.q.shape == (4, 2)
    np.testing.assert_array_equal(path.q[-1], leapfrog.run(start, 30).q)
    np.testing.assert_array_equal(leapfrog.run(start, 0).v, start.v)


def test_bad_input_is_refused_in_one_sentence():
    with pytest.raises(ProblemError, match="step > 0 and resolution > 0"):
        IntegerLeapfrog(kepler, -0.1)
    leapfrog = IntegerLeapfrog(lambda q: q, 0.5)
    with pytest.raises(ProblemError, match=r"one shape, got \(2,\) and \(3,\)"):
        leapfrog.encode([1.0, 2.0], [0.0, 0.0, 1.0])
    with pytest.raises(ProblemError, match="does not fit into 64-bit"):
        leapfrog.encode(1e12, 0.0)
    with pytest.raises(ProblemError, match="does not fit into 64-bit"):
        leapfrog.encode(float("nan"), 0.0)
    with pytest.raises(ProblemError, match="at least 0 steps"):
        leapfrog.run(Lattice(np.int64(1), np.int64(1)), -1)
    with pytest.raises(ProblemError, match="left the range"):
        leapfrog.run(leapfrog.encode(1.0, 1.0), 200)
