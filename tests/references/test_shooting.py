"""References for conditions in time: shooting states an error that bounds the true one."""

import math

import jax
import numpy as np
import pytest

import pinn
from pinn.references import Adaptive, Fixed


def oscillator(end, upper, **rest):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": ()},
        residual=lambda j: j.q_tt + j.q,
        boundary=[pinn.Dirichlet("q", "t", lower=0.0, upper=upper)],
        name="oscillator",
        **rest,
    )


def errors(reference, exact):
    interval = reference.problem.interval
    times = np.random.default_rng(3).uniform(interval.lower, interval.upper, 500)
    truth = np.array([exact(t) for t in times])
    name = next(iter(reference.problem.fields))
    found = np.asarray(reference(times)[name])
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


@pytest.mark.parametrize("upper", [False, True])
def test_the_estimate_bounds_the_error_of_bratu(upper):
    problem = pinn.get("bratu", upper=upper)
    reference = pinn.reference(problem, method=Adaptive())
    assert reference.method.name == "Dopri8" and not reference.problem.unknown_names
    error = errors(reference, lambda t: float(problem.exact(t)["q"]))
    assert error <= reference.error_estimate < 1e-12


def test_a_loose_tolerance_is_owned_up_to():
    reference = pinn.reference(oscillator(2.0, 1.0), method=Adaptive("Dopri5", rtol=1e-6))
    error = errors(reference, lambda t: math.sin(t) / math.sin(2.0))
    assert 1e-10 < error <= reference.error_estimate < 1e4 * error


def test_the_period_of_van_der_pol_without_any_training():
    reference = pinn.reference(pinn.get("limit_cycle"))
    assert abs(reference.problem.values["period"] - 6.66328686) < 1e-8
    assert reference.error_estimate < 1e-12


@pytest.mark.parametrize(("upper", "sentence"), [(1.0, "No solution"), (0.0, "do not determine")])
def test_what_has_no_solution_or_many_is_told(upper, sentence):
    with pytest.raises(pinn.ProblemError, match=sentence):
        pinn.reference(oscillator(math.pi, upper))


def test_a_closed_form_stands_once_its_start_is_known():
    problem = oscillator(1.0, math.sin(1.0), exact=lambda t: {"q": jax.numpy.sin(t)})
    reference = pinn.reference(problem)
    assert reference.method.name == "closed form"
    assert abs(float(reference.problem.values["q_t"]) - 1.0) < 1e-14
    assert "closed form: initial data" in pinn.check(problem).table()


def test_a_closed_form_that_misses_its_conditions_is_found_out():
    with pytest.raises(pinn.ProblemError, match="closed form"):
        pinn.check(oscillator(1.0, 0.5, exact=lambda t: {"q": jax.numpy.sin(t)}))


def test_steps_of_given_length_are_refused():
    with pytest.raises(pinn.ProblemError, match="adaptive"):
        pinn.reference(oscillator(1.0, 1.0), method=Fixed())
