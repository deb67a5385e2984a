"""Solvers' derivatives by the unknowns, against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from open_problems import TIMES, heat, measured, oscillator

import pinn
from pinn.errors import TrainingError
from pinn.estimation.estimate import estimate, guessed, laid_out, solver_of
from pinn.estimation.joint_start import joint_start
from pinn.estimation.matching import matched
from pinn.estimation.observations import Request

SMALL = pinn.Recipe(network=pinn.Separable(times=10, waves=6), windows=pinn.Uniform(2))


def test_shooting_differentiates_the_solution():
    problem = oscillator([measured(0.0)])
    vector, observations = laid_out(problem)
    model = solver_of(vector, observations, guessed(problem), pinn.Recipe())
    z = np.log([2.0])  # k = e^z
    (value,), (slope,) = model.measured(z)
    root = np.sqrt(2.0)
    np.testing.assert_allclose(value, np.cos(root * TIMES), atol=1e-9)
    exact = -np.sin(root * TIMES) * TIMES / (2.0 * root) * 2.0  # dk/dz = k
    np.testing.assert_allclose(slope[:, 0], exact, atol=1e-8)


def test_a_march_carries_its_derivatives_along():
    t, x = np.array([0.2, 0.6, 0.9]), np.array([0.3, 0.5, 0.8])
    problem = heat([pinn.Data({"t": t, "x": x}, {"u": np.zeros(3)}, noise=1.0)])
    vector, observations = laid_out(problem)
    model = solver_of(vector, observations, guessed(problem), SMALL)
    z = np.log([0.1])
    request = Request((t, x), (lambda j: j.u, lambda j: j.D * j.u_x))
    (u, flux), (slope, flux_slope) = model.predictions(z, [request])
    decay = np.exp(-0.1 * np.pi**2 * t)
    np.testing.assert_allclose(u, decay * np.sin(np.pi * x), rtol=1e-8)
    np.testing.assert_allclose(slope[:, 0], -(np.pi**2) * t * 0.1 * u, rtol=1e-6)
    exact = 0.1 * np.pi * decay * np.cos(np.pi * x)
    np.testing.assert_allclose(flux, exact, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        flux_slope[:, 0], exact * (1.0 - 0.1 * np.pi**2 * t), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("start", [matched, joint_start])
def test_first_estimates_are_near_the_truth(start):
    data = [measured(0.01, stated=False)]
    free = {"q": pinn.Unknown(), "q_t": pinn.Unknown()}
    vector, observations = laid_out(oscillator(data, initial=free))
    given = (vector, observations, {} if start is matched else vector.start)
    found = vector.numbers(jnp.asarray(start(*given)))
    assert abs(float(found["k"]) - 2.0) < 0.2
    assert abs(float(found["q"]) - 1.0) < 0.1


def test_exact_data_give_the_unknowns_to_the_accuracy_of_the_solver():
    found = estimate(oscillator([measured(0.0, stated=False)]), pinn.Recipe())
    assert found.fit.converged
    assert abs(np.exp(found.fit.z[0]) - 2.0) < 1e-9


def test_a_constant_over_space_is_found_by_a_coarse_march_and_a_fine_one():
    t, x = (a.ravel() for a in np.meshgrid([0.3, 0.6, 1.0], [0.2, 0.5, 0.7], indexing="ij"))
    u = np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)
    solution = pinn.solve(heat([pinn.Data({"t": t, "x": x}, {"u": u})]), recipe=SMALL)
    assert abs(solution.unknowns["D"] - 0.1) < 1e-8
    assert abs(float(solution(0.5, 0.5)["u"]) - np.exp(-0.05 * np.pi**2)) < 1e-8
    mean, deviation = solution.posterior.band("u", 0.5, 0.5)
    assert abs(mean - np.exp(-0.05 * np.pi**2)) < 1e-8 and deviation < 1e-7


def test_a_search_ends_with_its_budget():
    with pytest.raises(TrainingError, match="not found in time"):
        pinn.solve(oscillator([measured(0.1)]), budget=1e-3, progress=False)
