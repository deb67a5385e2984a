"""All windows at once: conditions at both ends of time, periodic orbits, and what a march gives."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ellipk

import pinn
from pinn import symmetry
from pinn.training.joint import JointSystem
from pinn.training.joints import Joints
from pinn.training.machinery import machinery

JOINT = pinn.Recipe(windows=pinn.Joint())


def oscillator(end, boundary, **rest):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_t**2 - 0.5 * j.q**2,
        boundary=boundary,
        symmetries=[symmetry.time_translation()],
        name="oscillator",
        **rest,
    )


def solved(problem, recipe=None):
    return pinn.solve(problem, recipe=recipe, progress=False)


def error(solution, exact):
    interval = solution.problem.interval
    times = np.linspace(interval.lower, interval.upper, 501)
    name = next(iter(solution.problem.fields))
    return float(np.max(np.abs(np.asarray(solution(times)[name]) - exact(times))))


@pytest.fixture(scope="module")
def quarter():
    problem = oscillator(0.5 * math.pi, [pinn.Dirichlet("q", "t", lower=0.0, upper=1.0)])
    return solved(problem)


def test_a_quarter_of_a_swing_between_two_values(quarter):
    assert quarter.converged and quarter.complete
    assert error(quarter, np.sin) < 1e-11
    assert abs(float(quarter.unknowns["q_t"]) - 1.0) < 1e-11
    energy = quarter.charges(np.linspace(0.0, 0.5 * math.pi, 101))["energy"]
    assert np.ptp(energy) < 1e-11 and abs(energy[0] - 0.5) < 1e-11


def test_what_was_found_is_an_ordinary_problem(quarter):
    assert quarter.problem.unknown_names == ()
    assert set(quarter.unknowns) == {"q", "q_t"}
    scores = pinn.compare(quarter, samples=101)
    assert scores.error["q"] < 1e-11 and scores.drift["energy"] < 1e-10


@pytest.mark.parametrize(
    ("boundary", "rest", "exact"),
    [
        ([pinn.Neumann("q", "t", 1.0, math.cos(1.0))], {}, np.sin),
        (
            [pinn.Robin("q", "t", None, math.sin(1.0) + 2.0 * math.cos(1.0), slope=2.0)],
            {"initial": {"q": 0.0}},
            np.sin,
        ),
        (
            [pinn.Dirichlet("q", "t", 1.0, None), pinn.Neumann("q", "t", 0.0, None)],
            {},
            np.cos,
        ),
    ],
    ids=["slopes", "a mixture and initial data", "both at the start"],
)
def test_slopes_mixtures_and_one_end(boundary, rest, exact):
    solution = solved(oscillator(1.0, boundary, **rest))
    assert solution.converged and error(solution, exact) < 1e-11


@pytest.mark.parametrize(("value", "sentence"), [(1.0, "No solution"), (0.0, "do not determine")])
def test_half_a_swing_has_no_solution_or_many(value, sentence):
    problem = oscillator(math.pi, [pinn.Dirichlet("q", "t", lower=0.0, upper=value)])
    with pytest.raises(pinn.ProblemError, match=sentence):
        solved(problem)


def test_a_boundary_layer_that_no_march_could_follow():
    """q̈ = 400 q grows by e^20 from either end."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": ()},
        residual=lambda j: j.q_tt - 400.0 * j.q,
        boundary=[pinn.Dirichlet("q", "t", lower=1.0, upper=1.0)],
        name="layers",
    )
    exact = lambda t: np.cosh(20.0 * (t - 0.5)) / math.cosh(10.0)  # noqa: E731
    solution = solved(problem)
    assert solution.converged and error(solution, exact) < 1e-10


@pytest.mark.parametrize("upper", [False, True])
def test_both_solutions_of_bratu(upper):
    problem = pinn.get("bratu", upper=upper)
    solution = solved(problem)
    exact = lambda t: np.array([problem.exact(x)["q"] for x in t])  # noqa: E731
    assert solution.converged and error(solution, exact) < 1e-11


def test_beyond_its_fold_bratu_has_no_solution():
    with pytest.raises(pinn.ProblemError, match="No solution of 'bratu'"):
        solved(pinn.get("bratu", strength=4.0))


