"""The graded coordinate: monotone, invertible, even where nothing is steep."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.networks.grading import even_grading, graded, grading_of, ungraded

AXES = {
    "interval": (pinn.Interval(-1.0, 2.0), False),
    "circle": (pinn.Periodic(-1.0, 2.0), False),
    "mirrors": (pinn.Interval(-1.0, 2.0), True),
}


def front(x):
    return jnp.tanh(60.0 * (x - 0.4)) + 0.2 * x


def suited(axis, function=front):
    places = jnp.linspace(axis.lower, axis.upper, 1025)
    return grading_of(axis, places, function(places)[:, None])


@pytest.mark.parametrize("name", AXES)
def test_the_ends_stay_and_the_way_back_is_exact(name):
    axis, mirrored = AXES[name]
    grading = suited(axis)
    assert grading[2, 0] > 0.5
    at = jax.jit(jax.vmap(lambda x: graded(axis, mirrored, grading, x)))
    np.testing.assert_allclose(at(jnp.array([-1.0, 2.0])), [-1.0, 2.0], atol=1e-13)
    even = jnp.linspace(axis.lower, axis.upper, 301)
    places = ungraded(axis, mirrored, grading, even)
    assert np.all(np.diff(places) > 0.0)
    np.testing.assert_allclose(at(places), even, atol=1e-12)
    # Half a dozen times as many as evenly.
    assert np.mean(np.abs(places - 0.4) < 0.05) > 6 * 0.1 / 3.0


def test_it_goes_around_a_circle_and_is_odd_about_mirrors():
    circle, line = AXES["circle"][0], AXES["mirrors"][0]
    x = jnp.linspace(-0.9, 1.9, 7)
    along = jax.vmap(lambda x: graded(circle, False, suited(circle), x))
    np.testing.assert_allclose(along(x + 3.0), along(x) + 3.0, atol=1e-12)
    across = jax.vmap(lambda x: graded(line, True, suited(line), x))
    for wall in (-1.0, 2.0):
        np.testing.assert_allclose(across(2.0 * wall - x), 2.0 * wall - across(x), atol=1e-12)


@pytest.mark.parametrize("name", AXES)
def test_smooth_functions_keep_the_even_coordinate(name):
    axis, mirrored = AXES[name]
    for grading in (
        suited(axis, lambda x: jnp.sin(2.0 * jnp.pi / 3.0 * x)),
        suited(axis, jnp.zeros_like),
    ):
        assert grading[2, 0] == 0.0
        assert float(graded(axis, mirrored, grading, jnp.asarray(0.3))) == pytest.approx(0.3)
    assert np.all(np.asarray(even_grading(axis, np.dtype("float64")))[2] == 0.0)


def test_few_harmonics_in_it_resolve_a_front():
    axis = pinn.Periodic(-1.0, 1.0)
    function = lambda x: jnp.tanh(80.0 * x) * jnp.cos(0.5 * jnp.pi * x)  # noqa: E731
    grading = suited(axis, function)
    x = ungraded(axis, False, grading, jnp.linspace(-1.0, 1.0, 1999)[:-1])
    errors = []
    for xi in (x, jax.vmap(lambda p: graded(axis, False, grading, p))(x)):
        angles = np.pi * np.outer(xi, np.arange(41))
        basis = np.concatenate([np.cos(angles), np.sin(angles[:, 1:])], axis=1)
        values = np.asarray(function(x))
        errors.append(np.abs(basis @ np.linalg.lstsq(basis, values)[0] - values).max())
    assert errors[0] > 1e-2 and errors[1] < 1e-4
