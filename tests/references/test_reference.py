"""References: as exact as they say, at any time, in every method."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.references.method import Adaptive, Closed, Fixed

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
    assert reference.error_estimate > 0.05 * actual
    assert reference.error_estimate < 30.0 * error
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