def test_the_period_of_van_der_pol():
    solution = solved(pinn.get("limit_cycle"))
    period = float(solution.unknowns["period"])
    assert solution.converged and abs(period - 6.66328686) < 1e-8
    ends = solution.jet(np.array([0.0, period]), entries=("x", "x_t"))
    assert abs(np.diff(ends["x"])[0]) < 1e-11 and abs(np.diff(ends["x_t"])[0]) < 1e-11
    assert np.all(np.isfinite(solution(np.linspace(0.0, period, 77))["x"]))


def swings(**rest):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 7.0)},
        fields={"theta": ()},
        lagrangian=lambda j: 0.5 * j.theta_t**2 + jnp.cos(j.theta),
        boundary=[pinn.PeriodicOrbit("theta")],
        guess=lambda t: {"theta": 2.0 * jnp.cos(t)},
        symmetries=[symmetry.time_translation()],
        name="swings",
        **rest,
    )


def test_the_period_of_a_pendulum_of_given_amplitude():
    solution = solved(swings(initial={"theta": 2.0, "theta_t": 0.0}))
    assert abs(float(solution.unknowns["period"]) - 4.0 * ellipk(math.sin(1.0) ** 2)) < 1e-11


def test_an_orbit_of_a_family_is_not_chosen_in_silence():
    with pytest.raises(pinn.ProblemError, match="one of a family"):
        solved(swings())


def test_a_guess_at_rest_is_told():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 6.5)},
        fields={"x": ()},
        residual=lambda j: j.x_tt - (1.0 - j.x**2) * j.x_t + j.x,
        boundary=[pinn.PeriodicOrbit("x")],
        guess=lambda t: {"x": 0.01 * jnp.cos(t)},
        name="resting",
    )
    with pytest.raises(pinn.ProblemError, match="state of rest"):
        solved(problem)


def test_an_orbit_that_closes_twice_is_told():
    problem = pinn.get("limit_cycle", period=13.2)
    twice = pinn.Problem(
        axes=problem.axes,
        fields=problem.fields,
        residual=problem.residual,
        boundary=[pinn.PeriodicOrbit("x")],
        guess=lambda t: {"x": 2.0 * jnp.cos(4.0 * math.pi * t / 13.2)},
        name="twice",
    )
    with pytest.raises(pinn.ProblemError, match="closes 2 times"):
        solved(twice)


def test_with_initial_data_the_numbers_are_those_of_a_march():
    problem = pinn.get("pendulum", end=3.0)
    marched, joint = solved(problem), solved(problem, JOINT)
    times = np.linspace(0.0, 3.0, 301)
    assert joint.recipe.windows.together and joint.converged
    assert np.max(np.abs(marched(times)["theta"] - joint(times)["theta"])) < 1e-12


@pytest.mark.slow
def test_over_space_too():
    problem = pinn.get("heat", end=0.1, overtone=0.0)
    network, windows = pinn.Separable(times=8, waves=3), pinn.Joint(2, halvings=1)
    solution = solved(problem, pinn.Recipe(network=network, windows=windows))
    times, places = np.linspace(0.0, 0.1, 9)[:, None], np.linspace(0.0, 1.0, 9)[None]
    exact = np.exp(-0.1 * math.pi**2 * times) * np.sin(math.pi * places)
    assert solution.converged
    assert np.max(np.abs(solution(times, places)["u"] - exact)) < 1e-12


def test_windows_follow_their_start_by_the_flow_of_the_equation():
    """The slopes that QR of a window's rows gives are a rotation, for the oscillator."""
    problem = oscillator(1.0, [], initial={"q": 0.3, "q_t": 1.0})
    parts = machinery(problem, JOINT)
    system = JointSystem(parts, lambda a, b, z: jnp.zeros(1), False)
    shares = np.array([0.0, 0.25, 0.6, 1.0])
    states = np.stack([[0.3, 1.0], [0.5, 0.8], [0.9, 0.5], [0.2, 0.1]])
    joints = Joints(shares, states, np.zeros(0), (parts.fresh(0),) * 3)
    linear = system.linear(joints, system.trained(joints))
    for block, step in zip(linear.blocks, np.diff(shares), strict=True):
        turn = [[np.cos(step), np.sin(step)], [-np.sin(step), np.cos(step)]]
        found = block[:, :2] / linear.sizes * linear.sizes[:, None]
        assert np.allclose(found, turn, rtol=0.0, atol=1e-10)


def test_the_budget_ends_the_search():
    problem = oscillator(1.0, [pinn.Dirichlet("q", "t", 0.0, 1.0)])
    with pytest.raises(pinn.errors.TrainingError, match="not joined in time"):
        pinn.solve(problem, budget=-1.0, progress=False)
