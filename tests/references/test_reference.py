"""References: as exact as they say, at any time, in every method."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.references import Lines
from pinn.references.method import Adaptive, Closed, Fixed
from pinn.watch import OutOfTime

TIMES = np.linspace(0.0, 3.0, 61)


@pytest.fixture(scope="module")
def orbit() -> pinn.Problem:
    return pinn.get("kepler", eccentricity=0.3, periods=0.5)


@pytest.fixture(scope="module")
def closed(orbit) -> pinn.Reference:
    return pinn.reference(orbit, method=Closed())


@pytest.mark.parametrize(
    ("method", "error"),
    [
        (Adaptive(), 1e-13),
        (Adaptive("Tsit5", rtol=1e-9), 1e-7),
        (Adaptive("Kvaerno5", rtol=1e-8), 1e-7),
        (Fixed("StormerVerlet", steps=2000), 1e-5),
        (Fixed("Yoshida8", steps=200), 1e-11),
        (Fixed("GaussLegendre", steps=60), 1e-11),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_method_reaches_the_closed_form_and_knows_how_near(orbit, closed, method, error):
    reference = pinn.reference(orbit, method=method)
    gap = np.linalg.norm(reference(TIMES)["q"] - closed(TIMES)["q"])
    actual = gap / np.linalg.norm(closed(TIMES)["q"])
    assert actual < error
    assert actual <= reference.error_estimate < 30.0 * error
    assert reference.steps > 5


def test_between_steps_nothing_is_lost(orbit, closed):
    """The state between two steps is as accurate as at their ends, unlike dense output."""
    reference = pinn.reference(orbit, method=Adaptive())
    steps = np.asarray(reference.trajectory.joints)
    middles = 0.5 * (steps[:-1] + steps[1:])
    gap = np.abs(np.asarray(reference(middles)["q"]) - np.asarray(closed(middles)["q"]))
    assert gap.max() < 1e-13
    energy = np.asarray(reference.charges(middles)["energy"])
    assert np.max(np.abs(energy + 0.5)) < 1e-14


def test_higher_derivatives_follow_from_the_equation(orbit, closed):
    reference = pinn.reference(orbit, method=Adaptive())
    entries = ("q_t", "q_tt", "q_ttt", "q_tttt")
    mine, truth = reference.jet(TIMES, entries), closed.jet(TIMES, entries)
    for name in entries:
        np.testing.assert_allclose(mine[name], truth[name], rtol=0, atol=1e-10)


def test_a_reference_can_be_compiled(orbit):
    reference = pinn.reference(orbit, method=Adaptive())
    np.testing.assert_allclose(
        jax.jit(reference)(jnp.asarray(TIMES))["q"], reference(TIMES)["q"], rtol=1e-13
    )


def test_a_problem_may_prefer_a_method():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"x": ()},
        lagrangian=lambda j: 0.5 * j.x_t**2 - 0.5 * j.x**2,
        initial={"x": 1.0, "x_t": 0.0},
        references=[Fixed("Yoshida4", steps=50)],
    )
    assert pinn.reference(problem).method.name == "Yoshida4"
    assert pinn.reference(problem, method=Adaptive()).method.name == "Dopri8"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Adaptive("Dopri9"), r"no reference method 'Dopri9'.*did you mean 'Dopri8'"),
        (lambda: Fixed("Yoshida8", steps=0), "at least one step"),
        (lambda: pinn.reference(pinn.get("henon_heiles"), method=Closed()), "no closed form"),
        (
            lambda: pinn.reference(pinn.get("double_pendulum"), method=Fixed("Yoshida4")),
            "does not depend on the velocity",
        ),
    ],
)
def test_what_cannot_be_is_refused(build, message):
    with pytest.raises(pinn.ProblemError, match=message):
        build()


def test_a_singular_solution_is_reported():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 2.0)},
        fields={"y": ()},
        residual=lambda j: j.y_t - j.y**2,
        initial={"y": 1.0},
    )
    with pytest.raises(pinn.PinnError, match=r"stopped at t = 1 of 2.*singular"):
        pinn.reference(problem)


START = 1.7e9


def test_a_time_from_an_epoch_loses_no_digit():
    square = (2.0 * np.pi / 5.0) ** 2
    problem = pinn.Problem(
        axes={"t": pinn.Interval(START, START + 10.0)},
        fields={"q": ()},
        residual=lambda j: j.q_tt + square * (j.q - 0.3 * jnp.cos(0.9 * (j.t - START))),
        initial={"q": 1.0, "q_t": 0.0},
    )
    reference = pinn.reference(problem)
    times = START + np.linspace(0.0, 10.0, 301)
    passed, amplitude = times - START, 0.3 * square / (square - 0.81)
    truth = amplitude * np.cos(0.9 * passed) + (1.0 - amplitude) * np.cos(square**0.5 * passed)
    error = np.linalg.norm(reference(times)["q"] - truth) / np.linalg.norm(truth)
    assert error < 1e-13
    assert error <= reference.error_estimate < 1e-12
    assert reference.steps < 1000


def test_a_field_from_an_epoch_loses_no_digit():
    """u = 1 + sin 3t over a rod whose left end is moved and whose inside is fed."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(START, START + 1.0), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx - 3.0 * jnp.cos(3.0 * (j.t - START)),
        initial={"u": lambda x: jnp.ones_like(x)},
        boundary=[
            pinn.Dirichlet("u", "x", lambda t: 1.0 + jnp.sin(3.0 * (t - START)), None),
            pinn.Neumann("u", "x", None, 0.0),
        ],
    )
    reference = pinn.reference(problem, method=Lines(modes=16, cache=False))
    times = START + np.linspace(0.0, 1.0, 33)
    truth = (1.0 + np.sin(3.0 * (times - START)))[:, None] + np.zeros(5)
    values = reference(times[:, None], np.linspace(0.0, 1.0, 5))["u"]
    assert np.max(np.abs(values - truth)) < 1e-12


