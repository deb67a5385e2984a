"""Tailoring is the gradient step that it says, and gradients pass through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pinn import learning
from pinn.learning import LearningError

F64 = jnp.float64


def mlp(inputs, outputs, seed=0):
    rngs = nnx.Rngs(seed)
    make = lambda a, b: nnx.Linear(a, b, param_dtype=F64, rngs=rngs)  # noqa: E731
    return nnx.Sequential(make(inputs, 8), jnp.tanh, make(8, outputs))


def states(count=5, size=2, seed=1):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(count, size)))


def test_one_inner_step_of_a_linear_predictor_is_the_formula():
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2)))
    predictor = nnx.Linear(2, 2, use_bias=False, param_dtype=F64, rngs=nnx.Rngs(0))
    predictor.kernel[...] = matrix
    network = learning.NoetherNetwork(predictor, lambda x: x**2, inner_steps=1, inner_lr=0.05)
    x = states(1)
    y = x[0] @ matrix
    # L = Σ (x² − y²)², y = Wᵀx: ∂L/∂W_ij = −4 x_i (x_j² − y_j²) y_j
    slope = jnp.outer(x[0], -4.0 * (x[0] ** 2 - y**2) * y)
    np.testing.assert_allclose(network(x)[0], x[0] @ (matrix - 0.05 * slope), rtol=1e-13)


@pytest.mark.parametrize("against", ["initial", "previous"])
@pytest.mark.parametrize("steps", [None, 3])
def test_a_predictor_that_conserves_is_left_as_it_is(against, steps):
    turn = nnx.Linear(2, 2, use_bias=False, param_dtype=F64, rngs=nnx.Rngs(0))
    c, s = np.cos(0.3), np.sin(0.3)
    turn.kernel[...] = jnp.array([[c, -s], [s, c]])
    norm = lambda x: jnp.sum(x**2, axis=1)  # noqa: E731
    network = learning.NoetherNetwork(turn, norm, 2, 0.5, steps=steps, against=against)
    plain = learning.NoetherNetwork(turn, norm, 0, 0.5, steps=steps, against=against)
    np.testing.assert_allclose(network(states()), plain(states()), atol=1e-14)


def test_without_inner_steps_it_is_the_predictor_and_steps_roll_it_out():
    predictor = mlp(2, 2)
    network = learning.NoetherNetwork(predictor, mlp(2, 1), 0, 0.1, steps=3)
    x, found = states(), []
    y = x
    for _ in range(3):
        y = predictor(y)
        found.append(y)
    np.testing.assert_allclose(network(x), jnp.stack(found, axis=1), rtol=1e-14)


@pytest.mark.parametrize("against", ["initial", "previous"])
def test_the_conservation_loss_falls_as_its_gradient_says(against):
    x = states(1)
    predictor, charge = mlp(2, 2), mlp(2, 3, seed=3)

    def dropped(rate):
        network = learning.NoetherNetwork(predictor, charge, 1, rate, steps=2, against=against)
        before, after = network.conservation_loss(x)[0]
        return before - after

    graph, parameters = nnx.split(predictor)

    def loss(parameters):
        model = nnx.merge(graph, parameters)
        g = [charge(z) for z in (x, model(x), model(model(x)))]
        base = (g[0], g[0] if against == "initial" else g[1])
        return jnp.sum((base[0] - g[1]) ** 2) + jnp.sum((base[1] - g[2]) ** 2)

    slope = jax.grad(loss)(parameters)
    square = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slope))
    rates = np.array([1e-3, 1e-4])
    misses = [abs(dropped(rate) / rate - square) / square for rate in rates]
    assert misses[0] < 0.2
    assert 5.0 < misses[0] / misses[1] < 20.0  # the rest is of first order in the rate


def test_gradients_of_a_task_pass_through_the_inner_step_to_both_modules():
    network = learning.NoetherNetwork(mlp(2, 2), mlp(2, 1, seed=2), 2, 0.1, steps=2)
    x = states()
    graph, parameters = nnx.split(network)
    task = lambda p: jnp.mean((nnx.merge(graph, p)(x) - 1.0) ** 2)  # noqa: E731
    slope = jax.jit(jax.grad(task))(parameters)
    assert any(jnp.any(leaf != 0.0) for leaf in jax.tree.leaves(slope["charge"]))
    way = jax.tree.map(
        lambda leaf: jnp.asarray(np.random.default_rng(4).normal(size=leaf.shape)), parameters
    )
    along = sum(
        jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(slope), jax.tree.leaves(way), strict=True)
    )
    h = 1e-5
    moved = lambda s: jax.tree.map(lambda p, w: p + s * w, parameters, way)  # noqa: E731
    ends = [task(moved(h)), task(moved(-h))]
    np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * h), rtol=1e-7)


def test_a_filter_tailors_only_what_it_matches():
    predictor = mlp(2, 2)
    network = learning.NoetherNetwork(
        predictor, mlp(2, 1, seed=2), 1, 0.1, tailored=nnx.PathContains("bias")
    )
    moved = network.tailored_predictor(states()[0])
    before, after = nnx.to_flat_state(nnx.state(predictor)), nnx.to_flat_state(nnx.state(moved))
    changed = {
        path[-1]
        for (path, a), (_, b) in zip(before, after, strict=True)
        if jnp.any(a[...] != b[...])
    }
    assert changed == {"bias"}


def test_a_guarded_step_never_raises_the_conservation_loss():
    x = states(20)
    wild = learning.NoetherNetwork(mlp(2, 2), mlp(2, 1, seed=2), 1, 100.0)
    assert np.any(np.diff(wild.conservation_loss(x)) > 0.0)
    guarded = learning.NoetherNetwork(wild.predictor, wild.charge, 1, 100.0, guarded=True)
    assert np.all(np.diff(guarded.conservation_loss(x)) <= 0.0)


def test_one_vector_is_one_state_and_images_have_their_channels_last():
    network = learning.NoetherNetwork(mlp(2, 2), mlp(2, 1, seed=2), 1, 0.1)
    x = states()
    np.testing.assert_allclose(network(x[0]), network(x)[0], rtol=1e-12)
    rngs = nnx.Rngs(0)
    image = nnx.Conv(2, 2, (3, 3), param_dtype=F64, rngs=rngs)
    charge = nnx.Sequential(
        nnx.Conv(2, 1, (3, 3), param_dtype=F64, rngs=rngs), lambda h: h.mean((1, 2))
    )
    found = learning.NoetherNetwork(image, charge, 1, 0.1)(jnp.ones((3, 6, 6, 2)))
    assert found.shape == (3, 6, 6, 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((lambda x: x, lambda x: x, 1, 0.1), "must be a flax.nnx.Module, got function"),
        ((mlp(2, 2), 3.0, 1, 0.1), "must map a batch of states to numbers, got float"),
        ((mlp(2, 2), mlp(2, 1), -1, 0.1), "inner_steps ≥ 0"),
        ((mlp(2, 2), mlp(2, 1), 1, float("nan")), "inner_lr ≥ 0"),
    ],
)
def test_bad_parts_are_refused_in_one_sentence(arguments, says):
    with pytest.raises(LearningError, match=says):
        learning.NoetherNetwork(*arguments)


def test_a_filter_without_parameters_and_a_rollout_that_does_not_fit_are_refused():
    with pytest.raises(LearningError, match="has no parameters that match"):
        learning.NoetherNetwork(mlp(2, 2), mlp(2, 1), tailored=nnx.PathContains("scale"))
    with pytest.raises(LearningError, match="to states of that shape, got"):
        learning.NoetherNetwork(mlp(2, 3), mlp(2, 1), steps=2)(states())
    with pytest.raises(LearningError, match="'initial' or 'previous'"):
        learning.NoetherNetwork(mlp(2, 2), mlp(2, 1), against="first")


def test_a_known_hamiltonian_keeps_its_energy_to_the_integrator_order():
    energy = lambda z: 0.5 * z[:, 1:] ** 2 + 1.0 - jnp.cos(z[:, :1])  # noqa: E731
    x = states()
    gaps = [
        jnp.max(jnp.abs(energy(learning.HamiltonianNetwork(energy, 0.5, n)(x)) - energy(x)))
        for n in (4, 8)
    ]
    assert 16.0 < gaps[0] / gaps[1] < 64.0
    with pytest.raises(LearningError, match="as many momenta"):
        learning.HamiltonianNetwork(energy, 0.5)(jnp.ones((2, 3)))


def test_fitting_finds_a_linear_map_and_refuses_what_does_not_pair():
    matrix = np.random.default_rng(0).normal(size=(2, 3))
    x = states(40)
    model = nnx.Linear(2, 3, param_dtype=F64, rngs=nnx.Rngs(0))
    losses = learning.fit(model, x, x @ matrix, steps=800, learning_rate=0.05, batch=16)
    assert losses.shape == (800,)
    np.testing.assert_allclose(model.kernel[...], matrix, atol=1e-4)
    with pytest.raises(LearningError, match="40 inputs and 39 targets"):
        learning.fit(model, x, x[1:])
    with pytest.raises(LearningError, match=r"the model's outputs, \(40, 3\), got \(40, 2\)"):
        learning.fit(model, x, x)
    with pytest.raises(LearningError, match="at least one sample"):
        learning.fit(model, x[:0], x[:0])
    with pytest.raises(LearningError, match="could not be called with one array of shape"):
        learning.NoetherNetwork(model, lambda z: z[:, 0])(x[:, :1])
