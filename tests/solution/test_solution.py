"""What downstream code does with a solution: call, differentiate, transform, compare."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.measure import drift


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (0,)])
def test_values_have_the_shape_of_the_times_then_of_the_field(orbit, shape):
    times = np.full(shape, 0.4)
    assert orbit(times)["q"].shape == (*shape, 2)
    assert orbit.jet(times, entries=("q_tt",)).q_tt.shape == (*shape, 2)
    charges = orbit.charges(times)
    assert charges["energy"].shape == shape
    assert charges["laplace_runge_lenz"].shape == (*shape, 2)


def test_any_derivative_by_name_agrees_with_the_closed_form(orbit):
    times = np.linspace(0.05, 1.8, 40)
    entries = ("t", "q", "q_t", "q_tt")
    mine = orbit.jet(times, entries)
    truth = pinn.reference(orbit.problem).jet(times, entries)
    assert set(mine) == set(entries)
    for name in entries:
        np.testing.assert_allclose(mine[name], truth[name], rtol=0, atol=1e-9)
    np.testing.assert_allclose(orbit.jet(times, ("q_ttt",))["q_ttt"].shape, (40, 2))


def test_an_unknown_entry_names_the_close_ones(orbit):
    with pytest.raises(pinn.ProblemError, match=r"no entry 'q_x'.*subscripts t"):
        orbit.jet(0.1, ("q_x",))


def test_it_works_under_jit_vmap_grad_and_jvp(orbit):
    times = jnp.linspace(0.1, 1.0, 5)
    plain, velocity = orbit(times)["q"], orbit.jet(times, ("q_t",)).q_t
    np.testing.assert_allclose(jax.jit(orbit)(times)["q"], plain, rtol=1e-14)
    np.testing.assert_allclose(jax.vmap(orbit)(times)["q"], plain, rtol=1e-14)
    first = jax.vmap(jax.grad(lambda t: orbit(t)["q"][0]))(times)
    np.testing.assert_allclose(first, velocity[:, 0], rtol=0, atol=1e-12)
    tangent = jax.jvp(lambda t: orbit(t)["q"], (times,), (jnp.ones_like(times),))[1]
    np.testing.assert_allclose(tangent, velocity, rtol=0, atol=1e-12)


def test_times_that_are_no_numbers_are_refused(orbit):
    with pytest.raises(pinn.ProblemError, match="Points must be numbers"):
        orbit("soon")


@pytest.mark.parametrize("method", ["fields", "charges"])
def test_the_reference_is_called_in_the_same_way(orbit, method):
    reference = pinn.reference(orbit.problem)
    times = np.linspace(0.0, 1.5, 9)
    ask = (lambda s: s(times)) if method == "fields" else (lambda s: s.charges(times))
    for name, values in ask(orbit).items():
        np.testing.assert_allclose(values, ask(reference)[name], rtol=0, atol=1e-11)


def test_compare_scores_error_and_drift(orbit):
    scores = pinn.compare(orbit)
    assert scores.error["q"] < 1e-12
    assert set(scores.drift) == {"energy", "angular_momentum", "laplace_runge_lenz"}
    assert max(scores.drift.values()) < 1e-11
    assert scores.reference_error < 0.1 * 1e-12
    table = scores.table()
    for line in ("relative L2 error of q", "drift of energy", "Dopri8", "seconds: compilation"):
        assert line in table
    assert orbit.scores["error"]["q"] == scores.error["q"]


def test_drift_of_a_balance_law_counts_the_work_done():
    problem = pinn.get("damped_oscillator", end=2.0)
    reference = pinn.reference(problem, method=pinn.references.Adaptive())
    times = np.linspace(0.0, 2.0, 41)
    energy = np.asarray(reference.charges(times)["energy"])
    assert energy[-1] < 0.9 * energy[0]
    assert drift(reference.trajectory, times)["energy"] < 1e-13


def test_single_precision_callers_lose_no_digits():
    """Where JAX computes in single precision, concrete calls still return double precision."""
    program = """
import jax, jax.numpy as jnp, numpy as np, pinn
solution = pinn.solve(pinn.get("pendulum", end=0.5), progress=False)
truth = pinn.reference(solution.problem)
times = np.linspace(0.0, 0.5, 20)
assert not jax.config.jax_enable_x64
import warnings
gap = solution(times)["theta"] - truth(times)["theta"]
assert gap.dtype == np.float64 and np.max(np.abs(gap)) < 1e-12, gap
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    inside = jax.jit(solution)(jnp.asarray(times))["theta"]
    outside = solution(jnp.asarray(times))["theta"]
texts = [str(one.message) for one in said if one.category is pinn.PrecisionWarning]
assert len(texts) == 2 and "single precision" in texts[0] and "float32" in texts[1], texts
assert outside.dtype == np.float64
assert inside.dtype == jnp.float32 and np.max(np.abs(inside - solution(times)["theta"])) < 1e-5
assert solution.charges(0.2)["energy"].dtype == np.float64
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_importing_pinn_does_not_import_jax():
    program = "import sys, pinn; assert not {'jax', 'numpy', 'flax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_exists():
    for name in pinn.__all__:
        assert getattr(pinn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'slove'"):
        pinn.slove  # noqa: B018
