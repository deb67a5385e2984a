"""Rows of a user's own: what they change, in which window, and what is refused."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.training.machinery import machinery
from pinn.training.spec import from_spec, to_spec

TIMES = np.linspace(0.0, 1.0, 11)


def known(j):
    """What is zero on the exact path of `decay`."""
    return j.y - jnp.exp(-j.t)


def low(j):
    return j.y - 0.3


def decay(**statement) -> pinn.Problem:
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"y": ()},
        residual=lambda j: j.y_t + j.y,
        initial={"y": 1.0},
        **statement,
    )


def heat(width: float = 1.0) -> pinn.Problem:
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.1), "x": pinn.Interval(0.0, width)},
        fields={"u": ()},
        residual=lambda j: j.u_t - width**2 * j.u_xx,
        initial={"u": lambda x: jnp.sin(jnp.pi * x / width)},
        boundary=[pinn.Dirichlet("u", "x")],
    )


def path(rows=(), windows=None, **choices) -> pinn.Solution:
    recipe = pinn.Recipe(
        network=pinn.Network(width=10), windows=windows or pinn.Uniform(2), rows=rows, **choices
    )
    return pinn.solve(decay(), recipe=recipe, progress=False)


def test_rows_that_agree_with_the_equation_change_nothing():
    solution = path([pinn.Rows("measured", known, {"t": TIMES[1:]}, 10.0)])
    np.testing.assert_allclose(solution(TIMES)["y"], np.exp(-TIMES), rtol=0.0, atol=1e-6)


def test_rows_are_weighed_against_the_equation_they_contradict():
    """The heavier they are, the nearer is the path to what they ask; and it is said."""
    misses = []
    for weight in (0.1, 1.0, 1e4):
        with pytest.warns(pinn.NotConverged):
            solution = path([pinn.Rows("low", low, {"t": 0.75}, weight)])
        misses.append(abs(float(solution(0.75)["y"]) - 0.3))
    assert 0.17 > misses[0] > 1.2 * misses[1] > 0.1 and misses[2] < 1e-3


def test_rows_are_in_the_window_that_their_points_fall_in():
    """A contradiction in the second half leaves the first half as it is."""
    with pytest.warns(pinn.NotConverged):
        solution = path([pinn.Rows("low", low, {"t": 0.75}, 100.0)])
    early = np.linspace(0.0, 0.5, 6)
    np.testing.assert_allclose(solution(early)["y"], np.exp(-early), rtol=0.0, atol=1e-6)
    assert abs(float(solution(1.0)["y"]) - np.exp(-1.0)) > 0.05


def block_rows(problem, rows, time: float, length: float, **choices):
    """Return the user's rows, which are a window's last, as training begins."""
    recipe = pinn.Recipe(network=pinn.Network(width=4), rows=[rows], **choices)
    parts = machinery(problem, recipe)
    front = dataclasses.replace(parts.first_front(0), time=jnp.asarray(time))
    stage = parts.open(front, length)
    objective = parts.objective(stage, parts.prepare(stage))
    return np.asarray(objective.rows(front.parameters))[-rows_count(rows) :]


def rows_count(rows) -> int:
    return len(rows.points[0][1])


@pytest.mark.parametrize("start, inside", [(0.0, [1, 1, 1, 0]), (0.5, [0, 0, 0, 1])])
def test_a_joint_belongs_to_the_window_that_ends_there(start, inside):
    rows = pinn.Rows("low", low, {"t": [0.0, 0.25, 0.5, 0.75]})
    found = block_rows(decay(), rows, start, 0.5)
    assert (found != 0.0).tolist() == [bool(i) for i in inside]


def test_a_row_is_its_value_in_units_of_its_size_and_a_mean_square():
    """With y = 1 − s + … as the first guess: rows √(w/n) (y − 0.3)/scale at the n points inside."""
    rows = pinn.Rows("low", lambda j: 7.0 * (j.y - 0.3), {"t": [0.1, 0.2, 0.9]}, 3.0)
    found = block_rows(decay(), rows, 0.0, 0.5)
    y = 1.0 - np.array([0.1, 0.2])
    np.testing.assert_allclose(found[:2], np.sqrt(3.0 / 2.0) * (y - 0.3), rtol=1e-12)
    assert found[2] == 0.0


@pytest.mark.parametrize("unit", [1.0, 1e-6])
def test_a_weight_means_the_same_in_any_unit(unit):
    rows = pinn.Rows("slope", lambda j: unit * (j.y_t + 2.0), {"t": 0.25})
    np.testing.assert_allclose(block_rows(decay(), rows, 0.0, 0.5), 0.5 * (2.0 - 1.0), rtol=1e-12)


@pytest.mark.parametrize(
    "network", [pinn.Separable(times=5, waves=8), pinn.Network(width=12, harmonics=1)]
)
def test_rows_over_space_pull_a_field_where_they_are(network):
    """u(t, ½) is asked to be a tenth more than it is."""
    more = lambda j: j.u - 1.1 * jnp.exp(-(jnp.pi**2) * j.t)  # noqa: E731
    times = np.linspace(0.02, 0.1, 5)
    asked = 1.1 * np.exp(-(np.pi**2) * times)
    gaps = []
    for weight in (0.0, 1e4):
        rows = [pinn.Rows("more", more, {"t": times, "x": 0.5}, weight)]
        recipe = pinn.Recipe(network=network, windows=pinn.Uniform(2), steps=15, rows=rows)
        solution = pinn.solve(heat(), recipe=recipe, progress=False)
        gaps.append(np.max(np.abs(np.asarray(solution(times, 0.5)["u"]) - asked) / asked))
    assert gaps[0] == pytest.approx(0.1 / 1.1, rel=0.05) and gaps[1] < 0.03
    np.testing.assert_allclose(solution(times, 0.0)["u"], 0.0, atol=1e-13)


def test_a_stationary_problem_has_rows_too():
    problem = pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_xx + 2.0,
        boundary=[pinn.Dirichlet("u", "x")],
    )
    rows = [pinn.Rows("middle", lambda j: j.u - 0.5, {"x": 0.5}, 1e6)]
    recipe = pinn.Recipe(network=pinn.Separable(waves=6), rows=rows)
    with pytest.warns(pinn.NotConverged):
        solution = pinn.solve(problem, recipe=recipe, progress=False)
    assert float(solution(0.5)["u"]) == pytest.approx(0.5, abs=1e-2)  # without them it is ¼


def test_rows_go_with_conservation():
    rows = [pinn.Rows("still", lambda j: j.theta_t, {"t": 0.4}, 1.0)]
    for mode in ("penalty", "exact", "augmented"):
        recipe = pinn.Recipe(
            network=pinn.Network(width=8), windows=pinn.Uniform(1), rows=rows, conservation=mode
        )
        solution = pinn.solve(pinn.get("pendulum", end=0.5), recipe=recipe, progress=False)
        assert np.isfinite(solution(0.3)["theta"])


def test_a_contradiction_ends_where_windows_follow_the_residual():
    """No window is short enough for it: the march goes on, and says that it has not converged."""
    rows = [pinn.Rows("low", low, {"t": 0.75}, 1.0)]
    windows = pinn.Adaptive(tolerance=1e-6)
    with pytest.warns((pinn.NotConverged, UserWarning)):
        solution = path(rows, windows)
    early = np.linspace(0.0, 0.6, 5)
    np.testing.assert_allclose(solution(early)["y"], np.exp(-early), atol=1e-5)


def test_rows_are_saved_by_the_path_of_their_function():
    recipe = pinn.Recipe(rows=[pinn.Rows("low", low, {"t": TIMES}, 2.0)])
    stored = to_spec(recipe)
    assert stored["rows"][0]["function"] == {"kind": "path", "path": f"{__name__}:low"}
    with pytest.raises(pinn.CheckpointError, match="trust=True"):
        from_spec(stored)
    assert from_spec(stored, trust=True) == recipe
    assert hash(recipe) == hash(from_spec(stored, trust=True))


REFUSED = {
    "numbers": (lambda: pinn.Rows("r", low, {"t": "soon"}), r"points\['t'\] = 'soon', expected"),
    "nan": (lambda: pinn.Rows("r", low, {"t": [0.1, np.nan]}), "finite number or a vector"),
    "lengths": (lambda: pinn.Rows("r", low, {"t": [1, 2], "x": [1, 2, 3]}), "as many for every"),
    "no points": (lambda: pinn.Rows("r", low, {}), "need points by axis"),
    "no function": (lambda: pinn.Rows("r", 3.0, {"t": 0.5}), "need a function of the jet"),
    "weight": (lambda: pinn.Rows("r", low, {"t": 0.5}, -1.0), "weight ≥ 0"),
    "no rows": (lambda: pinn.Recipe(rows=[low]), r"rows= takes pinn\.Rows"),
    "twice": (lambda: pinn.Recipe(rows=[pinn.Rows("r", low, {"t": 1})] * 2), "called 'r'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_are_no_rows_is_refused_at_once(name):
    make, said = REFUSED[name]
    with pytest.raises(pinn.RecipeError, match=said):
        make()


UNFIT = {
    "axis": (pinn.Rows("r", low, {"t": 0.5, "s": 0.0}), "along t, s, but the problem .* has the"),
    "outside": (pinn.Rows("r", low, {"t": [0.5, 1.5]}), r"a point at t = 1\.5, outside the domain"),
    "nothing": (pinn.Rows("r", lambda j: j.t, {"t": 0.5}), "do not depend on the solution"),
    "entry": (pinn.Rows("r", lambda j: j.z, {"t": 0.5}), "'z'"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_the_problem_is_refused_before_training(name):
    rows, said = UNFIT[name]
    with pytest.raises(pinn.PinnError, match=said):
        path([rows])


def test_rows_do_not_find_unknowns():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"y": ()},
        residual=lambda j: j.y_t + j.rate * j.y,
        initial={"y": 1.0},
        unknowns={"rate": pinn.Unknown(0.5)},
        data=[pinn.Data({"t": TIMES[1:]}, {"y": np.exp(-TIMES[1:])}, noise=0.01)],
    )
    recipe = pinn.Recipe(rows=[pinn.Rows("low", low, {"t": 0.5})])
    with pytest.raises(pinn.RecipeError, match=r"data=\[pinn\.Data"):
        pinn.solve(problem, recipe=recipe, progress=False)
