"""What is conserved from layer to layer, against the identity that holds for every network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pinn import learning
from pinn.learning.layers import backward, forward, layers_of
from pinn.learning.program import trace

N = 24
ANGLES = np.arange(N) * 2 * np.pi / N
Y, X = np.meshgrid(ANGLES, ANGLES, indexing="ij")
IMAGES = 0.3 * np.stack([np.sin(X) + 0.3 * np.cos(Y), np.cos(X + Y)])[..., None]
TARGETS = np.stack([np.exp(np.cos(X - 1)) * np.sin(Y), np.sin(2 * X + Y)])[..., None]
SHIFTS = learning.Translation(axes=(0, 1))


def image_loss(outputs):
    return jnp.mean((outputs - jnp.asarray(TARGETS, outputs.dtype)) ** 2)


class Convolutions(nnx.Module):
    """Three circular convolutions with tanh between them, in a list."""

    def __init__(self, dtype=jnp.float64, padding="CIRCULAR"):
        options = {"padding": padding, "param_dtype": dtype, "rngs": nnx.Rngs(0)}
        sizes = [(1, 4), (4, 4), (4, 1)]
        self.layers = nnx.List([nnx.Conv(i, o, (3, 3), **options) for i, o in sizes])

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = jnp.tanh(layer(x))
        return self.layers[-1](x)


class Residual(nnx.Module):
    """x + b(tanh(a(x))), written in the model's own call, so that no module's input is a state."""

    def __init__(self, width=3, hidden=2, blocks=2):
        options = {"param_dtype": jnp.float64, "rngs": nnx.Rngs(1)}
        self.a = nnx.List([nnx.Linear(width, hidden, **options) for _ in range(blocks)])
        options["use_bias"] = False
        self.b = nnx.List([nnx.Linear(hidden, width, **options) for _ in range(blocks)])

    def __call__(self, x):
        for a, b in zip(self.a, self.b, strict=True):
            x = x + b(jnp.tanh(a(x)))
        return x


class Vectors(nnx.Module):
    """Mixes vectors and scales each by a function of its length: rotations commute with it."""

    def __init__(self, inputs, outputs):
        self.weights = nnx.Param(
            jnp.asarray(np.random.default_rng(2).normal(size=(inputs, outputs)))
        )

    def __call__(self, x):
        y = jnp.einsum("bcd,ce->bed", x, self.weights[...])
        return y * jnp.tanh(jnp.sqrt(jnp.sum(y**2, -1, keepdims=True)))


class Lengths(nnx.Module):
    def __call__(self, x):
        return jnp.sum(x**2, -1)


@pytest.fixture(scope="module")
def images():
    return learning.layer_invariants(Convolutions(), IMAGES, image_loss, SHIFTS)


def test_momentum_is_the_same_at_every_layer_of_convolutions(images):
    assert images.values.shape == (4, 2)
    assert images.states == ("input", "layers/0", "layers/1", "layers/2")
    assert images.spread < 1e-9 * np.abs(images.values).max()
    assert np.abs(images.values).max() > 1e-3
    assert np.abs(images.balance).max() < 1e-12


def test_its_charge_is_the_rate_of_the_loss_when_the_inputs_are_shifted(images):
    """By finite differences of a shift by trigonometric interpolation, which no layer knows of."""
    model = Convolutions()

    def shifted(distance):
        phase = np.exp(2j * np.pi * np.fft.fftfreq(N) * distance)[None, None, :, None]
        moved = np.fft.ifft(np.fft.fft(IMAGES, axis=2) * phase, axis=2).real
        return float(image_loss(model(jnp.asarray(moved))))

    slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4
    assert slope == pytest.approx(images.values[0, 1], rel=1e-6)


def test_single_precision_says_what_it_can_reach(images):
    inputs = IMAGES.astype(np.float32)
    found = learning.layer_invariants(Convolutions(jnp.float32), inputs, image_loss, SHIFTS)
    assert found.precision == "float32"
    assert 1e6 * images.accuracy < found.accuracy
    assert 0.0 < found.spread < 10 * found.accuracy
    assert "float32" in str(found)


def test_what_a_grid_cannot_resolve_is_said_and_the_balance_holds():
    noise = np.random.default_rng(0).normal(size=IMAGES.shape)
    found = learning.layer_invariants(Convolutions(), noise, image_loss, SHIFTS)
    jumps = np.diff(found.values, axis=0)
    np.testing.assert_allclose(jumps, -found.defects, atol=1e-15)
    assert np.abs(found.defects).max() > 1e-5
    assert np.abs(found.balance).max() < 1e-12


def test_zero_padding_is_refused_with_the_layer_and_the_size():
    with pytest.raises(
        learning.LearningError, match=r"'layers/0' has no known action.*by 3\.\de-01"
    ):
        learning.layer_invariants(Convolutions(padding="SAME"), IMAGES, image_loss, SHIFTS)


POINTS = np.random.default_rng(3).normal(size=(16, 3))
SPIN = np.array([[0.0, 1.0, 0.5], [-1.0, 0.0, 2.0], [-0.5, -2.0, 0.0]])


def point_loss(outputs):
    return 0.5 * jnp.mean(jnp.sum((outputs - jnp.asarray(np.cos(2 * POINTS))) ** 2, -1))


GROUPS = {
    "bias": learning.BiasShift(),
    "linear": learning.GeneralLinear(np.stack([SPIN, np.diag([1.0, 2.0, 3.0])])),
    "rotation": learning.Rotation(3),
}


def made_stationary(model):
    """Return a loss at which a model is stationary: its residual is what no parameter reaches."""
    graph, state = nnx.split(model)
    flat, unravel = jax.flatten_util.ravel_pytree(state)
    outputs = lambda p: nnx.merge(graph, unravel(p))(jnp.asarray(POINTS)).ravel()  # noqa: E731
    slopes = np.asarray(jax.jit(jax.jacfwd(outputs))(flat))
    reached = np.linalg.qr(slopes)[0]
    residual = np.cos(2 * POINTS).ravel()
    residual -= reached @ (reached.T @ residual)
    residual -= reached @ (reached.T @ residual)
    goal = jnp.asarray(np.asarray(outputs(flat)) - residual).reshape(POINTS.shape)
    return lambda o: 0.5 * jnp.sum((o - goal) ** 2)


@pytest.fixture(scope="module")
def stationary_loss():
    return made_stationary(Residual())


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_residual_blocks_conserve_where_they_are_stationary(stationary_loss, group):
    before = learning.layer_invariants(Residual(), POINTS, point_loss, group)
    assert np.abs(before.balance).max() < 1e-12
    assert before.spread > 1e-3
    np.testing.assert_allclose(-np.diff(before.values, axis=0), -before.corrections, atol=1e-13)
    after = learning.layer_invariants(Residual(), POINTS, stationary_loss, group)
    assert after.spread < 1e-9
    assert np.abs(after.values).max() > 1e-2
    assert np.abs(after.balance).max() < 1e-12


def test_the_charge_of_a_bias_shift_is_the_mean_gradient():
    model = Residual()
    found = learning.layer_invariants(model, POINTS, point_loss, learning.BiasShift())
    slope = jax.grad(lambda x: point_loss(model(x)))(jnp.asarray(POINTS))
    np.testing.assert_allclose(found.values[0], slope.sum(0), atol=1e-15)


def test_a_linear_layer_takes_up_every_linear_map():
    """Σ g xᵀ of a layer y = x W is G_W Wᵀ, whatever follows."""
    model = nnx.Linear(3, 3, param_dtype=jnp.float64, rngs=nnx.Rngs(0))
    found = learning.layer_invariants(model, POINTS, point_loss, learning.GeneralLinear())
    weights = model.kernel[...]
    slope = jax.grad(lambda w: point_loss(jnp.asarray(POINTS) @ w + model.bias[...][None]))(weights)
    np.testing.assert_allclose(found.values[0].reshape(3, 3), (weights @ slope.T).T, atol=1e-14)
    assert found.kinds == ("takes it up",)


def test_angular_momentum_of_equivariant_layers_and_of_invariants():
    vectors = np.random.default_rng(4).normal(size=(4, 5, 3))
    loss = lambda o: jnp.sum(o[..., 0] * o[..., 1] ** 2)  # noqa: E731
    model = nnx.Sequential(Vectors(5, 4), Vectors(4, 2))
    found = learning.layer_invariants(model, vectors, loss, learning.Rotation(3))
    assert found.values.shape == (3, 3)
    assert found.spread < 1e-13 * np.abs(found.values).max()
    ended = learning.layer_invariants(
        nnx.Sequential(Vectors(5, 4), Lengths()), vectors, jnp.sum, learning.Rotation(3)
    )
    assert ended.kinds == ("carries it on", "ends it")
    assert np.abs(ended.values).max() < 1e-13


def test_attention_without_places_is_translation_equivariant():
    options = {"param_dtype": jnp.float32, "rngs": nnx.Rngs(0), "decode": False}
    model = nnx.Sequential(nnx.MultiHeadAttention(2, 4, **options))
    words = (1.0 + np.sin(ANGLES[None, :, None] + np.arange(4.0))).astype(np.float32)
    found = learning.layer_invariants(
        model, words, lambda o: jnp.sum(o[:, 3] ** 2), learning.Translation((0,))
    )
    assert found.kinds == ("carries it on",)
    assert found.spread < 100 * found.accuracy
    shifted = learning.layer_invariants(model, words, jnp.sum, learning.BiasShift())
    assert shifted.kinds == ("takes it up",)
    assert np.abs(shifted.balance).max() < 100 * shifted.accuracy


def test_an_action_of_your_own_is_used_and_checked():
    class Own(nnx.Module):
        def __init__(self):
            self.slope = nnx.Param(jnp.asarray([1.0, 2.0, 0.5]))

        def __call__(self, x):
            return jnp.sin(self.slope[...][None] * x)

    group = learning.GeneralLinear(np.diag([1.0, 0.0, 0.0]))
    with pytest.raises(learning.LearningError, match="'model' has no known action"):
        learning.layer_invariants(Own(), POINTS, point_loss, group)
    taken = learning.Action(parameters=lambda p: {"slope": jnp.asarray([[-1.0, 0.0, 0.0]])})
    found = learning.layer_invariants(Own(), POINTS, point_loss, group, actions={"model": taken})
    assert np.abs(found.balance).max() < 1e-15
    wrong = learning.Action(parameters=lambda p: {"slope": jnp.asarray([[1.0, 0.0, 0.0]])})
    with pytest.raises(learning.LearningError, match="is not one"):
        learning.layer_invariants(Own(), POINTS, point_loss, group, actions={"model": wrong})
    with pytest.raises(learning.LearningError, match="There is no layer 'other'"):
        learning.layer_invariants(Own(), POINTS, point_loss, group, actions={"other": taken})


class Dropped(nnx.Module):
    """Draws at random until it is told not to."""

    def __init__(self):
        self.dropout = nnx.Dropout(0.5, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.dropout(x)


ALL = learning.Translation(axes=(0,))
WAVE = jnp.asarray(IMAGES[:, 0])
LOSSES = {
    "power": (lambda o: jnp.mean(o**2), True),
    "aliased": (lambda o: jnp.sum(jnp.exp(9.0 * o)), True),  # exact by whole cells only
    "against a target": (lambda o: jnp.sum((o - jnp.cos(WAVE)) ** 2), False),
    "one cell": (lambda o: jnp.sum(o[:, 3] ** 2), False),
    "every fourth cell": (lambda o: jnp.sum(o[:, ::4] ** 4), False),
}


@pytest.mark.parametrize(("loss", "kept"), LOSSES.values(), ids=LOSSES)
def test_a_loss_that_is_not_invariant_is_said_with_its_defect(loss, kept):
    model = nnx.Conv(1, 1, (3,), padding="CIRCULAR", param_dtype=jnp.float64, rngs=nnx.Rngs(0))
    found = learning.layer_invariants(model, WAVE, loss, ALL)
    assert (found.loss_defect < 1e-10) == kept
    assert ("the loss is invariant" in str(found)) == kept
    if kept:
        learning.layer_invariants(model, WAVE, loss, ALL, invariant=True)
        return
    assert found.loss_defect > 1e-3
    said = rf"changes along it by {found.loss_defect:.1e}"
    with pytest.raises(learning.LearningError, match=said):
        learning.layer_invariants(model, WAVE, loss, ALL, invariant=True)


def test_parameters_of_single_precision_bound_the_accuracy():
    model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    found = learning.layer_invariants(model, POINTS, jnp.sum, learning.GeneralLinear())
    assert found.precision == "float32"
    assert 1e-10 < np.abs(found.balance).max() < 10 * found.accuracy


@pytest.mark.parametrize(
    ("model", "inputs", "loss", "group", "said"),
    [
        (Convolutions, IMAGES, lambda o: o, SHIFTS, "must return one scalar, got shape"),
        (Convolutions, IMAGES, lambda o: (o.sum(), 1.0), SHIFTS, "must return one scalar"),
        (
            Residual,
            POINTS,
            lambda o: o.astype(complex).sum(),
            learning.BiasShift(),
            "of type complex128",
        ),
        (Residual, POINTS, lambda o: jnp.log(-(o**2).sum()), learning.BiasShift(), "loss is nan"),
        (
            Residual,
            POINTS,
            lambda o: (o - 1.0) @ jnp.ones((5, 1)),
            learning.BiasShift(),
            "outputs of",
        ),
        (Residual, POINTS, None, learning.BiasShift(), "must be a function of the outputs"),
        (Residual, POINTS[:0], point_loss, learning.BiasShift(), "at least one sample"),
        (Residual, POINTS[0], point_loss, learning.BiasShift(), "add a batch axis"),
        (Residual, POINTS[:, :2], point_loss, learning.BiasShift(), "could not be called with one"),
        (Residual, POINTS * np.nan, point_loss, learning.BiasShift(), "inputs= must be finite"),
        (Residual, POINTS.astype(int), point_loss, learning.BiasShift(), "of type int64"),
        (Residual, "abc", point_loss, learning.BiasShift(), "one array of numbers"),
        (Residual, POINTS, point_loss, learning.BiasShift, "called with its arguments"),
        (lambda: jnp.tanh, POINTS, point_loss, learning.BiasShift(), "must be a flax.nnx.Module"),
        (Dropped, POINTS, point_loss, learning.BiasShift(), r"call model.eval\(\) first"),
        (Convolutions, IMAGES, image_loss, learning.Rotation(2), "no grid of pixels"),
        (Convolutions, IMAGES, image_loss, learning.Translation((0, 1, 2)), "3 space axes or more"),
        (Residual, POINTS, point_loss, learning.Rotation(2), "which has 3 entries"),
        (Residual, POINTS, point_loss, learning.GeneralLinear(np.eye(5)), "have 5 rows"),
    ],
)
def test_what_cannot_be_is_said(model, inputs, loss, group, said):
    with pytest.raises(learning.LearningError, match=said):
        learning.layer_invariants(model(), inputs, loss, group)


def test_the_states_are_what_carries_everything():
    """A gradient through the layers is that of the model, and a residual block is one layer."""
    model = Residual()
    layers = layers_of(trace(model, jnp.asarray(POINTS)))
    assert [layer.name for layer in layers] == ["a/0", "a/1"]
    slopes, _ = backward(layers, forward(layers, jnp.asarray(POINTS)), point_loss)
    direct = jax.grad(lambda x: point_loss(model(x)))(jnp.asarray(POINTS))
    np.testing.assert_allclose(slopes[0], direct, atol=1e-16)
