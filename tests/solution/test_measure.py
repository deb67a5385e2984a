"""Measures see what they measure, settle or say that they did not, and keep to their budget."""

import dataclasses
import io
import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import measure
from pinn.accuracy import errors
from pinn.drift import settled_drift
from pinn.references import Closed, Lines
from pinn.references.estimate import scattered
from pinn.spectral import Grid, Panelled, Rule
from pinn.trajectory import Trajectory
from pinn.watch import OutOfTime, Watch

CIRCLE = pinn.Periodic(0.0, 1.0)
QUICK = pinn.Recipe(steps=3, points=40)


def field(residual, exact, end=1.0, **rest) -> pinn.Problem:
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": CIRCLE},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: exact(jnp.zeros_like(x), x)["u"]},
        exact=exact,
        **rest,
    )


def wave(t, x):
    return {"u": 2.0 + jnp.sin(2.0 * jnp.pi * (x - t))}


TRAVELLING = field(lambda j: j.u_t + j.u_x, wave)


def spiked(centre: float, width: float, height: float):
    """Return the wave with a spike that is wrong."""

    def at(t, x):
        spike = height * np.exp(-(((x - centre) / width) ** 2) - ((t - 0.5) / 0.2) ** 2)
        return {"u": np.asarray(wave(t, x)["u"]) + spike}

    return at


def smooth(t, x):
    return {"u": np.asarray(wave(t, x)["u"])}


@pytest.mark.parametrize("width", [0.3, 0.03, 0.004])
def test_a_wrong_layer_is_seen_however_thin(width):
    """Its size is ∬ (h e^(−x²/w² − t²/τ²))² = ½π h² w τ for a spike well inside."""
    measured = errors(TRAVELLING, spiked(0.4971, width, 0.5), smooth, Watch())
    inside = 1.0 if width < 0.1 else np.nan
    true = np.sqrt(0.5 * np.pi * 0.25 * width * 0.2 * 0.99959) / np.sqrt(4.5)
    assert measured.settled
    if not np.isnan(inside):
        assert measured.relative["u"] == pytest.approx(true, rel=2e-3)
    assert measured.relative["u"] > 0.5 * true


def test_a_solution_that_no_points_resolve_is_said_not_to_have_settled(monkeypatch):
    monkeypatch.setattr("pinn.accuracy.MOST", 20_000)
    rough = lambda t, x: {"u": np.sign(np.sin(1e5 * x * (1.0 + t)))}  # noqa: E731
    assert not errors(TRAVELLING, rough, smooth, Watch()).settled


def test_an_error_of_rounding_settles():
    shifted = lambda t, x: {"u": np.asarray(wave(t, x)["u"]) * (1.0 + 1e-16)}  # noqa: E731
    measured = errors(TRAVELLING, shifted, smooth, Watch())
    assert measured.settled
    assert measured.relative["u"] < 1e-15


def test_what_is_free_up_to_a_constant_is_compared_so():
    problem = pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_xx - jnp.cos(jnp.pi * j.x),
        boundary=[pinn.Neumann("u", "x")],
    )
    one = lambda x: {"u": np.cos(np.pi * x)}  # noqa: E731
    other = lambda x: {"u": np.cos(np.pi * x) + 3.0}  # noqa: E731
    assert errors(problem, one, other, Watch()).relative["u"] > 0.9
    assert errors(problem, one, other, Watch(), [("u", 0)]).relative["u"] < 1e-15


LAYER = 2e-3


def layer(t, x):
    """A bump that a circle carries around, and that a layer at x = ½ damps as it passes."""
    return {"u": jnp.exp(-(jnp.sin(jnp.pi * (x - 0.5)) ** 2) / LAYER**2) * jnp.exp(-t)}


def coarse(problem: pinn.Problem, count: int) -> Trajectory:
    """Return the closed form, its charges integrated on so many even nodes."""
    whole = pinn.reference(problem, method=Closed()).trajectory
    return whole.on(Grid.of(problem.extent, {"x": count}))


