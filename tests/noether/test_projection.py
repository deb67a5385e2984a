"""Projection on level sets: it reaches them, is a projection, and differentiates to any order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pinn
from pinn.errors import RecipeError
from pinn.noether.anchor import anchor
from pinn.noether.levels import LevelSet
from pinn.noether.projection import independent_count, project, project_within_reach
from pinn.noether.verify import verified_charges


def ellipse(x, level):
    return jnp.stack([x[0] ** 2 + 2.0 * x[1] ** 2 + x[2] ** 2 - level])


def twice(x, level):
    """Three laws of which one follows from the others, whatever x is."""
    energy, plane = x @ x - level, x[2] - 0.2 * level
    return jnp.stack([energy, plane, jnp.exp(energy + plane) - 1.0])


@settings(max_examples=40, deadline=None)
@given(
    point=st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3).filter(
        lambda x: np.linalg.norm(x) > 0.1
    ),
    level=st.floats(0.3, 3.0),
)
def test_the_point_lands_on_the_level_set_and_stays(point, level):
    x = jax.jit(project, static_argnums=0)(ellipse, jnp.asarray(point), jnp.asarray(level))
    assert abs(float(ellipse(x, level)[0])) < 1e-13
    np.testing.assert_allclose(project(ellipse, x, jnp.asarray(level)), x, atol=1e-13)


def test_a_near_point_moves_along_the_gradient():
    point = np.array([0.7, 0.5, 0.4])
    x = project(ellipse, jnp.asarray(point), jnp.asarray(1.1))
    gradient = np.array([2.0, 4.0, 2.0]) * point
    np.testing.assert_allclose(np.cross(x - point, gradient), 0.0, atol=1e-14)


def test_dependent_laws_count_once():
    point, level = jnp.asarray([0.7, 0.5, 0.4]), jnp.asarray(1.1)
    assert independent_count(twice, point, level) == 2
    x = project(twice, point, level)
    np.testing.assert_allclose(twice(x, level), 0.0, atol=1e-14)


def with_one_out_of_reach(x, arguments):
    """A sphere, and a second level that is never taken; it stands for x₂ = ½ once given up."""
    level, held = arguments
    return jnp.stack([x @ x - level, jnp.where(held > 0.0, 1.0 + x[0] ** 2, x[2] - 0.5)])


def held_point(known, share, given_up):
    point, level = known
    return point, (level, jnp.where(given_up > 0, 0.0, 1.0))


def test_what_is_out_of_reach_is_given_up_and_the_rest_holds():
    find = lambda level: project_within_reach(  # noqa: E731
        with_one_out_of_reach, held_point, 1, (jnp.asarray([0.7, 0.5, 0.4]), level)
    )
    x, _, given_up = find(jnp.asarray(1.1))
    assert given_up == 1
    np.testing.assert_allclose([x @ x, x[2]], [1.1, 0.5], atol=1e-13)
    slope = jax.jacfwd(lambda level: find(level)[0])(jnp.asarray(1.1))
    difference = (find(jnp.asarray(1.1001))[0] - find(jnp.asarray(1.0999))[0]) / 2e-4
    np.testing.assert_allclose(slope, difference, atol=1e-6)


@pytest.mark.parametrize("constraints", [ellipse, twice])
def test_derivatives_of_the_projection_are_those_of_differences(constraints):
    move, step = jnp.asarray([0.3, -0.2, 0.5]), 1e-3

    def along(h):
        return project(constraints, jnp.asarray([0.7, 0.5, 0.4]) + h * move, 1.1 + 0.3 * h)

    def rate(h):
        return jax.jvp(along, (h,), (1.0,))[1]

    def difference(f):
        near, far = f(step) - f(-step), f(2.0 * step) - f(-2.0 * step)
        return (8.0 * near - far) / (12.0 * step)

    np.testing.assert_allclose(rate(0.0), difference(along), atol=1e-9)
    second = jax.jvp(rate, (0.0,), (1.0,))[1]
    np.testing.assert_allclose(second, difference(rate), atol=1e-8)
    reverse = jax.jacrev(along)(0.0)
    np.testing.assert_allclose(reverse, rate(0.0), atol=1e-13)


def test_at_rest_and_out_of_reach_the_result_is_finite():
    origin = jnp.zeros(3)
    np.testing.assert_array_equal(project(ellipse, origin, jnp.asarray(1.0)), origin)
    below = project(ellipse, jnp.asarray([0.3, 0.1, 0.2]), jnp.asarray(-1.0))
    assert np.all(np.isfinite(below)) and np.linalg.norm(below) < 0.1
    slope = jax.jacfwd(lambda x: project(ellipse, x, jnp.asarray(1.0)))(origin)
    assert np.all(np.isfinite(slope))


def level_set(name, **parameters):
    problem = pinn.get(name, **parameters)
    charges = {n: c for n, c in verified_charges(problem).items() if c.source is None}
    levels = {n: jnp.asarray(anchor(problem).charges[n]) for n in charges}
    return problem, LevelSet.of(problem, charges), levels


INDEPENDENT = {"kepler": 3, "toda": 7, "two_body": 7, "point_vortices": 4, "harmonic_oscillator": 2}


@pytest.mark.parametrize("name", [*INDEPENDENT, "rigid_body"])
@pytest.mark.parametrize("noise", [1e-9, 1e-2])
def test_states_of_named_problems_land_on_the_levels_of_their_charges(name, noise):
    problem, held, levels = level_set(name)
    if name in INDEPENDENT:
        assert held.count == INDEPENDENT[name]
    begin = anchor(problem).jet
    random = np.random.default_rng(0)
    state = {
        n: jnp.asarray(begin[n] + noise * held.sizes[n] * random.normal(size=begin[n].shape))
        for n in problem.dynamics.state_entries
    }
    t = jnp.asarray(problem.interval.lower)
    moved = jax.jit(held.project)(t, state, levels)
    jet = problem.dynamics.on_shell({**moved, problem.time: t}, {})
    jet = problem.dynamics.completed(dict(jet), {n for c in held.charges.values() for n in c.needs})
    for charge_name, charge in held.charges.items():
        excess = np.abs(charge.density(jet) - levels[charge_name]) / held.scales[charge_name]
        assert np.max(excess) < 2e-15 * 10
    for n, value in moved.items():
        assert np.max(np.abs(value - state[n])) < 50.0 * noise * held.sizes[n]


@pytest.mark.parametrize("noise", [1e-9, 1e-4])
def test_circular_orbits_where_energy_and_momentum_have_parallel_gradients(noise):
    problem = pinn.get("kepler", eccentricity=0.0)
    charges = {n: verified_charges(problem)[n] for n in ("energy", "angular_momentum")}
    held = LevelSet.of(problem, charges)
    levels = {n: jnp.asarray(anchor(problem).charges[n]) for n in charges}
    state = {"q": jnp.asarray([1.0 + noise, 0.0]), "q_t": jnp.asarray([0.3 * noise, 1.0])}
    moved = held.project(jnp.asarray(0.0), state, levels)
    excess = held.charges["energy"].density(pinn.Jet(problem.space, moved)) - levels["energy"]
    assert abs(excess) < 1e-13
    assert np.max(np.abs(moved["q"] - state["q"])) < 5.0 * noise


def test_a_charge_of_the_acceleration_cannot_be_held_exactly():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"x": ()},
        residual=lambda j: j.x_tt + j.x,
        initial={"x": 1.0, "x_t": 0.0},
        conserved={"energy": lambda j: 0.5 * j.x_t**2 - 0.5 * j.x * j.x_tt},
    )
    with pytest.raises(RecipeError, match="'energy' depends on x_tt, which is not part of the"):
        LevelSet.of(problem, verified_charges(problem))
