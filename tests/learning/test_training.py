"""What is conserved over training: symmetries found, and the exact laws of learning rules."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from pinn import learning
from pinn.learning.flat import FlatModel, flat_of

REAL = {"param_dtype": jnp.float64}
X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.sin(X[:, :2])


def linear(i, o, seed=0, **options):
    return nnx.Linear(i, o, rngs=nnx.Rngs(seed), **REAL, **options)


class Factorised(nnx.Module):
    """W = V diag(eˢ): random weight factorisation."""

    def __init__(self, inputs, outputs):
        self.log_scale = nnx.Param(jnp.full(outputs, 0.1))
        weights = np.random.default_rng(1).normal(size=(inputs, outputs))
        self.weights = nnx.Param(jnp.asarray(weights))

    def __call__(self, x):
        return x @ (self.weights[...] * jnp.exp(self.log_scale[...])[None])


def relu_model():
    return nnx.Sequential(linear(3, 4), nnx.relu, linear(4, 2, 1))


def normalised_model(epsilon=1e-6):
    norm = nnx.LayerNorm(
        4, epsilon=epsilon, use_scale=False, use_bias=False, rngs=nnx.Rngs(0), **REAL
    )
    return nnx.Sequential(linear(3, 4, use_bias=False), norm, jnp.tanh, linear(4, 2, 1))


def squared(x):
    return nnx.relu(x) ** 2


FOUND = {
    "relu": (relu_model, {"rescale": 4}, 4),
    "squared relu": (
        lambda: nnx.Sequential(linear(3, 2), squared, linear(2, 2)),
        {"rescale": 2},
        2,
    ),
    "linear": (
        lambda: nnx.Sequential(linear(3, 2, use_bias=False), linear(2, 3, use_bias=False)),
        {"rescale": 2, "linear": 1},
        3,
    ),
    "tanh": (lambda: nnx.Sequential(linear(3, 2), jnp.tanh, linear(2, 2)), {}, 0),
    "factorised": (
        lambda: nnx.Sequential(Factorised(3, 2), jnp.tanh, linear(2, 2)),
        {"factorisation": 2},
        2,
    ),
    "normalised": (normalised_model, {"translation": 3, "scale": 1}, 3),
}


@pytest.mark.parametrize(("make", "kinds", "possible"), FOUND.values(), ids=FOUND)
def test_all_laws_that_the_lie_algebra_allows_are_found(make, kinds, possible):
    charges = learning.conserved(make())
    found = [s.kind for s in charges.symmetries]
    assert {k: found.count(k) for k in dict.fromkeys(found)} == kinds
    assert charges.possible == possible == charges.exact


def cross_entropy(outputs):
    return -jnp.mean(jax.nn.log_softmax(outputs)[:, 0])


def test_softmax_adds_a_translation_for_every_input_of_the_last_layer():
    model = nnx.Sequential(linear(3, 2), jnp.tanh, linear(2, 2))
    found = learning.symmetries(model, X, cross_entropy)
    assert [s.kind for s in found] == ["translation"] * 3
    assert learning.independent_laws(model, X, cross_entropy) == 3


def test_attention_and_single_precision():
    model = nnx.Sequential(
        nnx.Linear(3, 2, rngs=nnx.Rngs(0)), nnx.relu, nnx.Linear(2, 2, rngs=nnx.Rngs(1))
    )
    assert [s.kind for s in learning.symmetries(model)] == ["rescale"] * 2
    heads = nnx.MultiHeadAttention(1, 2, decode=False, rngs=nnx.Rngs(0))
    names = [s.name for s in learning.symmetries(heads, np.ones((2, 5, 2)) * np.arange(2.0))]
    assert any("query" in n and "key" in n for n in names)
    assert any("value" in n and "out" in n for n in names)


def test_a_claim_that_the_loss_does_not_bear_out_is_refused_with_its_defect():
    claimed = learning.symmetries(relu_model())
    other = nnx.Sequential(linear(3, 4), jnp.tanh, linear(4, 2, 1))
    with pytest.raises(
        learning.LearningError, match=r"not invariant under 'rescale.*is \d\.\de-0\d"
    ):
        learning.conserved(other, symmetries=claimed)
    with pytest.raises(learning.LearningError, match="must return one scalar"):
        learning.symmetries(relu_model(), X, lambda o: o)
    with pytest.raises(learning.LearningError, match="could not be called with one array"):
        learning.symmetries(relu_model(), X[:, :2])
    with pytest.raises(learning.LearningError, match=r"must be a flax\.nnx\.Module, got the class"):
        learning.symmetries(nnx.Linear)
    with pytest.raises(learning.LearningError, match="gives other outputs"):
        learning.symmetries(
            nnx.Sequential(linear(3, 2), nnx.Dropout(0.5, rngs=nnx.Rngs(0)), linear(2, 2))
        )
    with pytest.raises(learning.LearningError, match=r"must be learning\.Symmetry objects"):
        learning.conserved(relu_model(), symmetries=["scale"])
    with pytest.raises(learning.LearningError, match=r"must be an nnx\.Optimizer"):
        learning.monitor("adam")
    with pytest.raises(learning.LearningError, match="No shape of inputs was found"):
        learning.symmetries(nnx.Sequential(linear(3, 4), lambda x: x.reshape(7, 9)))
    with pytest.raises(learning.LearningError, match="has others"):
        learning.conserved(relu_model())(nnx.Sequential(linear(3, 2)))


@pytest.fixture(scope="module")
def slope():
    return nnx.jit(nnx.grad(lambda m: jnp.mean((m(jnp.asarray(X)) - jnp.asarray(Y)) ** 2)))


@pytest.fixture(scope="module")
def charges():
    return learning.conserved(relu_model())


def trained(optimiser, charges, slope, steps=40, model=None):
    model = model or relu_model()
    watched = learning.monitor(optimiser, charges)
    for _ in range(steps):
        watched.update(model, slope(model))
    return watched


RULES = {
    "descent": optax.sgd(0.05),
    "weight decay": optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.05)),
    "momentum": optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.05, momentum=0.9)),
    "dampening": learning.LearningRule(0.05, 0.8, 0.1, 0.3),
    "schedule": optax.sgd(optax.cosine_decay_schedule(0.1, 100)),
}


@pytest.mark.parametrize("optimiser", RULES.values(), ids=RULES)
def test_charges_follow_the_rule_to_round_off(optimiser, charges, slope):
    watched = trained(optimiser, charges, slope)
    assert np.abs(watched.gap).max() < 1e-13
    assert np.abs(watched.drift).max() > 1e-4


@pytest.mark.parametrize("optimiser", [optax.adam(0.05), optax.sgd(0.05, 0.9, nesterov=True)])
def test_other_optimisers_break_them_by_what_is_said(optimiser, charges, slope):
    watched = trained(optimiser, charges, slope)
    assert watched.rule is None
    assert np.abs(watched.gap).max() > 0.05


def test_descent_drifts_by_the_squares_of_its_gradients(slope):
    """s − ½ ‖V‖² loses ½ η² ‖g_V‖² a step, by the gradients themselves."""
    model = nnx.Sequential(Factorised(3, 2))
    optimiser = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)
    watched, due = learning.monitor(optimiser), []
    for _ in range(20):
        grads = slope(model)
        due.append(-0.5 * 0.1**2 * np.sum(grads["layers"][0]["weights"][...] ** 2, 0))
        watched.update(model, grads)
    np.testing.assert_allclose(np.diff(watched.charge, axis=0), due, atol=1e-15)
    assert watched.rule == learning.LearningRule(0.1)


def cost_of(model):
    flat = FlatModel(model, X, lambda o: jnp.mean((o - jnp.asarray(Y)) ** 2))
    return lambda p: flat.cost(p, jnp.asarray(X), jnp.zeros(()))


@pytest.mark.parametrize(
    ("solver", "order"), [(diffrax.Euler(), 1), (diffrax.Heun(), 2), (diffrax.Bosh3(), 3)]
)
def test_gradient_flow_conserves_to_the_order_of_its_integrator(solver, order):
    model = nnx.Sequential(linear(3, 2, use_bias=False), linear(2, 2, use_bias=False))
    law = learning.symmetries(model)[-1]
    start, cost = flat_of(model), cost_of(model)

    def drift(steps):
        ends = learning.gradient_flow(cost, start, np.array([0.0, 2.0]), steps=steps, solver=solver)
        return abs(float(law.charge(np.asarray(ends[-1])) - law.charge(start)))

    rate = np.log2(drift(20) / drift(40))
    assert order - 0.4 < rate < order + 1.4


@pytest.mark.parametrize("stiffness", [1.0, 100.0])
def test_momentum_makes_a_damped_oscillator_of_a_softmax_translation(stiffness):
    """Exact recursion beside the closed form, to first order in the rate; over and underdamped."""
    model, gaps = nnx.Sequential(linear(3, 2)), []
    law = learning.conserved(model, X, cross_entropy)
    slope = nnx.jit(nnx.grad(lambda m: cross_entropy(m(jnp.asarray(X)))))
    for rate in (1e-2, 5e-3):
        rule = learning.LearningRule(rate, 1.0 - 4.0 * rate, stiffness * rate)
        model = nnx.Sequential(linear(3, 2))
        steps = round(1.0 / rate)
        watched = trained(rule, law, slope, steps, model)
        assert np.abs(watched.gap).max() < 1e-12
        times = rule.step * np.arange(steps + 1)
        smooth = rule.oscillator(times, watched.charge[0, 1], 0.0)
        gaps.append(np.abs(watched.charge[:, 1] - smooth).max() / np.abs(smooth).max())
    assert gaps[0] < 0.1
    assert 1.6 < gaps[0] / gaps[1] < 2.4


def test_kinetic_symmetry_breaking_is_the_whole_change_of_momentum():
    model = normalised_model(epsilon=0.0)
    found = learning.symmetries(model)
    rule, start = learning.LearningRule(0.1, 0.9), flat_of(model)
    speed = np.random.default_rng(0).normal(size=start.size)
    times = np.linspace(0.0, 1.0, 5)
    law = learning.kinetic_balance(cost_of(model), found, rule, start, speed, times, steps=800)
    assert np.abs(law.gap).max() < 1e-9
    kinds = [s.kind for s in found]
    assert np.abs(law.work[:, kinds.index("scale")]).max() > 1e-2
    assert np.abs(law.work[:, kinds.index("translation")]).max() == 0.0


def test_kinetic_law_is_measured_on_the_steps_of_an_optimiser():
    """Exactly, at a large rate: central differences are the rule's own equation of motion."""
    cost, found = cost_of(relu_model()), learning.symmetries(relu_model())
    slope, rule = jax.jit(jax.grad(cost)), learning.LearningRule(0.1, 0.9)
    flat, trail, path = jnp.asarray(flat_of(relu_model())), 0.0, []
    for _ in range(30):
        path.append(np.asarray(flat))
        trail = rule.momentum * trail + slope(flat)
        flat = flat - rule.rate * trail
    sides = learning.measured_balance(np.array(path), found, rule)
    np.testing.assert_allclose(sides.left, sides.right, atol=1e-12 * np.abs(sides.right).max())
    other = learning.measured_balance(np.array(path), found, learning.LearningRule(0.1, 0.8))
    assert np.abs(other.left - other.right).max() > 0.1 * np.abs(other.right).max()