@pytest.mark.parametrize("method", [None, Fixed("Yoshida8", steps=100)], ids=["Dopri8", "Yoshida8"])
def test_no_step_leaps_over_a_pulse(method):
    """A kick of 1e-3 in ten units of time, ∫ = 1e-3 √π: without looking, steps pass it by."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 10.0)},
        fields={"q": ()},
        residual=lambda j: j.q_tt - jnp.exp(-(((j.t - 3.337) / 1e-3) ** 2)),
        initial={"q": 1.0, "q_t": 0.0},
    )
    kicked = pinn.reference(problem, method=method).jet(9.0, ("q_t",))["q_t"]
    assert kicked == pytest.approx(1e-3 * np.sqrt(np.pi), rel=1e-11 if method is None else 0.1)


def test_a_switch_is_stepped_onto():
    """q' = 1 after t = √2, by a function that jumps there."""
    switch = float(np.sqrt(2.0))
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 3.0)},
        fields={"q": ()},
        residual=lambda j: j.q_t - jnp.where(j.t < switch, 0.0, 1.0),
        initial={"q": 0.0},
    )
    reference = pinn.reference(problem)
    assert reference(3.0)["q"] == pytest.approx(3.0 - switch, abs=1e-14)
    assert reference.steps < 100


def test_a_stiff_equation_is_integrated_implicitly_where_the_first_method_is_too_slow(monkeypatch):
    """y' = −λ (y − cos t) with λ = 10⁵: 25,000 explicit steps, a few hundred implicit ones."""
    monkeypatch.setattr("pinn.references.reference.FIRST", Adaptive(max_steps=4096))
    rate = 1e5
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"y": ()},
        residual=lambda j: j.y_t + rate * (j.y - jnp.cos(j.t)),
        initial={"y": 1.0},
    )
    reference = pinn.reference(problem)
    assert reference.method.name == "Kvaerno5"
    truth = rate * (rate * np.cos(1.0) + np.sin(1.0)) / (rate**2 + 1.0)
    assert reference(1.0)["y"] == pytest.approx(truth, rel=1e-9)
    with pytest.raises(pinn.PinnError, match=r"stopped at t = .*Kvaerno5"):
        pinn.reference(problem, method=Adaptive(max_steps=4096))


def test_a_budget_ends_an_integration(monkeypatch):
    problem = pinn.get("lorenz")
    with pytest.raises(OutOfTime, match="Out of time"):
        pinn.reference(problem, method=Adaptive(), budget=0.0)
