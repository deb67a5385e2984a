"""Blocks of rows: their weights, their Jacobian, and the rows of equations and charges."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pinn
from pinn import symmetry
from pinn.jets import Jet, JetSpace, prolong
from pinn.networks.window import Window
from pinn.training.conservation import Penalty
from pinn.training.machinery import machinery
from pinn.training.objective import Block, Objective
from pinn.training.rows import SLICE, Nodes, Stage, charge_block, equation_block

SPACE = JetSpace.of(("t",), {"u": (), "q": (2,)})
POINTS, PARAMETERS = 7, 5


def random_objective(mixing, weights, target):
    """Three blocks on one jet: plain, combined with a target, and a choice of points."""

    def jet_at(parameters, point):
        u = jnp.sin(point * parameters[0]) * parameters[1] ** 2
        q = jnp.stack([jnp.exp(parameters[2] * point), parameters[3] * parameters[4] + point])
        return Jet(SPACE, {"u": u, "q": q, "t": point})

    blocks = [
        Block("plain", lambda j: j.q * j.u, 2, weight=weights[0]),
        Block(
            "combined",
            lambda j: jnp.stack([j.u, j.q[0] ** 2, j.t]),
            3,
            lambda values: mixing @ values,
            target,
            weights[1],
        ),
        Block("chosen", lambda j: j.q[1:] + j.u, 1, lambda v: v[2::3], None, weights[2]),
    ]
    return Objective(blocks, jet_at, jnp.linspace(0.1, 1.3, POINTS))


@jax.jit
def both(mixing, weights, target, parameters):
    objective = random_objective(mixing, weights, target)
    rows, jacobian = objective.linearise(parameters)
    by_autodiff = objective.rows(parameters), jax.jacrev(objective.rows)(parameters)
    gradient = jax.grad(objective.loss)(parameters)
    return rows, jacobian, by_autodiff, objective.loss(parameters), gradient


def drawn(seed):
    generator = np.random.default_rng(seed)
    normal = lambda *shape: jnp.asarray(generator.normal(size=shape))  # noqa: E731
    weights = jnp.asarray(generator.uniform(0.1, 4.0, 3))
    return normal(4, POINTS), weights, normal(4, 3), normal(PARAMETERS)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_linearisation_is_the_jacobian_of_the_rows(seed):
    rows, jacobian, (expected, slopes), loss, gradient = both(*drawn(seed))
    assert rows.shape == (2 * POINTS + 4 * 3 + 2,)
    np.testing.assert_allclose(rows, expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(jacobian, slopes, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(loss, 0.5 * jnp.sum(rows**2), rtol=1e-14)
    np.testing.assert_allclose(gradient, rows @ jacobian, rtol=1e-11, atol=1e-12)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_loss_is_half_the_weighted_sum_of_mean_squares(seed):
    mixing, weights, target, parameters = drawn(seed)
    objective = random_objective(mixing, weights, target)
    jets = jax.vmap(partial(objective.jet_at, parameters))(objective.points)
    plain = jets.q * jets.u[:, None]
    combined = mixing @ jnp.stack([jets.u, jets.q[:, 0] ** 2, jets.t], axis=1) - target
    chosen = (jets.q[:, 1] + jets.u)[2::3]
    means = jnp.stack([jnp.mean(block**2) for block in (plain, combined, chosen)])
    loss = both(mixing, weights, target, parameters)[3]
    np.testing.assert_allclose(loss, 0.5 * weights @ means, rtol=1e-13)


def test_loss_does_not_depend_on_how_many_points_repeat_it():
    """A mean, not a sum: twice the points leave it as it is."""
    jet_at = lambda parameters, point: Jet(SPACE, {"u": parameters[0] * point})  # noqa: E731
    block = Block("b", lambda j: j.u[None], 1, weight=3.0)
    points = jnp.array([0.5, 1.0, 2.0])
    losses = [
        Objective([block], jet_at, p).loss(jnp.array([1.5]))
        for p in (points, jnp.concatenate([points, points]))
    ]
    np.testing.assert_allclose(losses, 0.5 * 3.0 * 1.5**2 * (0.25 + 1.0 + 4.0) / 3.0, rtol=1e-15)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 17, 32])
def test_nodes_integrate_polynomials_exactly(count):
    nodes = Nodes.gauss_legendre(count)
    assert np.all((nodes.points > 0.0) & (nodes.points < 1.0)) and np.all(nodes.weights > 0.0)
    for degree in range(2 * count):
        exact = 1.0 / (degree + 1)
        np.testing.assert_allclose(nodes.weights @ nodes.points**degree, exact, rtol=1e-13)
    for degree in range(count):
        running = nodes.running @ nodes.points**degree
        exact = nodes.points ** (degree + 1) / (degree + 1)
        np.testing.assert_allclose(running, exact, rtol=0.0, atol=1e-15 * 4)


def test_running_integral_of_a_smooth_function():
    nodes = Nodes.gauss_legendre(24)
    integral = nodes.running @ np.cos(5.0 * nodes.points)
    np.testing.assert_allclose(integral, np.sin(5.0 * nodes.points) / 5.0, atol=1e-15)


DAMPED = pinn.Problem(
    axes={"t": pinn.Interval(0.0, 2.0)},
    fields={"x": ()},
    lagrangian=lambda j: 0.5 * j.x_t**2 - 0.5 * j.x**2,
    initial={"x": 1.0, "x_t": -0.1},
    dissipation=lambda j: 0.1 * j.x_t**2,
    symmetries=[symmetry.time_translation()],
    conserved={
        "amplitudes": lambda j: jnp.exp(0.1 * j.t) * jnp.stack([amplitude(j, 0), amplitude(j, 1)])
    },
)
ROOT = np.sqrt(0.99)


def amplitude(j, kind):
    """x e^{0.1 t} = A cos + B sin, so these two are the constants A and B."""
    sine, cosine = jnp.sin(ROOT * j.t), jnp.cos(ROOT * j.t)
    slope = (j.x_t + 0.1 * j.x) / ROOT
    return j.x * cosine - slope * sine if kind == 0 else j.x * sine + slope * cosine


def decaying(t):
    return {"x": jnp.exp(-0.1 * t) * jnp.cos(ROOT * t)}


def undamped(t):
    return {"x": jnp.cos(ROOT * t)}


@pytest.fixture(scope="module")
def second_window():
    """The machinery, and the window from t = 0.5 with what friction has taken by then."""
    parts = machinery(DAMPED, pinn.Recipe(points=16))
    energy = parts.charges["energy"]
    at = lambda t: prolong(decaying, DAMPED.space, ("x", "x_t"))(jnp.asarray(t))  # noqa: E731
    taken = energy.density(at(0.5)) - energy.density(at(0.0))
    targets = {
        "energy": jnp.asarray(parts.anchors["energy"]) + taken,
        "amplitudes": jnp.asarray(parts.anchors["amplitudes"]),
    }
    window = Window(jnp.asarray(0.5), jnp.asarray(1.2), {}, {})
    return parts, Stage(window, jnp.array([2.0]), targets)


def rows_along(block, parts, stage, path):
    jet_at = prolong(path, DAMPED.space, ("t", "x", "x_t", "x_tt"))
    times = stage.window.start + stage.window.length * jnp.asarray(parts.nodes.points)
    return np.asarray(block.rows(jax.vmap(lambda t: block.values(jet_at(t)))(times)))


@pytest.mark.parametrize("name", ["energy", "amplitudes"])
def test_rows_of_a_charge_vanish_on_the_solution_only(second_window, name):
    """Value form: I(t) − I(start) − ∫ sources, with the sources before the window included."""
    parts, stage = second_window
    block = charge_block(parts.charges[name], stage, parts.nodes, 0.25, Penalty(4.0))
    exact = rows_along(block, parts, stage, decaying)
    assert exact.shape == (16 // SLICE * (2 if name == "amplitudes" else 1),)
    np.testing.assert_allclose(exact, np.zeros_like(exact), atol=1e-14)
    assert np.min(np.abs(rows_along(block, parts, stage, undamped))) > 1e-3


def test_rows_of_a_charge_have_its_scale_and_weight(second_window):
    parts, stage = second_window
    charge = parts.charges["amplitudes"]
    rows = {
        (scale, weight): rows_along(
            charge_block(charge, stage, parts.nodes, scale, Penalty(weight)), parts, stage, undamped
        )
        for scale, weight in ((1.0, 1.0), (0.5, 1.0), (1.0, 9.0))
    }
    np.testing.assert_allclose(rows[0.5, 1.0], 2.0 * rows[1.0, 1.0], rtol=1e-13)
    np.testing.assert_allclose(rows[1.0, 9.0], 3.0 * rows[1.0, 1.0], rtol=1e-13)


def test_rows_of_the_equation(second_window):
    parts, stage = second_window
    block = equation_block(DAMPED, stage)
    exact = rows_along(block, parts, stage, decaying)
    assert exact.shape == (16,)
    np.testing.assert_allclose(exact, np.zeros(16), atol=1e-15)
    times = 0.5 + 1.2 * parts.nodes.points
    friction = -0.2 * ROOT * np.sin(ROOT * times) + 0.01 * np.cos(ROOT * times)
    expected = friction / 2.0 / np.sqrt(16)
    np.testing.assert_allclose(
        rows_along(block, parts, stage, undamped), expected, rtol=1e-10, atol=1e-14
    )