RISING = np.array([0.0, 1.0])
RULE = learning.LearningRule(0.1, 0.5)
ONES = jnp.ones(3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: learning.gradient_flow(jnp.sum, ONES, RISING[::-1], steps=5), "that rise"),
        (lambda: learning.gradient_flow(jnp.sum, ONES, RISING, steps=0), "steps=0"),
        (lambda: learning.gradient_flow(jnp.sin, ONES, RISING, steps=5), "one scalar"),
        (lambda: learning.kinetic_balance(jnp.sum, (), RULE, ONES, ONES, RISING), "holds none"),
        (lambda: learning.measured_balance(np.ones((2, 3)), (), RULE), "3 steps or more"),
        (lambda: learning.measured_balance(np.ones((5, 3)), relu_laws(), RULE), "more than 3"),
        (
            lambda: learning.measured_balance(
                np.ones((5, 26)), relu_laws(), learning.LearningRule(0.1, 0.5, 0.1)
            ),
            "without weight decay",
        ),
    ],
)
def test_flows_and_laws_that_cannot_be_are_refused(call, said):
    with pytest.raises(learning.LearningError, match=said):
        call()


def relu_laws():
    return learning.symmetries(relu_model())


def test_effective_rate_of_a_normalised_layer(slope):
    """η/‖θ‖² falls as the norm grows, and the law has it to round-off."""
    model = normalised_model(epsilon=0.0)
    found = learning.conserved(model)
    scale = [s.kind for s in found.symmetries].index("scale")
    with jax.numpy_dtype_promotion("standard"):  # Flax normalises in single precision and up
        watched = trained(optax.sgd(0.5), found, slope, 30, normalised_model(epsilon=0.0))
    rates = watched.effective_rate(scale)
    np.testing.assert_allclose(rates[:, 0], rates[:, 1], rtol=1e-12)
    assert rates[-1, 0] < rates[0, 0]
    with pytest.raises(learning.LearningError, match="belongs to a scale charge"):
        watched.effective_rate(0)
