"""How time is cut, and the ansatz inside one window."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

import pinn
from pinn.errors import RecipeError
from pinn.jets import JetSpace, prolong
from pinn.networks.marching import MarchingState, marching_jet
from pinn.networks.mlp import Network, build_mlp
from pinn.networks.window import Window, hard_start, window_jet
from pinn.training.march import STRETCH, _clip, _end
from pinn.training.windows import Adaptive, Attempt, Controlled, Uniform

SEEDS = st.integers(0, 2**32 - 1)
DOUBLE = "float64"


def attempt(residual, length=1.0, reachable=0.0, steps=10):
    return Attempt(length, 0.1 * length, residual, reachable, steps)


def test_uniform_windows_are_even_and_accepted_as_they_come():
    rule = Uniform(4, tolerance=1e-3)
    assert rule.first(10.0, 1e-9) == 2.5 and rule.target(DOUBLE) == 1e-3
    tried = [attempt(1e9, 2.5)]
    assert rule.retry(tried, DOUBLE) is None and rule.following(tried, DOUBLE) == 2.5


@pytest.mark.parametrize(
    ("span", "scale", "expected"), [(10.0, 4.0, 1.0), (10.0, 1e3, 10.0), (10.0, 1e-12, 1e-6)]
)
def test_first_adaptive_window_follows_the_time_scale(span, scale, expected):
    assert Adaptive().first(span, scale) == pytest.approx(expected)


def test_adaptive_tolerance_follows_the_precision_unless_given():
    assert Adaptive().target("float64") < 1e-10 < Adaptive().target("float32")
    assert Adaptive(tolerance=1e-4).target("float64") == 1e-4


@settings(max_examples=50)
@given(
    residual=st.floats(1e-16, 1e3),
    length=st.floats(1e-3, 10.0),
    tolerance=st.floats(1e-12, 1e-2),
    steps=st.integers(1, 60),
)
def test_adaptive_windows_shorten_when_missed_and_grow_when_easy(
    residual, length, tolerance, steps
):
    rule = Adaptive(tolerance=tolerance)
    tried = [attempt(residual, length, steps=steps)]
    shorter, following = rule.retry(tried, DOUBLE), rule.following(tried, DOUBLE)
    if residual <= tolerance:
        assert shorter is None
        assert 0.7 * length <= following <= 1.3 * length
        assert np.sign(following - length) == np.sign(rule.aim - steps)
    else:
        assert 0.3 * length <= shorter <= 0.8 * length


def test_adaptive_windows_do_not_grow_right_after_a_failure():
    rule = Adaptive(tolerance=1e-6)
    assert rule.following([attempt(1e-3), attempt(1e-12, 0.5, steps=1)], DOUBLE) == 0.5


@pytest.mark.parametrize("residual", [math.inf, math.nan])
def test_adaptive_windows_shorten_where_nothing_is_finite(residual):
    tried = [attempt(residual, 2.0)] * 5
    assert Adaptive().retry(tried, DOUBLE) == pytest.approx(0.6)


def test_adaptive_windows_give_in_where_shortening_no_longer_helps():
    """Close to the goal, and a third attempt without progress."""
    rule = Adaptive(tolerance=1e-12)
    stagnant = [attempt(2e-11, 1.0), attempt(1.9e-11, 0.8), attempt(1.8e-11, 0.6)]
    assert rule.retry(stagnant, DOUBLE) is None
    falling = [attempt(2e-9, 1.0), attempt(1.9e-10, 0.8), attempt(1.8e-11, 0.6)]
    assert rule.retry(falling, DOUBLE) is not None
    far = [attempt(2e-2, 1.0), attempt(1.9e-2, 0.8), attempt(1.8e-2, 0.6)]
    assert rule.retry(far, DOUBLE) is not None


def test_adaptive_windows_do_not_ask_for_more_than_can_be_reached():
    rule = Adaptive(tolerance=1e-12)
    assert rule.retry([attempt(5e-9)], DOUBLE) is not None
    assert rule.retry([attempt(5e-9, reachable=1e-9)], DOUBLE) is None


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Uniform(0), "count of at least 1, got 0"),
        (lambda: Adaptive(tolerance=0.0), "tolerance must be positive, got 0.0"),
        (lambda: Network(width=0), "needs width ≥ 1, got 0"),
        (lambda: Network(activation="relu"), "Unknown activation 'relu': choose one of tanh, sine"),
        (lambda: pinn.Recipe(points=0), "points= must be at least 4, got 0"),
        (lambda: pinn.Recipe(steps=0), "steps= must be at least 1, got 0"),
        (lambda: pinn.Recipe(chunk=0), "chunk= must be at least 1, got 0"),
        (lambda: pinn.Recipe(conservation=-1.0), "conservation= takes a weight ≥ 0, got -1.0"),
        (lambda: pinn.Recipe(precision="float16"), "precision= is 'float64' or 'float32'"),
    ],
)
def test_impossible_recipes_are_refused(build, message):
    with pytest.raises(RecipeError, match=message):
        build()


@settings(max_examples=100)
@given(
    breakpoints=st.lists(st.floats(0.01, 0.99), max_size=3, unique=True).map(sorted),
    length=st.floats(0.01, 3.0),
    growth=st.floats(0.5, 1.5),
)
def test_windows_end_exactly_at_breakpoints_and_at_the_end(breakpoints, length, growth):
    """Whatever lengths a rule asks for, and none is left over."""
    interval = pinn.Interval(0.0, 1.0, tuple(breakpoints))
    time, ends = 0.0, []
    while time < interval.upper:
        taken = _clip(interval, time, length)
        assert 0.0 < taken <= length * (STRETCH + 1e-8)
        time = _end(interval, time, taken)
        ends.append(time)
        length = max(length * growth, 0.01)
        assert len(ends) < 10_000
    assert ends == sorted(ends) and ends[-1] == 1.0
    assert set(interval.breakpoints) <= set(ends)


def test_windows_that_each_ask_to_be_shorter_come_to_an_end():
    interval, time, length, count = pinn.Interval(0.0, 1.0), 0.0, 0.3, 0
    while time < interval.upper:
        taken = _clip(interval, time, length)
        time, length, count = _end(interval, time, taken), 0.9 * taken, count + 1
        assert count < 20


def test_controlled_windows_shorten_where_time_limits_them_only():
    rule = Controlled(tolerance=1e-5, order=5)
    missed = attempt(1e-4, 0.5)
    shorter = rule.retry([missed], DOUBLE)
    assert shorter is not None and 0.1 <= shorter <= 0.35
    better = attempt(1e-6 * shorter, shorter)
    assert rule.retry([missed, better], DOUBLE) is None
    # Over the span the residual stayed as it was: space limits it, and the length is kept.
    same = attempt(1e-4 * shorter / 0.5, shorter)
    assert rule.retry([missed, same], DOUBLE) is None
    assert rule.following([missed, same], DOUBLE) == 0.5


SPACE = JetSpace.of(("t",), {"u": (), "q": (2,)})
SHAPES = SPACE.fields
GRAPH, STATE = nnx.split(build_mlp(1, 3, Network(width=6, depth=2), np.float64, 0))
LENGTH = 0.7


def drawn(seed):
    """Random parameters in every layer, and Taylor data of order 2 for u and 3 for q."""
    generator = np.random.default_rng(seed)
    normal = lambda *shape: jnp.asarray(generator.normal(size=shape))  # noqa: E731
    parameters = jax.tree.map(lambda leaf: normal(*leaf.shape), STATE)
    scale = {"u": jnp.asarray(1.7), "q": jnp.asarray(0.4)}
    taylor = {"u": normal(3), "q": normal(4, 2)}
    return parameters, Window(jnp.asarray(0.0), jnp.asarray(LENGTH), taylor, scale)


@jax.jit
def start_of(parameters, window):
    fields = hard_start(nnx.merge(GRAPH, parameters), window, SHAPES)
    names = ("u", "u_t", "u_tt", "u_ttt", "q", "q_t", "q_tt", "q_ttt")
    return window_jet(fields, SPACE, "t", names, window.start)(jnp.zeros(()))


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_start_is_exact_whatever_the_network_is(seed):
    """Value, velocity, acceleration, and the third derivative for the field of third order."""
    parameters, window = drawn(seed)
    jet = start_of(parameters, window)
    for order in range(3):
        name = "u_" + "t" * order if order else "u"
        np.testing.assert_allclose(jet[name], window.taylor["u"][order], rtol=1e-15)
    for order in range(4):
        name = "q_" + "t" * order if order else "q"
        np.testing.assert_allclose(jet[name], window.taylor["q"][order], rtol=1e-15)
    model = nnx.merge(GRAPH, parameters)
    third = 6.0 * window.scale["u"] / LENGTH**3 * model(-jnp.ones(1))[0]
    np.testing.assert_allclose(jet.u_ttt, third, rtol=1e-12)


def test_fresh_network_is_the_taylor_polynomial():
    window = drawn(1)[1]
    fields = hard_start(nnx.merge(GRAPH, STATE), window, SHAPES)
    s = 0.45
    values = fields(jnp.asarray(s))
    u = sum(window.taylor["u"][k] * s**k / math.factorial(k) for k in range(3))
    q = sum(window.taylor["q"][k] * s**k / math.factorial(k) for k in range(4))
    np.testing.assert_allclose(values["u"], u, rtol=1e-14)
    np.testing.assert_allclose(values["q"], q, rtol=1e-14)


def test_ansatz_at_a_point():
    parameters, window = drawn(2)
    model = nnx.merge(GRAPH, parameters)
    values = hard_start(model, window, SHAPES)(jnp.asarray(0.28))
    share = 0.28 / LENGTH
    learned = model(jnp.array([2.0 * share - 1.0]))
    polynomial = sum(window.taylor["u"][k] * 0.28**k / math.factorial(k) for k in range(3))
    expected = polynomial + 1.7 * share**3 * learned[0]
    np.testing.assert_allclose(values["u"], expected, rtol=1e-13)
    cubic = sum(window.taylor["q"][k] * 0.28**k / math.factorial(k) for k in range(4))
    np.testing.assert_allclose(values["q"], cubic + 0.4 * share**4 * learned[1:], rtol=1e-13)


@pytest.mark.parametrize("start", [0.0, 1e3, 1e9])
def test_derivatives_keep_their_digits_late_in_time(start):
    """In elapsed time; as a function of t itself, 1e9 + s would have lost half the digits."""
    parameters, window = drawn(3)
    fields = hard_start(nnx.merge(GRAPH, parameters), window, SHAPES)
    names = ("t", "u", "u_tt", "q_t")
    elapsed = jnp.asarray(0.3)
    late = window_jet(fields, SPACE, "t", names, jnp.asarray(start))(elapsed)
    early = prolong(fields, SPACE, names)(elapsed)
    assert late.t == start + elapsed
    for name in names[1:]:
        np.testing.assert_array_equal(late[name], early[name])


def test_jet_holds_time_only_if_asked():
    fields = lambda s: {"u": s**2, "q": jnp.stack([s, s])}  # noqa: E731
    at = window_jet(fields, SPACE, "t", ("u_t",), jnp.asarray(5.0))
    assert set(at(jnp.asarray(0.5))) == {"u_t"}


def test_march_uses_the_window_that_holds_the_time():
    """At a joint the later one; before the first and after the last it extrapolates."""
    space = JetSpace.of(("t",), {"u": ()})
    graph, state = nnx.split(build_mlp(1, 1, Network(width=2), np.float64, 0))
    starts = [0.0, 1.0, 1.5]
    windows = [
        Window(
            jnp.asarray(s), jnp.asarray(0.5), {"u": jnp.array([float(k), 1.0])}, {"u": jnp.ones(())}
        )
        for k, s in enumerate(starts)
    ]
    stack = lambda *leaves: jnp.stack(leaves)  # noqa: E731
    march = MarchingState(jax.tree.map(stack, *windows), jax.tree.map(stack, *[state] * 3))
    assert march.count == 3
    jet_at = jax.jit(jax.vmap(marching_jet(graph, space, "t", ("u", "t")), in_axes=(None, 0)))
    times = jnp.array([-0.25, 0.0, 0.75, 1.0, 1.25, 1.5, 3.0])
    expected = [-0.25, 0.0, 0.75, 1.0, 1.25, 2.0, 3.5]
    jets = jet_at(march, times)
    np.testing.assert_allclose(jets.u, expected, rtol=1e-15)
    np.testing.assert_allclose(jets.t, times, rtol=1e-15)


def test_seeds_and_types_of_fresh_networks():
    fresh = lambda seed: nnx.split(build_mlp(1, 2, Network(width=4), np.float64, seed))[1]  # noqa: E731
    first, again, other = fresh(0), fresh(0), fresh(1)
    leaves = lambda state: [np.asarray(leaf) for leaf in jax.tree.leaves(state)]  # noqa: E731
    assert all(np.array_equal(a, b) for a, b in zip(leaves(first), leaves(again), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(leaves(first), leaves(other), strict=True))
    assert {leaf.dtype for leaf in leaves(first)} == {np.dtype("float64")}
    single = nnx.split(build_mlp(1, 2, Network(width=4, activation="sine"), np.float32, 0))[1]
    assert {leaf.dtype for leaf in leaves(single)} == {np.dtype("float32")}


def test_controlled_windows_grow_where_rounding_limits_them():
    """A measure that does not follow the length says nothing against longer windows."""
    rule = Controlled(tolerance=1e-12, order=13)
    before, last = attempt(3.3e-14, 1.1), attempt(3e-14, 1.0)
    assert rule.following([last], DOUBLE) < 1.0
    assert rule.following([last], DOUBLE, before) == pytest.approx(1.2)
    steep = attempt(3e-14 * 1.1**14, 1.1)  # it fell as time alone makes it fall
    assert rule.following([last], DOUBLE, steep) == rule.following([last], DOUBLE)
    retried = [attempt(1e-12, 1.3), last]
    assert rule.following(retried, DOUBLE, before) < 1.0


def test_what_is_asked_of_unseen_points_follows_the_tolerance():
    assert Controlled(tolerance=1e-7).accuracy(DOUBLE) == pytest.approx(1e-5)
    assert Adaptive().accuracy(DOUBLE) == pytest.approx(1e-9)
    assert Adaptive(tolerance=1e-8).accuracy("float32") == pytest.approx(1e-5)
    assert Uniform(4).accuracy(DOUBLE) == 1e-3
    assert Uniform(4, tolerance=1e-11).accuracy(DOUBLE) == pytest.approx(1e-6)
