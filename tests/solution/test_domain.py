"""Values outside the domain: NaN unless asked for; periodic coordinates wrap; ends are inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.domain import ULPS, inside, wrapped

END = 1.5


def test_before_and_after_it_is_nan_and_numbers_if_asked_for(swing):
    outside = np.array([-3.0, -1e-9, END + 1e-9, 40.0])
    assert np.all(np.isnan(swing(outside)["theta"]))
    assert np.all(np.isnan(swing.charges(outside)["energy"]))
    jet = swing.jet(outside, entries=("t", "theta_t"))
    np.testing.assert_array_equal(jet.t, outside)
    assert np.all(np.isnan(jet.theta_t))
    found = swing.evaluate(lambda j: {"twice": 2.0 * j.t, "known": jnp.ones(())}, outside)
    assert np.all(np.isnan(found["twice"])) and np.all(np.isnan(found["known"]))

    assert np.all(np.isfinite(swing(outside, extrapolate=True)["theta"]))
    assert np.all(np.isfinite(swing.charges(outside, extrapolate=True)["energy"]))
    assert np.all(np.isfinite(swing.jet(outside, ("theta_t",), extrapolate=True).theta_t))
    twice = swing.evaluate(lambda j: 2.0 * j.t, outside, extrapolate=True)
    np.testing.assert_array_equal(twice, 2.0 * outside)


def test_a_point_beside_the_domain_does_not_change_the_others(swing):
    times = np.linspace(0.0, END, 7)
    mixed = swing(np.append(times, 9.0))["theta"]
    np.testing.assert_array_equal(mixed[:-1], swing(times)["theta"])
    assert np.isnan(mixed[-1])


def test_a_few_units_in_the_last_place_beyond_an_end_are_inside(swing):
    near = np.array([-ULPS * 1e-16, np.nextafter(END, 2.0), END * (1.0 + 1e-15)])
    assert np.all(np.isfinite(swing(near)["theta"]))
    rounded = np.float32(0.7)  # above 0.7
    axis = [pinn.Interval(0.0, 0.7)]
    point = np.array([float(rounded)])
    assert inside(axis, [point], [rounded]) and not inside(axis, [point], [float(rounded)])


def test_derivatives_are_right_inside_and_nan_outside(swing):
    value = lambda t: swing(t)["theta"]  # noqa: E731
    times = jnp.array([0.0, 0.3, END, END + 0.1, -0.1])
    within = jnp.array([True, True, True, False, False])
    velocity = np.asarray(swing.jet(times, ("theta_t",)).theta_t)
    for slope in (
        jax.vmap(jax.grad(value)),
        jax.vmap(jax.jacfwd(value)),
        jax.jit(jax.vmap(jax.grad(value))),
    ):
        found = np.asarray(slope(times))
        np.testing.assert_array_equal(np.isnan(found), ~within)
        np.testing.assert_allclose(found[:3], velocity[:3], rtol=0.0, atol=1e-12)
    second = jax.jacfwd(jax.grad(value))(0.3)
    np.testing.assert_allclose(second, swing.jet(0.3, ("theta_tt",)).theta_tt, rtol=1e-9)


def test_a_sum_over_points_inside_has_a_gradient(swing):
    gradient = jax.grad(lambda shift: jnp.sum(swing(jnp.array([0.1, 0.5]) + shift)["theta"]))(0.0)
    assert np.isfinite(gradient)


def test_references_do_the_same(swing):
    reference = pinn.reference(swing.problem)
    assert np.isnan(reference(END + 0.1)["theta"]) and np.isnan(reference.charges(-1.0)["energy"])
    assert np.isfinite(reference(END)["theta"])


def test_an_incomplete_solution_is_nan_beyond_what_is_trained(swing):
    def interrupt(march) -> None:
        if len(march.records) == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        part = pinn.solve(swing.problem, progress=False, observe=interrupt)
    inside_it, beyond = 0.5 * part.reached, 0.5 * (part.reached + END)
    assert np.isfinite(part(inside_it)["theta"]) and np.isfinite(part(part.reached)["theta"])
    assert np.isnan(part(beyond)["theta"]) and np.isfinite(part(beyond, extrapolate=True)["theta"])
    assert np.isfinite(pinn.reference(swing.problem)(beyond)["theta"])


AXES = [pinn.Interval(0.0, 1.0), pinn.Periodic(-1.0, 1.0)]


def test_periodic_coordinates_wrap_and_those_inside_keep_their_bits():
    x = np.array([-1.0, -0.3, 0.1 + 0.2, 1.0, 1.4, -1.2, 7.0])
    _, found = wrapped(AXES, [np.zeros_like(x), x])
    np.testing.assert_array_equal(found[:4], x[:4])
    np.testing.assert_allclose(found[4:], [-0.6, 0.8, -1.0], atol=1e-14)
    assert np.all(inside(AXES, [np.zeros_like(x), x], [0.0, x]))
    slope = jax.vmap(jax.grad(lambda y: wrapped(AXES, [y, y])[1]))(jnp.asarray(x))
    np.testing.assert_array_equal(slope, np.ones_like(x))


@pytest.fixture(scope="module")
def ring() -> pinn.Solution:
    """A travelling wave whose initial data are a formula that does not repeat."""
    recipe = pinn.Recipe(network=pinn.Separable(times=3, waves=4), windows=pinn.Uniform(1))
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.1), "x": pinn.Periodic(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t + j.u_x,
        initial={"u": lambda x: x**2 * (1.0 - x) ** 2},
    )
    return pinn.solve(problem, recipe=recipe, progress=False)


def test_a_field_is_the_same_a_period_further(ring):
    x = np.linspace(0.05, 0.95, 7)
    here = ring.jet(0.05, x, entries=("u", "u_x"))
    for periods in (-2.0, 1.0):
        there = ring.jet(0.05, x + periods, entries=("u", "u_x"))
        np.testing.assert_allclose(there.u, here.u, rtol=0.0, atol=1e-12)
        np.testing.assert_allclose(there.u_x, here.u_x, rtol=0.0, atol=1e-11)
    assert np.all(np.isnan(ring(0.2, x)["u"])) and np.isfinite(ring(0.1, 1.0)["u"])


def test_beyond_a_boundary_it_is_outside():
    box = [pinn.Interval(0.0, 1.0), pinn.Interval(-2.0, 3.0)]
    points = [np.array([0.5, 0.5, 0.5, 2.0]), np.array([-2.0, 3.0, 3.1, 0.0])]
    np.testing.assert_array_equal(inside(box, points, points), [True, True, False, False])
