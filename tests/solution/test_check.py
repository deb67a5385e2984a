"""`pinn.check` reports what holds and refuses what does not."""

import dataclasses

import jax.numpy as jnp
import pytest

import pinn
from pinn.watch import OutOfTime


def test_a_true_problem_is_reported_in_full():
    report = pinn.check(pinn.get("kepler", periods=0.2))
    table = str(report)
    for line in ("symmetry of energy", "closed form: equation", "reference by Dopri8"):
        assert line in table
    assert all(finding.value < 1e-9 for finding in report.findings)


@pytest.mark.parametrize(
    ("exact", "message"),
    [
        (lambda t: {"theta": 2.0 * jnp.cos(t)}, "does not satisfy the equation"),
        (lambda t: {"theta": jnp.sin(t)}, "does not satisfy the initial data"),
        (lambda t: {"angle": t}, r"exact= returns .* expected .*theta"),
    ],
)
def test_a_false_closed_form_is_refused(exact, message):
    problem = dataclasses.replace(pinn.get("pendulum", end=1.0), exact=exact)
    with pytest.raises(pinn.ProblemError, match=message):
        pinn.check(problem)


@pytest.mark.parametrize("name", ["kepler", "kdv"])
def test_what_is_not_checked_in_time_is_said(name):
    problem = pinn.get(name)
    report = pinn.check(problem, budget=0.0)
    assert not report.findings and "Out of time" in report.unchecked
    assert "every claim holds" not in str(report) and "give a larger budget" in str(report)


def test_the_laws_are_reported_where_there_is_no_time_for_a_reference(monkeypatch):
    def late(problem, method, watch):
        raise OutOfTime("Out of time after 3 s of integrating by Dopri8.")

    monkeypatch.setattr("pinn.checking.solve_reference", late)
    report = pinn.check(pinn.get("kepler", periods=0.2))
    assert {f.what for f in report.findings} >= {"symmetry of energy"}
    assert "Dopri8" in report.unchecked and not any("reference" in f.what for f in report.findings)
