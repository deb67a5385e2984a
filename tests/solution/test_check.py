"""`pinn.check` reports what holds and refuses what does not."""

import dataclasses

import jax.numpy as jnp
import pytest

import pinn


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
