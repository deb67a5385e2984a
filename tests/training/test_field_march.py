"""Training over space: exact walls and initial data, points, laws, and small problems solved."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.statement import face_value
from pinn.training.constrained import constrained
from pinn.training.gauss_newton import GaussNewton
from pinn.training.machinery import machinery
from pinn.training.objective import Stacked

SMALL = pinn.Recipe(
    network=pinn.Network(width=7, depth=1, spread=1.0, harmonics=2),
    points=64,
    slices=4,
    modes=17,
    windows=pinn.Uniform(1),
)
LINEAR = dataclasses.replace(SMALL, network=pinn.Separable(times=3, waves=4))
RECIPES = {"perceptron": SMALL, "separable": LINEAR}
TIME = pinn.Interval(0.5, 0.9)
LINE, CIRCLE = pinn.Interval(-0.5, 1.5), pinn.Periodic(-1.0, 1.0)


def opened(problem, recipe=SMALL, seed=0):
    """Return the parts, the first window, and random parameters of the size of the fields."""
    parts = machinery(problem, recipe)
    front = parts.first_front(seed)
    stage = parts.open(front, jnp.asarray(parts.span.length))
    size = front.parameters.size
    return parts, stage, jnp.asarray(np.random.default_rng(seed).normal(size=size) * 0.5)


def jets(parts, stage, parameters, entries, points):
    """Return the jets of the ansatz at true points, one array a coordinate."""
    jet_at = parts.ansatz.jet(parts.unravel(parameters), stage.window, entries)
    index = parts.ansatz.time_index
    moved = [p - stage.window.start if i == index else p for i, p in enumerate(points)]
    return jax.jit(jax.vmap(jet_at))(*moved)


def scattered(problem, fixed, count=12, seed=1):
    """Return random points, with some coordinates fixed."""
    draw = np.random.default_rng(seed).uniform
    free = {n: draw(a.lower, a.upper, count) for n, a in problem.axes.items()}
    return [
        jnp.asarray(fixed.get(n, 1.0) * np.ones(count) if n in fixed else v)
        for n, v in free.items()
    ]


# Walls


def wave(t, x, y=0.3):
    """A function that meets no condition by chance."""
    return jnp.sin(2.0 * t + x) + t * jnp.cos(1.3 * x) * jnp.exp(-0.5 * y)


def along(order, index):
    """Return the derivative of the function above along one coordinate."""
    function = wave
    for _ in range(order):
        function = jax.grad(function, index)
    return function


def ends(of, axis=LINE):
    """Return the values of a function of (t, x) at both ends, as functions of time."""
    return {"lower": lambda t: of(t, axis.lower), "upper": lambda t: of(t, axis.upper)}


def robin(t, x):
    return 2.0 * wave(t, x) - 0.7 * along(1, 1)(t, x)


DIRICHLET = pinn.Dirichlet("u", "x", **ends(wave))
NEUMANN = pinn.Neumann("u", "x", **ends(along(1, 1)))
ROBIN = pinn.Robin("u", "x", **ends(robin), value=2.0, slope=-0.7)
MOMENT = pinn.Derivative("u", "x", **ends(along(2, 1)), order=2)
WALLS = {
    "Dirichlet": [DIRICHLET],
    "Neumann": [NEUMANN],
    "Robin": [ROBIN],
    "moment": [MOMENT],
    "hinged": [DIRICHLET, MOMENT],
    "clamped": [DIRICHLET, NEUMANN],
    "one end": [dataclasses.replace(DIRICHLET, upper=None)],
    "one of each": [
        dataclasses.replace(DIRICHLET, upper=None),
        dataclasses.replace(ROBIN, lower=None),
        dataclasses.replace(MOMENT, lower=None),
    ],
}


def walled(boundary):
    return pinn.Problem(
        axes={"t": TIME, "x": LINE},
        fields={"u": ()},
        residual=lambda j: j.u_tt - j.u_xx + j.u_xxxx,
        initial={
            "u": lambda x: wave(TIME.lower, x),
            "u_t": lambda x: along(1, 0)(TIME.lower, x),
        },
        boundary=boundary,
    )


def vector(t, x):
    return jnp.stack([wave(t, x), wave(x, t)])


def in_a_strip():
    """A vector with values and a scalar with slopes between walls, and y around a circle."""
    angle = lambda y: 2.0 + jnp.sin(jnp.pi * y)  # noqa: E731
    faces = {
        "lower": lambda t, y: vector(t, LINE.lower) * angle(y),
        "upper": lambda t, y: vector(t, LINE.upper) * angle(y),
    }
    slopes = {"lower": lambda t, y: t * angle(y), "upper": lambda t, y: 2.0 * t * angle(y)}
    return pinn.Problem(
        axes={"t": TIME, "x": LINE, "y": CIRCLE},
        fields={"v": (2,), "p": ()},
        residual=lambda j: (j.v_t - j.v_xx - j.v_yy, j.p_t - j.p_xx - j.v[0]),
        initial={
            "v": lambda x, y: vector(TIME.lower, x) * angle(y),
            "p": lambda x, y: TIME.lower * angle(y) * (x + 0.25 * (x + 0.5) ** 2),
        },
        boundary=[pinn.Dirichlet("v", "x", **faces), pinn.Neumann("p", "x", **slopes)],
    )


def in_a_rectangle(stationary):
    """Values across x, slopes or both across y; the data agree at the corners."""
    if stationary:
        flat = lambda x, y: wave(0.7, x, y)  # noqa: E731
        normal = jax.grad(flat, 1)
        return pinn.Problem(
            axes={"x": LINE, "y": LINE},
            fields={"u": ()},
            residual=lambda j: j.u_xx + j.u_yy,
            boundary=[
                pinn.Dirichlet("u", "x", lambda y: flat(-0.5, y), lambda y: flat(1.5, y)),
                pinn.Dirichlet("u", "y", lambda x: flat(x, -0.5), lambda x: flat(x, 1.5)),
                pinn.Neumann("u", "y", lambda x: normal(x, -0.5), lambda x: normal(x, 1.5)),
            ],
        )
    slope = along(1, 2)
    return pinn.Problem(
        axes={"t": TIME, "x": LINE, "y": LINE},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx - j.u_yy,
        initial={"u": lambda x, y: wave(TIME.lower, x, y)},
        boundary=[
            pinn.Dirichlet("u", "x", lambda t, y: wave(t, -0.5, y), lambda t, y: wave(t, 1.5, y)),
            pinn.Neumann("u", "y", lambda t, x: slope(t, x, -0.5), lambda t, x: slope(t, x, 1.5)),
        ],
    )


BOXES = {
    **{name: lambda rows=rows: walled(rows) for name, rows in WALLS.items()},
    "vector in a strip": in_a_strip,
    "rectangle": lambda: in_a_rectangle(False),
    "stationary rectangle": lambda: in_a_rectangle(True),
}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", BOXES)
def test_hard_walls_hold_whatever_the_network_is(name, recipe):
    problem = BOXES[name]()
    parts, stage, parameters = opened(problem, RECIPES[recipe])
    for condition in problem.boundary:
        left = condition.operator(problem.space)
        for end in condition.ends:
            axis = problem.extent[condition.axis]
            points = scattered(problem, {condition.axis: axis.upper if end else axis.lower})
            others = [p for n, p in zip(problem.axes, points, strict=True) if n != condition.axis]
            value = face_value(problem.space, condition, end)
            found = jax.vmap(left)(jets(parts, stage, parameters, left.needs, points))
            np.testing.assert_allclose(found, jax.vmap(value)(*others), rtol=0.0, atol=2e-10)
    inside = scattered(problem, {})
    field = next(iter(problem.fields))
    free = jets(parts, stage, parameters, (field,), inside)[field]
    bare = jets(parts, stage, 0.0 * parameters, (field,), inside)[field]
    assert np.max(np.abs(free - bare)) > 1e-3


@pytest.mark.parametrize("name", [n for n in BOXES if "stationary" not in n])
def test_initial_data_hold_whatever_the_network_is(name):
    problem = BOXES[name]()
    parts, stage, parameters = opened(problem)
    points = scattered(problem, {"t": TIME.lower})
    found = jets(parts, stage, parameters, problem.dynamics.state_entries, points)
    for entry, function in problem.initial_state.items():
        stated = jax.vmap(function)(*points[1:])
        np.testing.assert_allclose(found[entry], stated, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_circle_closes_with_all_derivatives(recipe):
    problem = pinn.get("kdv", delta=0.1, end=0.1)
    parts, stage, parameters = opened(problem, RECIPES[recipe])
    entries = ("u", "u_t", "u_x", "u_xxx", "u_txx")
    lower, upper = (
        jets(parts, stage, parameters, entries, scattered(problem, {"x": end}))
        for end in (-1.0, 1.0)
    )
    for entry in entries:
        size = np.max(np.abs(lower[entry]))
        assert size > 0.0
        np.testing.assert_allclose(upper[entry], lower[entry], rtol=0.0, atol=1e-11 * size)


# Points


def steep(axis, state):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": axis},
        fields={"u": ()},
        residual=lambda j: j.u_t + j.u * j.u_x - 0.01 * j.u_xx,
        initial={"u": state},
        boundary=[]
        if axis is CIRCLE
        else [
            pinn.Dirichlet(
                "u", "x", lambda t: state(-1.0 + 0.0 * t), lambda t: state(1.0 + 0.0 * t)
            )
        ],
    )


FRONTS = {
    "walls": lambda: steep(pinn.Interval(-1.0, 1.0), lambda x: jnp.tanh(8.0 * (x - 0.4))),
    "circle": lambda: steep(CIRCLE, lambda x: jnp.exp(-60.0 * (x - 0.4) ** 2)),
}


@pytest.mark.parametrize("name", FRONTS)
def test_points_follow_a_front(name):
    problem = FRONTS[name]()
    _, stage, _ = opened(problem, dataclasses.replace(SMALL, modes=129, points=512))
    places = np.asarray(stage.places)
    assert places.shape == (4, 128, 1)
    assert places.min() >= -1.0 and places.max() <= 1.0
    # Without the state, 0.18 (Gauss–Legendre) and 0.25 (even) of them lie within 0.25 of the front.
    assert 0.4 < np.mean(np.abs(places - 0.4) < 0.25) < 0.9
    assert np.mean(places < 0.0) > 0.05


@pytest.mark.parametrize("name", ["vector in a strip", "stationary rectangle"])
def test_points_of_a_box_lie_inside_it(name):
    problem = BOXES[name]()
    _, stage, _ = opened(problem)
    slices = 1 if problem.stationary else SMALL.slices
    side = round((SMALL.points / slices) ** 0.5)
    assert stage.places.shape == (slices, side**2, 2)
    for column, axis in enumerate(problem.extent.values()):
        line = np.asarray(stage.places[..., column])
        assert axis.lower <= line.min() and line.max() <= axis.upper
        assert np.unique(line[0]).size == side


# Steps


def test_the_laws_have_the_last_word():
    problem = pinn.get("advection", end=0.5)
    parts, stage, random = opened(problem, dataclasses.replace(SMALL, points=256))
    parameters = parts.fresh(0) + 0.02 * random
    known = parts.prepare(stage)
    equation, laws = Stacked(parts._equation(stage, known)), parts._laws(stage, known)
    moved = jax.jit(lambda p: constrained(equation, laws, p))(parameters)
    rows, slopes = laws.linearise(parameters)
    assert np.linalg.norm(rows) > 1e-4
    assert np.linalg.norm(laws.rows(moved)) < 1e-11
    # The shortest change that does the same to first order hurts the equation more.
    shortest = parameters - jnp.linalg.lstsq(slopes, rows)[0]
    before, after = equation.rows(parameters), equation.rows(moved)
    other = equation.rows(shortest)
    assert np.linalg.norm(after - before) < np.linalg.norm(other - before)


def test_both_factorisations_give_the_same_step():
    parts, stage, parameters = opened(pinn.get("heat", end=0.02))
    objective = parts.objective(stage, parts.prepare(stage))

    @jax.jit
    def once(parameters):
        steps = [GaussNewton(damping=1e-3, factorisation=f) for f in ("qr", "cholesky")]
        return [s.step(objective, parameters, s.init(parameters)) for s in steps]

    exact, squared = once(parameters)
    assert float(exact.loss) < float(objective.loss(parameters))
    np.testing.assert_allclose(squared.loss, exact.loss, rtol=1e-8)
    np.testing.assert_allclose(squared.parameters, exact.parameters, rtol=0.0, atol=1e-7)


# Solutions


BRIEF = pinn.Recipe(
    network=pinn.Network(width=16, depth=1, spread=1.0, harmonics=4),
    windows=pinn.Uniform(1),
    points=512,
    steps=60,
    modes=65,
)


def test_heat_is_solved_and_keeps_its_books(error_of):
    solution = pinn.solve(pinn.get("heat", end=0.01), recipe=BRIEF, progress=False)
    assert error_of(solution) < 1e-5
    begin, end = (solution.charges(t)["first_mode"] for t in (0.0, 0.01))
    np.testing.assert_allclose([begin, end], 0.5, rtol=0.0, atol=1e-5)


def test_soft_walls_are_trained(error_of):
    heat = pinn.get("heat", end=0.01)
    walls = [pinn.Dirichlet("u", "x", hard=False)]
    soft = dataclasses.replace(heat, boundary=walls, conserved={})
    solution = pinn.solve(soft, recipe=BRIEF, progress=False)
    times = np.linspace(0.0, 0.01, 9)
    at_walls = np.stack([solution(times, np.full(9, end))["u"] for end in (0.0, 1.0)])
    assert 0.0 < np.abs(at_walls).max() < 1e-4
    assert error_of(solution) < 1e-4


def test_poisson_on_a_square_is_solved(error_of):
    recipe = pinn.Recipe(
        network=pinn.Network(width=16, depth=1, spread=1.0, harmonics=2), points=484, steps=120
    )
    solution = pinn.solve(pinn.get("poisson", scales=(1,)), recipe=recipe, progress=False)
    assert error_of(solution) < 1e-4