def test_drift_is_measured_on_nodes_that_see_the_layer():
    decaying = field(
        lambda j: j.u_t + j.u,
        layer,
        conserved={"heat": pinn.Balance(lambda j: j.u, lambda j: -j.u)},
    )
    times = measure.ledger_times(decaying, None)
    blind = coarse(decaying, 33)
    assert measure.drift(blind, times)["heat"] > 0.5
    found, settled = settled_drift(blind, times, Watch())
    assert settled
    assert found["heat"] < 1e-12


def test_a_drift_that_is_there_stays():
    leaking = lambda t, x: {"u": wave(t, x)["u"] * (1.0 + 0.01 * t)}  # noqa: E731
    lossy = field(lambda j: j.u_t + j.u_x, wave, conserved={"heat": lambda j: j.u})
    wrong = dataclasses.replace(lossy, exact=leaking)
    trajectory = pinn.reference(wrong, method=Closed()).trajectory
    found, settled = settled_drift(trajectory, measure.ledger_times(wrong, None), Watch())
    assert settled
    assert found["heat"] == pytest.approx(0.01, rel=1e-6)


def test_a_rate_that_is_a_pulse_in_time_is_integrated():
    """q' = pulse, with ∫ pulse known: the pulse is thinner than the times are apart."""
    pulse = lambda t: jnp.exp(-(((t - 3.337) / 1e-3) ** 2))  # noqa: E731
    step = lambda t: {"q": 1.0 + 0.5e-3 * jnp.sqrt(jnp.pi) * (1.0 + _erf((t - 3.337) / 1e-3))}  # noqa: E731
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 10.0)},
        fields={"q": ()},
        residual=lambda j: j.q_t - pulse(j.t),
        initial={"q": 1.0},
        exact=step,
        conserved={"charge": pinn.Balance(lambda j: j.q, lambda j: pulse(j.t))},
    )
    trajectory = pinn.reference(problem, method=Closed()).trajectory
    assert measure.drift(trajectory, np.linspace(0.0, 10.0, 41))["charge"] < 1e-12


def _erf(x):
    from jax.scipy.special import erf

    return erf(x)


@pytest.mark.parametrize("order", [4, 8])
def test_panels_integrate_polynomials_and_are_cut_where_it_matters(order):
    axes = {"x": pinn.Interval(-1.0, 2.0), "y": pinn.Interval(0.0, 1.0)}
    grid = Panelled.of(axes, 2, order, {"x": np.array([0.123])})
    assert 0.123 in grid.bases[0].edges
    x, y = grid.lines
    power = 2 * order - 1
    integral = grid.weights @ ((x**power) * (y**2)).ravel()
    assert integral == pytest.approx((2.0 ** (power + 1) - 1.0) / (power + 1) / 3.0, rel=1e-12)
    front = np.tanh((x - 1.5) / 0.01) + 0.0 * y
    cut = grid.refined([front], 1e-3)
    assert cut is not None
    assert cut.bases[1].count == grid.bases[1].count
    new = np.setdiff1d(cut.bases[0].edges, grid.bases[0].edges)
    assert new.size >= 1
    assert np.all(np.abs(new - 1.5) < 0.6)
    assert grid.refined([np.ones(grid.shape)], 1e-12) is None


def test_tails_are_the_last_legendre_coefficients():
    rule = Rule(np.array([0.0, 1.0, 3.0]), 6)
    z = np.polynomial.legendre.leggauss(6)[0]
    last = np.polynomial.legendre.Legendre.basis(5)(z)
    values = np.concatenate([0.3 * last, np.ones(6)])[:, None]
    np.testing.assert_allclose(rule.tails(values), [0.3, 0.0], atol=1e-14)


