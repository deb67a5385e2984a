"""Any function of the jet, evaluated along a solution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn

TIMES = np.linspace(0.0, 1.0, 6).reshape(2, 3)


@pytest.fixture(scope="module")
def solution():
    recipe = pinn.Recipe(network=pinn.Network(width=6), windows=pinn.Uniform(1), steps=3)
    return pinn.solve(pinn.get("kepler"), seed=0, recipe=recipe, progress=False)


def test_it_has_the_points_shape_and_the_functions(solution):
    jet = solution.jet(TIMES, entries=("q", "q_t"))
    found = solution.evaluate(lambda j: {"speed": j.q_t @ j.q_t, "twice": 2.0 * j.q}, TIMES)
    assert found["speed"].shape == (2, 3) and found["twice"].shape == (2, 3, 2)
    np.testing.assert_allclose(found["speed"], np.sum(jet.q_t**2, axis=-1), rtol=1e-14)
    np.testing.assert_array_equal(found["twice"], 2.0 * jet.q)


def test_one_point_is_enough_and_a_function_need_not_read_the_field(solution):
    assert solution.evaluate(lambda j: j.q[0] * j.t, 0.5).shape == ()
    np.testing.assert_array_equal(solution.evaluate(lambda j: 3.0 * j.t, TIMES), 3.0 * TIMES)
    np.testing.assert_array_equal(solution.evaluate(lambda j: jnp.ones(()), TIMES), np.ones((2, 3)))


def test_it_is_the_charge_where_the_function_is_its_density(solution):
    def energy(j):
        return 0.5 * j.q_t @ j.q_t - 1.0 / jnp.linalg.norm(j.q)

    found = solution.evaluate(energy, TIMES)
    np.testing.assert_allclose(found, solution.charges(TIMES)["energy"], rtol=1e-14)


def test_it_can_be_differentiated_and_compiled(solution):
    place = jax.jit(lambda t: solution.evaluate(lambda j: j.q[0], t))
    velocity = solution.jet(0.3, entries=("q_t",)).q_t[0]
    np.testing.assert_allclose(jax.grad(place)(0.3), velocity, rtol=1e-12)


def test_a_wrong_entry_is_told(solution):
    with pytest.raises(pinn.ProblemError, match="no entry 'p'"):
        solution.evaluate(lambda j: j.p, 0.5)
