"""Scores of solutions whose errors and drifts are planted, bounded from both sides."""

import dataclasses
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.drift import departures, drift, worst_departure
from pinn.jets import prolong
from pinn.measure import Scores, _Comparison
from pinn.noether.anchor import anchor
from pinn.spectral import Grid
from pinn.trajectory import Trajectory
from pinn.watch import Watch

TIMES = np.linspace(0.0, 1.0, 201)


def along(problem, name, function, grid=None):
    """Return the trajectory of a function of the coordinates."""

    def plan(entries):
        jet_at = prolong(lambda *p: {name: function(*p)}, problem.space, entries)
        return lambda state, *point: jet_at(*point)

    return Trajectory(problem, plan, (), "float64", (), grid)


TURNING = pinn.Problem(
    axes={"t": pinn.Interval(0.0, 1.0)},
    fields={"q": (2,)},
    residual=lambda j: j.q_t - jnp.stack([j.q[1], -j.q[0]]),
    initial={"q": jnp.array([3.0, 4.0])},
    conserved={
        "square": lambda j: j.q @ j.q,
        "start": lambda j: turned(j.q, j.t),
    },
)


def turned(q, angle):
    """Return a vector turned to the left."""
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    return jnp.stack([q[0] * cosine - q[1] * sine, q[0] * sine + q[1] * cosine])


def bump(t):
    return jnp.exp(-(((t - 0.5) / 0.05) ** 2))


def test_scales_are_the_charges_at_the_start():
    scales = anchor(TURNING).scales
    assert scales["square"] == pytest.approx(25.0, rel=1e-14)
    assert scales["start"] == pytest.approx(5.0, rel=1e-14)


def test_drift_is_the_most_at_any_time_of_any_component():
    """Off by a factor 1 + 0.001 for a moment: its square by twice that, its larger part by ⅘."""
    start = jnp.array([3.0, 4.0])
    moved = along(TURNING, "q", lambda t: (1.0 + 1e-3 * bump(t)) * turned(start, -t))
    found = drift(moved, TIMES)
    assert found["square"] == pytest.approx(2.001e-3, rel=1e-9)
    assert found["start"] == pytest.approx(0.8e-3, rel=1e-9)
    gaps = departures(moved, TIMES)
    np.testing.assert_allclose(gaps["start"], 0.8e-3 * bump(TIMES), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(worst_departure(moved, TIMES), gaps["square"], atol=1e-15)


def test_drift_is_what_is_left_when_the_sources_are_counted():
    """q = 2 e^(−t) + 0.002 t of q′ = −q: it has gained 0.002 t, and the law 0.001 t² more."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": ()},
        residual=lambda j: j.q_t + j.q,
        initial={"q": 2.0},
        conserved={"amount": pinn.Balance(lambda j: j.q, lambda j: -j.q)},
    )
    wrong = along(problem, "q", lambda t: 2.0 * jnp.exp(-t) + 2e-3 * t)
    assert drift(wrong, TIMES)["amount"] == pytest.approx(1.5e-3, rel=1e-9)


def test_over_space_a_total_of_zero_is_measured_by_its_terms():
    """∫|sin 2πx| = 2/π."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Periodic(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t + j.u_x,
        initial={"u": lambda x: jnp.sin(2.0 * jnp.pi * x)},
        conserved={"heat": lambda j: j.u, "square": lambda j: j.u**2},
    )
    assert anchor(problem).charges["square"] == pytest.approx(0.5, rel=1e-12)
    assert anchor(problem).scales["square"] == pytest.approx(0.5, rel=1e-12)
    assert anchor(problem).scales["heat"] == pytest.approx(2.0 / np.pi, rel=1e-2)
    grid = Grid.of(problem.extent, {"x": 33})
    wrong = along(problem, "u", lambda t, x: jnp.sin(2.0 * jnp.pi * (x - t)) + 1e-3 * t, grid)
    found = drift(wrong, np.linspace(0.0, 1.0, 9))
    assert found["heat"] == pytest.approx(0.5e-3 * np.pi, rel=1e-2)
    assert found["square"] == pytest.approx(2e-6, rel=1e-6)


@pytest.mark.parametrize("samples", [None, 33])
@pytest.mark.parametrize("size", [0.3, 1e-2, 1e-9])
def test_the_error_is_as_large_as_what_is_wrong(samples, size):
    """By the adaptive points and on the even grid: a field that is off by a factor 1 + size."""
    right = lambda t: {"q": np.stack([3.0 + np.sin(5.0 * t), 4.0 + 0.0 * t], axis=-1)}  # noqa: E731

    class Truth:
        constants = ()

        def __call__(self, t):
            return right(t)

    wrong = lambda t: {"q": (1.0 + size) * right(t)["q"]}  # noqa: E731
    comparison = _Comparison(wrong, Watch())  # ty: ignore[invalid-argument-type]
    found = comparison._errors(TURNING, Truth(), samples)  # ty: ignore[invalid-argument-type]
    assert found.settled
    assert found.relative["q"] == pytest.approx(size, rel=1e-6)


def test_a_reference_must_be_ten_times_better():
    scores = Scores({"u": 1e-6}, {}, {}, 0.99e-7, {}, {})
    assert scores.trustworthy
    assert not dataclasses.replace(scores, reference_error=1.01e-7).trustworthy
    several = dataclasses.replace(scores, error={"u": 1e-9, "v": 1e-6})
    assert several.trustworthy


def test_what_was_not_settled_is_said():
    comparison = _Comparison(SimpleNamespace(), Watch())  # ty: ignore[invalid-argument-type]
    comparison._settled("error", True)
    assert comparison.notes == []
    comparison._settled("error", False)
    assert comparison.unsettled == ["error"] and "has not settled" in comparison.notes[0]