def test_scattered_points_do_not_fall_on_the_nodes_of_a_wave():
    """helmholtz(first=3, second=8) vanishes on every even grid of 17 points."""
    x, y = scattered(pinn.get("helmholtz", first=3, second=8))
    assert np.sqrt(np.mean((np.sin(3 * np.pi * x) * np.sin(8 * np.pi * y)) ** 2)) > 0.4
    assert pinn.reference(pinn.get("helmholtz", first=3, second=8)).error_estimate < 1e-13


# ---- budget, progress, interrupts


class Ticking:
    """A clock that moves by so much whenever it is read."""

    def __init__(self, monkeypatch, step: float):
        count = itertools.count()
        monkeypatch.setattr("pinn.watch.time.monotonic", lambda: step * next(count))


def test_a_watch_stops_what_is_out_of_time(monkeypatch):
    Ticking(monkeypatch, 1.0)
    watch = Watch(budget=5.0)
    watch("first")
    with pytest.raises(OutOfTime, match=r"Out of time after .* s of second"):
        for _ in range(10):
            watch("second")


def test_off_a_terminal_there_is_a_line_every_ten_seconds(monkeypatch):
    Ticking(monkeypatch, 1.0)
    stream = io.StringIO()
    watch = Watch(progress=True, stream=stream)
    for i in range(40):
        watch("integrating", i / 40)
    lines = stream.getvalue().splitlines()
    assert 3 <= len(lines) <= 12
    assert all(line.startswith("integrating: ") and line.endswith(" s)") for line in lines)
    quiet = io.StringIO()
    silent = Watch(stream=quiet)
    for _ in range(40):
        silent("integrating")
    assert quiet.getvalue() == ""


def test_on_a_terminal_one_line_changes_and_goes(monkeypatch):
    Ticking(monkeypatch, 1.0)
    stream = io.StringIO()
    stream.isatty = lambda: True  # ty: ignore[invalid-assignment]
    watch = Watch(progress=True, stream=stream)
    watch("integrating")
    watch.clear()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.fixture(scope="module")
def solution() -> pinn.Solution:
    return pinn.solve(pinn.get("harmonic_oscillator", end=1.0), recipe=QUICK, progress=False)


def test_without_time_the_table_says_what_was_not_had(solution):
    scores = pinn.compare(solution, budget=0.0)
    assert scores.error == {}
    assert not scores.trustworthy
    assert "not had in time" in scores.table()
    assert "0 s of the comparison the reference was not had" in scores.table()


def test_an_estimate_that_takes_too_long_leaves_the_errors(solution, monkeypatch):
    def slow(self, watch):
        raise OutOfTime("of patience")

    monkeypatch.setattr(pinn.Reference, "estimated", slow)
    scores = pinn.compare(solution)
    assert scores.error["q"] < 1e-3
    assert np.isnan(scores.reference_error)
    assert not scores.trustworthy
    assert "How good the reference is was not measured" in scores.table()


def test_control_c_keeps_what_is_measured(solution, monkeypatch):
    def interrupt(self, watch):
        raise KeyboardInterrupt

    monkeypatch.setattr(pinn.Reference, "estimated", interrupt)
    scores = pinn.compare(solution)
    assert set(scores.error) == {"q"}
    assert set(scores.drift)
    assert "interrupted" in scores.table()
    assert solution.scores["error"] == scores.error


def test_trust_needs_convergence_and_settled_numbers():
    good = measure.Scores({"u": 1e-6}, {}, {}, 1e-8, {}, {})
    assert good.trustworthy
    for change in ({"converged": False}, {"settled": False}, {"reference_error": 2e-7}):
        assert not dataclasses.replace(good, **change).trustworthy
    assert not dataclasses.replace(good, error={}).trustworthy
    assert not dataclasses.replace(good, reference_error=float("nan")).trustworthy


def test_a_table_says_that_a_solution_is_not_converged(solution):
    scores = pinn.compare(solution)
    said = dataclasses.replace(scores, converged=False).table()
    assert "not converged" in said


def test_a_reference_keeps_to_its_budget():
    with pytest.raises(OutOfTime):
        pinn.reference(pinn.get("kdv"), method=Lines(cache=False), budget=0.0)
