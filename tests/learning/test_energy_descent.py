"""The momentum spends what it has, and the ledger shows it to round-off."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import pinn
from pinn import learning
from pinn.errors import CheckpointError, RecipeError
from pinn.learning import LearningError

METHODS = ["bbi", "separable"]


def bowl(theta):
    """A least value of 0 at two points, and a slope of its own in each direction."""
    x, y = theta["x"], theta["y"]
    return (x**2 - 1.0) ** 2 + 0.5 * jnp.sum(y**2) + 0.1 * x**2 * jnp.sum(y) ** 2


START = {"x": jnp.asarray(1.7), "y": jnp.asarray([0.8, -1.1])}


def run(transformation, steps, loss=bowl, start=START):
    def step(carry, _):
        theta, state = carry
        value, slope = jax.value_and_grad(lambda t: jnp.sum(loss(t)))(theta)
        value = loss(theta)
        updates, state = transformation.update(slope, state, theta, value=value)
        found = (learning.energy_ledger(state), value, theta)
        return (optax.apply_updates(theta, updates), state), found

    begun = (start, transformation.init(start))
    return jax.jit(lambda c: jax.lax.scan(step, c, None, length=steps))(begun)[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("extra", [0.0, 0.7])
def test_the_account_holds_to_round_off_at_every_step_and_the_loss_falls(method, extra):
    descent = learning.energy_conserving_descent(
        2e-3, method=method, extra_energy=extra, patience=50
    )
    ledger, losses, _ = run(descent, 3000)
    energy = ledger.total[0]
    np.testing.assert_allclose(ledger.total, energy, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(ledger.kinetic + ledger.potential, ledger.total, atol=1e-14)
    assert np.all(ledger.kinetic >= 0.0) and np.all(np.diff(ledger.bounces) >= 0)
    assert ledger.bounces[-1] > 0  # the account survives bounces as well
    assert jnp.min(losses) < 0.05 * losses[0]


@pytest.mark.parametrize(("method", "potential"), [("bbi", lambda v: v), ("separable", jnp.log)])
def test_the_ledger_is_the_hamiltonian(method, potential):
    """What the momentum carries is recomputed here from the momentum itself."""
    descent = learning.energy_conserving_descent(1e-3, method=method, extra_energy=0.3)
    state = descent.init(START)
    value, slope = jax.value_and_grad(bowl)(START)
    _, state = descent.update(slope, state, START, value=value)
    before = {name: 0.3 for name in METHODS}[method]
    np.testing.assert_allclose(learning.energy_ledger(state).kinetic, before, rtol=1e-13)
    np.testing.assert_allclose(learning.energy_ledger(state).potential, potential(value))
    square = sum(jnp.sum(p**2) for p in jax.tree.leaves(state.momentum))
    energy = potential(value) + 0.3
    force = 0.5 * (value / energy + energy / value) if method == "bbi" else 1.0 / value
    size = (
        jnp.sqrt((energy**2 - value**2) / value) if method == "bbi" else jnp.sqrt(jnp.exp(0.3) - 1)
    )
    steep = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(slope)))
    np.testing.assert_allclose(jnp.sqrt(square), size + 1e-3 * force * steep, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_what_the_integrator_misses_is_of_second_order(method):
    misses = []
    for rate in (2e-3, 1e-3):
        descent = learning.energy_conserving_descent(rate, method=method, extra_energy=0.5)
        ledger, _, _ = run(descent, int(0.4 / rate))
        misses.append(np.mean(np.abs(ledger.mismatch[1:])))
    assert 3.0 < misses[0] / misses[1] < 5.0


@pytest.mark.parametrize("method", METHODS)
def test_a_path_backwards_in_time_returns_to_its_start(method):
    """Reversing the momentum retraces the motion, as only a frictionless one does."""
    gaps = []
    for rate in (4e-4, 2e-4):
        descent = learning.energy_conserving_descent(
            rate, method=method, extra_energy=0.5, patience=10_000
        )
        theta, state = START, descent.init(START)

        def step(carry, _, descent=descent):
            theta, state = carry
            value, slope = jax.value_and_grad(bowl)(theta)
            updates, state = descent.update(slope, state, theta, value=value)
            return (optax.apply_updates(theta, updates), state), None

        go = jax.jit(lambda c, n=int(0.5 / rate), step=step: jax.lax.scan(step, c, None, n)[0])
        theta, state = go((theta, state))
        state = state._replace(momentum=jax.tree.map(jnp.negative, state.momentum))
        theta, _ = go((theta, state))
        gaps.append(float(abs(theta["x"] - START["x"]) + jnp.sum(abs(theta["y"] - START["y"]))))
    assert gaps[0] < 0.05
    assert 1.7 < gaps[0] / gaps[1] < 2.3


@pytest.mark.parametrize("method", METHODS)
def test_a_step_to_where_there_is_no_energy_for_is_taken_back(method):
    wall = lambda theta: 1.0 + 50.0 * jnp.maximum(theta["x"], 0.0) ** 2 - 0.3 * theta["x"]  # noqa: E731
    descent = learning.energy_conserving_descent(0.3, method=method, patience=10_000)
    start = {"x": jnp.asarray(-0.5)}
    ledger, losses, path = run(descent, 60, wall, start)
    assert ledger.reflections[-1] > 0
    allowed = np.diff(ledger.reflections, prepend=0) == 0
    assert np.all(losses[allowed] <= losses[0] * (1 + 1e-12))
    assert np.max(path["x"][allowed]) < 0.1
    np.testing.assert_allclose(ledger.total, ledger.total[0], rtol=1e-12, atol=1e-12)


def test_bounces_keep_the_size_of_the_momentum_and_come_when_they_are_due():
    early = learning.energy_conserving_descent(
        1e-4, extra_energy=0.5, bounce_every=10, early_bounces=3, patience=10_000
    )
    ledger, _, _ = run(early, 100)
    assert [int(n) for n in np.asarray(ledger.bounces)[[8, 9, 19, 29, 99]]] == [0, 1, 2, 3, 3]
    still = lambda theta: 1.0 + 0.0 * theta["x"] + 0.0 * jnp.sum(theta["y"])  # noqa: E731
    patient = learning.energy_conserving_descent(1e-3, extra_energy=0.5, patience=7)
    ledger, _, _ = run(patient, 50, still)
    assert [int(n) for n in np.asarray(ledger.bounces)[[6, 7, 14]]] == [0, 1, 2]
    np.testing.assert_allclose(ledger.kinetic, 0.5, rtol=1e-13)


def test_a_deflected_momentum_turns_by_about_the_angle_and_keeps_its_energy():
    flat = lambda theta: 1.0 + 0.0 * jnp.sum(theta)  # noqa: E731
    descent = learning.energy_conserving_descent(
        1e-3, extra_energy=0.5, deflection=0.1, patience=10_000
    )
    start = jnp.zeros(50)
    state = descent.init(start)
    slope = jnp.ones(50)
    _, state = descent.update(slope, state, start, value=flat(start))
    before = state.momentum
    _, state = descent.update(0.0 * slope, state, start, value=flat(start))
    lengths = jnp.linalg.norm(state.momentum) * jnp.linalg.norm(before)
    cosine = state.momentum @ before / lengths
    np.testing.assert_allclose(learning.energy_ledger(state).kinetic, 0.5, rtol=1e-13)
    assert 0.05 < jnp.arccos(cosine) < 0.2


@pytest.mark.parametrize("method", METHODS)
def test_an_ensemble_shares_one_account(method):
    start = {
        "x": jnp.array([1.7, -1.4, 0.4]),
        "y": jnp.array([[0.8, -1.1], [0.1, 0.3], [1.0, 1.0]]),
    }
    descent = learning.energy_conserving_descent(
        2e-3, method=method, extra_energy=0.2, members=3, patience=100_000
    )
    ledger, losses, _ = run(descent, 1500, jax.vmap(bowl), start)
    assert losses.shape == (1500, 3)
    np.testing.assert_allclose(ledger.total, ledger.total[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ledger.member_kinetic.sum(1), ledger.kinetic, rtol=1e-12)
    np.testing.assert_allclose(ledger.member_loss, losses, rtol=1e-12)
    # Members that are apart exchange energy: none keeps what it started with.
    share = ledger.member_kinetic / ledger.kinetic[:, None]
    assert np.all(np.max(share, 0) - np.min(share, 0) > 0.05)


def test_one_member_moves_as_it_would_alone():
    alone = run(learning.energy_conserving_descent(1e-3), 50)[2]
    stacked = jax.tree.map(lambda leaf: leaf[None], START)
    member = run(learning.energy_conserving_descent(1e-3, members=1), 50, jax.vmap(bowl), stacked)[
        2
    ]
    np.testing.assert_allclose(member["y"][:, 0], alone["y"], rtol=1e-13)


def test_it_trains_a_solver_as_a_step_of_a_recipe():
    options = {"learning_rate": 3e-3, "method": "separable", "patience": 100}
    recipe = pinn.Recipe(
        network=pinn.Network(width=6),
        windows=pinn.Uniform(1, tolerance=1e-9),
        step=pinn.Optax("pinn.learning.energy_conserving_descent", options),
        points=16,
        steps=60,
        chunk=20,
        conservation="off",
    )
    seen = []
    observe = lambda march: seen.append(march) if march.loop is not None else None  # noqa: E731
    problem = pinn.get("harmonic_oscillator", end=1.0)
    solution = pinn.solve(problem, recipe=recipe, progress=False, observe=observe)
    assert solution.residual < 0.1
    solution.save("run")
    assert pinn.load("run").recipe.step == recipe.step
    ledger = learning.energy_ledger(seen[0].loop.state)
    energy = seen[0].loop.state.energy
    np.testing.assert_allclose(ledger.total, energy, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("step", [learning.energy_conserving_descent(1e-3), optax.adam(1e-3)])
def test_a_transformation_without_a_name_trains_and_says_before_how_to_name_it(step):
    windows = pinn.Uniform(1)
    recipe = pinn.Recipe(network=pinn.Network(width=4), windows=windows, step=step, steps=2)
    said = r"can be used, but not saved.*holds an Optax transformation.*step=pinn\.Optax"
    with pytest.warns(pinn.NotSaveable, match=said) as caught:
        solution = pinn.solve(pinn.get("harmonic_oscillator"), recipe=recipe, progress=False)
    assert solution.complete and caught[0].filename == __file__
    with pytest.raises(CheckpointError, match=r"step=pinn\.Optax"):
        solution.save("run")


@pytest.mark.parametrize("name", ["os.system", "pinn.learning.nothing", "pinn.solve"])
def test_a_step_is_looked_for_nowhere_else(name):
    with pytest.raises(RecipeError, match="has no optimiser"):
        pinn.Optax(name, {})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"learning_rate": "fast"}, "learning_rate= must be a number above 0"),
        ({"learning_rate": 0.0}, "learning_rate= must be a number above 0"),
        ({"method": "newton"}, "'bbi' or 'separable', got 'newton'"),
        ({"extra_energy": -1.0}, "at least 0, got -1.0"),
        ({"members": 0}, "members= must be a number above 0"),
        ({"patience": 0}, "patience ≥ 1"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(options, says):
    with pytest.raises(LearningError, match=says):
        learning.energy_conserving_descent(**{"learning_rate": 1e-3, **options})


def test_a_missing_or_misshapen_loss_and_a_missing_ledger_are_refused():
    descent = learning.energy_conserving_descent(1e-3)
    state = descent.init(START)
    with pytest.raises(LearningError, match="value=loss"):
        descent.update(START, state, START)
    with pytest.raises(LearningError, match=r"must have the shape \(\), one number"):
        descent.update(START, state, START, value=jnp.ones(2))
    with pytest.raises(LearningError, match="stack the members' parameters"):
        learning.energy_conserving_descent(1e-3, members=3).init(START)
    with pytest.raises(LearningError, match="keeps an energy ledger"):
        learning.energy_ledger(optax.sgd(0.1).init(START))
    chained = optax.chain(optax.clip(1.0), descent).init(START)
    assert learning.energy_ledger(chained).bounces == 0
