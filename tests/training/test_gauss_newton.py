"""The damped step against dense linear algebra, and the method on known problems."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinn.errors import RecipeError
from pinn.jets import Jet, JetSpace
from pinn.training.first_order import Optax
from pinn.training.gauss_newton import DampingState, GaussNewton, damped_step
from pinn.training.loop import PATIENCE, advance, begin, finished, outcome
from pinn.training.objective import Block, Objective

SEEDS = st.integers(0, 2**32 - 1)
solve = jax.jit(damped_step)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (6, 6), (1, 3), (3, 1)])
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, exponent=st.integers(-6, 2))
def test_damped_step_is_that_of_the_normal_equations(shape, seed, exponent):
    generator = np.random.default_rng(seed)
    count, size = shape
    damping = 10.0**exponent
    left = np.linalg.qr(generator.normal(size=(count, count)))[0]
    right = np.linalg.qr(generator.normal(size=(size, size)))[0]
    least = min(shape)
    jacobian = left[:, :least] * generator.uniform(0.5, 2.0, least) @ right[:least]
    rows = generator.normal(size=count)
    dense = -np.linalg.solve(jacobian.T @ jacobian + damping * np.eye(size), jacobian.T @ rows)
    step = solve(jnp.asarray(jacobian), jnp.asarray(rows), jnp.asarray(damping))
    np.testing.assert_allclose(step, dense, rtol=0.0, atol=1e-9 if exponent < -2 else 1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_primal_and_dual_agree(seed):
    """Rows of zeros change nothing but the form that is chosen."""
    generator = np.random.default_rng(seed)
    jacobian, rows = generator.normal(size=(4, 7)), generator.normal(size=4)
    tall = np.concatenate([jacobian, np.zeros((6, 7))]), np.concatenate([rows, np.zeros(6)])
    damping = jnp.asarray(1e-2)
    dual = solve(jnp.asarray(jacobian), jnp.asarray(rows), damping)
    primal = solve(*(jnp.asarray(a) for a in tall), damping)
    np.testing.assert_allclose(primal, dual, rtol=0.0, atol=1e-12)


def test_small_singular_values_are_resolved():
    """J is never squared: with σ from 1 to 1e-11, JᵀJ would lose the last ones."""
    generator = np.random.default_rng(0)
    left, right = (np.linalg.qr(generator.normal(size=(8, 8)))[0] for _ in range(2))
    sigma = np.geomspace(1.0, 1e-11, 8)
    solution = right.T @ np.ones(8)
    jacobian = left * sigma @ right
    rows = -(left * sigma) @ np.ones(8)
    step = solve(jnp.asarray(jacobian), jnp.asarray(rows), jnp.asarray(1e-30))
    np.testing.assert_allclose(right @ (step - solution), np.zeros(8), atol=1e-4)


SPACE = JetSpace.of(("t",), {"r": (2,)})


def least_squares(residual):
    """An objective whose rows are `residual(parameters)`, up to the factor of their mean."""
    jet_at = lambda parameters, point: Jet(SPACE, {"r": residual(parameters)})  # noqa: E731
    return Objective([Block("r", lambda j: j.r, 2)], jet_at, jnp.zeros(1))


def rosenbrock(p):
    return jnp.stack([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]])


def circle_and_line(p):
    """Zero at (√½, √½)."""
    return jnp.stack([p @ p - 1.0, p[0] - p[1] + (p[0] * p[1] - 0.5) ** 2])


def history(method, residual, start, count):
    objective = least_squares(residual)
    step = jax.jit(lambda p, s: method.step(objective, p, s))
    parameters = jnp.asarray(start)
    state, results = method.init(parameters), []
    for _ in range(count):
        results.append(step(parameters, state))
        parameters, state = results[-1].parameters, results[-1].state
    return objective, results


def test_converges_quadratically():
    _, results = history(GaussNewton(damping=1e-14), circle_and_line, [1.1, 0.4], 6)
    errors = [float(jnp.max(jnp.abs(r.parameters - jnp.sqrt(0.5)))) for r in results]
    assert errors[0] < 0.5 and errors[-1] < 1e-15
    orders = [
        np.log(later) / np.log(earlier) for earlier, later in pairwise(errors) if later > 1e-14
    ]
    assert len(orders) >= 2 and orders[-1] > 1.6


@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.0, -2.0), (0.0, 0.0), (-5.0, 10.0)])
def test_solves_rosenbrock(start):
    """From everywhere, downhill at every step, with the loss that it says."""
    objective, results = history(GaussNewton(), rosenbrock, start, 200)
    losses = np.array([float(r.loss) for r in results])
    assert losses[-1] < 1e-28
    assert np.all(np.diff(losses) <= 1e-12 * losses[0])
    np.testing.assert_allclose(results[-1].parameters, [1.0, 1.0], atol=1e-12)
    for result in results[:10]:
        loss = objective.loss(result.evaluated)
        np.testing.assert_allclose(result.loss, loss, rtol=1e-12, atol=1e-15 * losses[0])


def test_trial_dampings_keep_the_longest_trusted_step():
    """With one trial, a damping that works is used; with many, the smallest that works."""
    wide = GaussNewton(damping=1e-2, factors=(1.0, 1e-6, 1e4))
    assert wide.factors == (1e-6, 1.0, 1e4)
    linear = lambda p: jnp.stack([p[0] - 1.0, 2.0 * p[1] + 1.0])  # noqa: E731
    _, (many,) = history(wide, linear, [5.0, 5.0], 1)
    _, (one,) = history(GaussNewton(damping=1e-2), linear, [5.0, 5.0], 1)
    assert many.loss < 1e-6 * one.loss
    np.testing.assert_allclose(many.state.damping, 1e-2 * 1e-6 * wide.shrink, rtol=1e-14)


def test_step_that_cannot_improve_stays_and_damps_more():
    """At a minimum with a residual, and where the rows are not finite beyond the start."""
    stuck = lambda p: jnp.stack([jnp.where(p[0] == 2.0, 1.0 + 0.0 * p[0], jnp.nan), p[1]])  # noqa: E731
    method = GaussNewton()
    objective = least_squares(stuck)
    parameters = jnp.array([2.0, 0.3])
    shaken = lambda p: stuck(p).at[0].add(jnp.where(p[0] == 2.0, p[0] - 2.0, 0.0))  # noqa: E731
    result = jax.jit(lambda p, s: method.step(least_squares(shaken), p, s))(
        parameters, DampingState(jnp.asarray(1e-2))
    )
    np.testing.assert_array_equal(result.parameters, parameters)
    assert bool(result.stalled) and result.state.damping == pytest.approx(0.1)
    np.testing.assert_allclose(result.loss, objective.loss(parameters), rtol=1e-15)


@pytest.mark.parametrize("arguments", [{"damping": 0.0}, {"factors": ()}, {"factors": (1.0, -1.0)}])
def test_impossible_settings_are_refused(arguments):
    with pytest.raises(RecipeError, match="needs a positive damping and at least one positive"):
        GaussNewton(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adm",), r"no optimiser 'adm'.*did you mean 'adam'"),
        (("adam", {"rate": 1.0}), r"optax.adam does not take these options: .*'rate'"),
        (("adam",), r"optax.adam does not take these options: .*'learning_rate'"),
        (("global_norm",), "optax.global_norm "),
    ],
)
def test_optimiser_that_optax_does_not_have(arguments, message):
    with pytest.raises(RecipeError, match=message):
        Optax(*arguments)


def run(method, residual, start, *, target=0.0, steps=100, chunk=7):
    objective = least_squares(residual)
    march = jax.jit(lambda loop: advance(method, objective, loop, target, steps, chunk))
    loop = begin(method, jnp.asarray(start))
    chunks = [loop]
    while not finished(chunks[-1], target, steps):
        chunks.append(march(chunks[-1]))
    return objective, chunks


@pytest.mark.parametrize(
    "method",
    [
        Optax("adam", {"learning_rate": 0.05}),
        Optax("sgd", {"learning_rate": 1e-3, "momentum": 0.9}),
        Optax("lbfgs"),
        Optax("adam", {"learning_rate": 0.05, "nesterov": True}),
        GaussNewton(),
    ],
    ids=["adam", "sgd", "lbfgs", "nadam", "gauss-newton"],
)
def test_one_loop_for_every_method(method):
    objective, chunks = run(method, rosenbrock, (-1.2, 1.0))
    best, loss = outcome(objective, chunks[-1])
    assert loss < 0.2 * objective.loss(jnp.array([-1.2, 1.0]))
    np.testing.assert_allclose(loss, objective.loss(best), rtol=1e-9, atol=1e-30)
    taken = [int(c.taken) for c in chunks]
    assert all(later - earlier <= 7 for earlier, later in pairwise(taken))
    losses = [float(c.best_loss) for c in chunks]
    assert losses == sorted(losses, reverse=True)


def test_loop_ends_at_its_target_its_budget_or_a_stall():
    _, chunks = run(GaussNewton(), rosenbrock, (-1.2, 1.0), target=1e-3, chunk=100)
    assert 1e-28 < chunks[-1].best_loss <= 1e-3 and chunks[-1].taken < 60
    _, chunks = run(Optax("adam", {"learning_rate": 1e-4}), rosenbrock, (-1.2, 1.0), steps=23)
    assert chunks[-1].taken == 23
    offset = lambda p: jnp.stack([p[0] - 1.0, 3.0 + 0.0 * p[1]])  # noqa: E731
    _, chunks = run(GaussNewton(), offset, (0.0, 0.0), steps=1000, chunk=1000)
    assert chunks[-1].stalls == PATIENCE and chunks[-1].taken < 50


def test_loop_keeps_the_best_not_the_last():
    """Gradient descent that blows up."""
    method = Optax("sgd", {"learning_rate": 0.3})
    start = (0.9, 0.8)
    objective, chunks = run(method, rosenbrock, start, steps=4, chunk=4)
    best, loss = outcome(objective, chunks[-1])
    assert not objective.loss(chunks[-1].parameters) < 1e3
    assert loss <= objective.loss(jnp.array(start))
    np.testing.assert_allclose(objective.loss(best), loss, rtol=1e-12)
