"""Modes of conservation, from the recipe to the saved solver."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pinn
from pinn.errors import RecipeError
from pinn.measure import drift
from pinn.training.conservation import modes, normalised

TINY = {
    "network": pinn.Network(width=10),
    "points": 12,
    "windows": pinn.Uniform(5),
    "steps": 12,
}


def solved(problem, conservation, **more):
    recipe = pinn.Recipe(conservation=conservation, **{**TINY, **more})
    return pinn.solve(problem, recipe=recipe, progress=False)


@pytest.fixture(scope="module")
def orbit():
    problem = pinn.get("kepler", eccentricity=0.5)
    return problem, solved(problem, 1.0), solved(problem, "exact")


def test_exact_conserves_to_round_off_at_any_time_and_beyond(orbit):
    problem, penalty, exact = orbit
    times = np.linspace(0.0, problem.interval.upper, 777)
    assert max(drift(penalty.trajectory, times).values()) > 1e-6
    assert max(drift(exact.unprojected, times).values()) > 1e-6
    assert max(drift(exact.trajectory, times).values()) < 1e-13
    window = float(exact.model.windows.length[-1])
    beyond = problem.interval.upper + np.linspace(0.0, 0.2 * window, 11)
    assert max(drift(exact.trajectory.extrapolated, np.append(0.0, beyond)).values()) < 1e-13


def test_exact_conserves_where_extrapolation_is_nonsense(orbit):
    """Newton's method does not find the orbit from such states: they are drawn back to it."""
    problem, _, exact = orbit
    end = problem.interval.upper
    beyond = np.linspace(end, 2.0 * end, 41)
    assert np.max(np.abs(exact.unprojected.fields(beyond, extrapolate=True)["q"])) > 10.0
    assert max(drift(exact.trajectory.extrapolated, np.append(0.0, beyond)).values()) < 1e-12
    np.testing.assert_allclose(
        exact(end * (1.0 + 1e-9), extrapolate=True)["q"], exact(end)["q"], atol=1e-7
    )


def test_exact_conserves_where_training_fails():
    rough = {"points": 4, "windows": pinn.Uniform(6), "steps": 40}
    held = solved(pinn.get("henon_heiles"), "exact", **rough)
    times = np.linspace(0.0, held.problem.interval.upper, 301)
    assert max(drift(held.trajectory, times).values()) < 1e-12


def test_the_scores_tell_the_drift_before_projection_and_the_slip(orbit):
    _, penalty, exact = orbit
    before, after = pinn.compare(penalty), pinn.compare(exact)
    assert min(after.drift_before.values()) > 1e-6 > 1e-13 > max(after.drift.values())
    assert after.slip["q"] < 1e-2 and not before.drift_before and not before.slip
    assert "drift of energy before projection" in after.table()
    assert "dq/dt against the projected velocity" in after.table()


def test_the_jet_of_an_exact_solution(orbit):
    """The state's entries are projected; those above are the derivatives of the velocity."""
    problem, _, exact = orbit
    times = 0.1 + np.linspace(0.0, 0.8 * problem.interval.upper, 7)
    jet = exact.jet(times, entries=("t", "q", "q_t", "q_tt"))
    np.testing.assert_array_equal(jet.q, exact(times)["q"])
    step = 2e-4

    def difference(name):
        at = lambda h: np.asarray(exact.jet(times + h, entries=(name,))[name])  # noqa: E731
        return (8.0 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12.0 * step)

    np.testing.assert_allclose(jet.q_tt, difference("q_t"), atol=1e-6)
    slope = jax.vmap(jax.jacfwd(lambda t: exact(t)["q"]))(times)
    here = (exact(times + step)["q"] - exact(times - step)["q"]) / (2.0 * step)
    np.testing.assert_allclose(slope, here, atol=1e-4)


def test_the_projected_path_has_no_jumps_at_the_ends_of_windows(orbit):
    _, _, exact = orbit
    joints = np.asarray(exact.model.windows.start[1:])
    left, right = (exact.jet(joints + side, entries=("q", "q_t")) for side in (-1e-9, 1e-9))
    np.testing.assert_allclose(left.q, right.q, atol=1e-8)
    np.testing.assert_allclose(left.q_t, right.q_t, atol=1e-7)


def test_exact_survives_saving(orbit, tmp_path):
    _, _, exact = orbit
    exact.save(tmp_path / "run")
    loaded = pinn.load(tmp_path / "run")
    times = np.linspace(0.0, 7.0, 33)
    np.testing.assert_array_equal(loaded(times)["q"], exact(times)["q"])
    assert loaded.recipe == exact.recipe and loaded.projected


def test_friction_holds_its_balance_where_it_leaves_room():
    """E(t) = E(0) − ∫ γ ẋ²: held to the accuracy of the integral; two such laws fix everything."""
    problem = pinn.get("damped_oscillator", end=4.0)
    by_name = {"energy": pinn.Exact(), "caldirola_kanai": "off"}
    solution = solved(problem, by_name)
    times = np.linspace(0.0, 4.0, 301)
    after, before = drift(solution.trajectory, times), drift(solution.unprojected, times)
    assert after["energy"] < 1e-11 < 1e-8 < before["energy"]
    both = dict.fromkeys(by_name, "exact")
    with pytest.raises(RecipeError, match=r"'energy' has a source, and with .* held exactly"):
        solved(problem, both)
    blanket = solved(problem, "exact")
    assert drift(blanket.trajectory, times)["caldirola_kanai"] < 1e-13


def test_a_mapping_that_leaves_charges_out_penalises_them(tmp_path):
    chosen = modes(normalised({"energy": "exact"}), ["energy", "momentum"], 0.5)
    assert chosen == {"energy": pinn.Exact(0.5), "momentum": pinn.Penalty(0.5)}
    assert modes("off", ["energy"], 1.0) == {"energy": pinn.Penalty(0.0)}
    assert modes(0.3, ["energy"], 1.0) == {"energy": pinn.Penalty(0.3)}


@pytest.mark.parametrize(
    ("conservation", "message"),
    [
        ("exakt", r"is a weight, 'off', .*got 'exakt' \(did you mean 'exact'"),
        (True, "got True"),
        ({"energy": -1.0}, "takes a weight ≥ 0, got -1.0"),
        (pinn.Penalty, "a mode such as"),
    ],
)
def test_modes_that_there_are_not(conservation, message):
    with pytest.raises(RecipeError, match=message):
        pinn.Recipe(conservation=conservation)


def test_charges_that_there_are_not():
    recipe = pinn.Recipe(conservation={"enrgy": "exact"})
    with pytest.raises(RecipeError, match=r"'enrgy', which .* \(did you mean 'energy'\?\)"):
        pinn.solve(pinn.get("pendulum"), recipe=recipe, progress=False)
    with pytest.raises(RecipeError, match=r"'enrgy', which .* \(did you mean 'energy'\?\)"):
        pinn.solve(pinn.get("heat"), recipe=recipe, progress=False)


def test_laws_that_name_the_time_hold_far_beyond_what_was_trained():
    """At 2T the boost's level is not near any state, and the forces of a chain overflow."""
    held = solved(pinn.get("toda", end=1.0), "exact", points=8, windows=pinn.Uniform(2))
    times = np.append(0.0, np.linspace(1.0, 6.0, 80))
    assert max(drift(held.trajectory.extrapolated, times).values()) < 1e-12


def test_a_balance_does_not_make_windows_collapse_where_the_charge_grows_a_thousandfold():
    """At the fold of a relaxation oscillation ẋ²/2 rises from 0.002 to 8,900, and falls again.

    Rows that asked one window to make good what all before had gathered cut it without end.
    """
    mu, end, start = 100.0, 2.8, (1.1401, -0.03772)
    problem = pinn.get("van_der_pol", mu=mu, position=start[0], velocity=start[1], end=end)
    solution = pinn.solve(problem, progress=False)
    assert solution.complete and solution.converged
    times = np.linspace(0.0, end, 101)
    flow = lambda t, y: [y[1], mu * (1.0 - y[0] ** 2) * y[1] - y[0]]  # noqa: E731
    truth = solve_ivp(flow, (0.0, end), start, "Radau", rtol=1e-12, atol=1e-13, t_eval=times).y
    # An early error of the state shifts the time of the jump: 1e-12 becomes 1e-8 there.
    np.testing.assert_allclose(solution(times)["x"], truth[0], rtol=0.0, atol=1e-7)
    assert abs(truth[0, -1] + 2.0) < 0.1 and len(solution.march.windows) < 300
