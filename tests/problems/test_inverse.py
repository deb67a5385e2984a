"""Problems with unknowns: the data tell the truth that they were made from."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.cli import main
from pinn.errors import DataWarning, NotConverged
from pinn.problem.registry import listings

INVERSE = sorted(name for name, entry in listings().items() if entry.inverse)
SMALL = pinn.Recipe(network=pinn.Separable(6, 6), windows=pinn.Uniform(1), steps=30)
SOLVED = {
    "pendulum_inverse": {"end": 6.0, "count": 40, "seed": 1},
    "lotka_volterra_inverse": {"end": 3.0, "seed": 2},
}


@pytest.mark.parametrize("name", SOLVED)
def test_the_truth_is_within_four_standard_deviations(name):
    stated = pinn.get(name, **SOLVED[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        warnings.simplefilter("error", NotConverged)
        solution = pinn.solve(stated, progress=False)
    assert solution.converged
    for unknown in stated.unknown_names:
        estimate, truth = solution.unknowns[unknown], stated.parameters[unknown]
        deviation = solution.posterior.std[unknown]
        assert np.all(deviation > 0.0)
        assert np.all(np.abs(np.subtract(estimate, truth)) < 4.0 * deviation), unknown


@pytest.mark.parametrize("name", INVERSE)
def test_data_are_drawn_from_the_seed(name):
    first, again = (pinn.get(name).data for _ in range(2))
    for one, same in zip(first, again, strict=True):
        for column, values in one.values.items():
            np.testing.assert_array_equal(values, same.values[column])
    if "seed" in pinn.get(name).parameters:
        ((column, values),) = [*first[0].values.items()][:1]
        assert np.all(pinn.get(name, seed=1).data[0].values[column] != values)


# The lynx and hare are real, and the points of the others are drawn too.
ELSEWHERE = {"lynx_hare", "burgers_inverse", "taylor_green_inverse"}


@pytest.mark.parametrize("name", sorted({*INVERSE} - ELSEWHERE))
def test_noise_is_as_large_as_it_is_said_to_be(name):
    one, other = (pinn.get(name, seed=seed).data[0] for seed in (0, 1))
    for column, values in one.values.items():
        spread = np.std(values - other.values[column]) / np.sqrt(2.0)
        assert abs(spread / np.mean(one.deviation(column)) - 1.0) < 0.35


def test_the_points_of_burgers_lie_on_the_closed_form():
    data = pinn.get("burgers_inverse", viscosity=0.05, count=50, noise=0.0).data[0]
    exact = pinn.get("burgers", nu=0.05).exact
    truth = [float(exact(t, x)["u"]) for t, x in zip(*data.points.values(), strict=True)]
    np.testing.assert_allclose(data.values["u"], truth, rtol=0.0, atol=1e-13)


def test_the_temperatures_of_a_uniform_rod_decay():
    data = pinn.get("diffusivity", swing=0.0, noise=1e-13).data[0]
    t, x = data.points["t"], data.points["x"]
    truth = np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)
    np.testing.assert_allclose(data.values["u"], truth, rtol=0.0, atol=1e-11)


def test_waves_on_a_uniform_ring_run_both_ways():
    data = pinn.get("wave_speed", swing=0.0, mean=0.7, noise=1e-13).data[0]
    t, x = data.points["t"], data.points["x"]
    pulse = lambda x: np.exp(2.0 * np.cos(x) - 2.0)  # noqa: E731
    truth = 0.5 * (pulse(x - 0.7 * t) + pulse(x + 0.7 * t))
    np.testing.assert_allclose(data.values["u"], truth, rtol=0.0, atol=1e-11)


def test_an_unknown_potential_keeps_its_laws_and_gives_the_force():
    solution = pinn.solve(pinn.get("central_force", seed=1), progress=False)
    given, potential = solution.problem.parameters, solution.unknowns["V"]
    r = jnp.linalg.norm(solution(jnp.linspace(0.0, 6.0, 80))["q"], axis=1)
    found = jax.vmap(jax.grad(potential))(r)
    truth = given["mu"] * r / (r**2 + given["core"] ** 2) ** 1.5 + given["pull"]
    assert 1e-4 < float(jnp.linalg.norm(found - truth) / jnp.linalg.norm(truth)) < 0.1
    charges = solution.charges(jnp.linspace(0.0, 6.0, 50))
    assert {*charges} == {"energy", "angular_momentum"}
    for value in charges.values():
        assert float(jnp.ptp(value) / jnp.max(jnp.abs(value))) < 1e-10


def test_velocities_of_a_vortex_scatter_about_the_closed_form():
    data = pinn.get("taylor_green_inverse", noise=0.05).data[0]
    t, x, y = data.points.values()
    truth = {"u": np.sin(x) * np.cos(y), "v": -np.cos(x) * np.sin(y)}
    for column, values in truth.items():
        spread = np.std(data.values[column] - np.exp(-0.2 * t) * values)
        assert 0.045 < spread < 0.055


def test_what_a_vortex_does_not_tell_is_said():
    with pytest.warns(DataWarning, match="do not determine transport"):
        stated = pinn.get("taylor_green_inverse", count=60, viscosity=0.2, end=0.3)
        solution = pinn.solve(stated, progress=False, recipe=SMALL)
    deviation = solution.posterior.std["viscosity"]
    assert abs(solution.unknowns["viscosity"] - 0.2) < 4.0 * deviation < 0.1


def test_the_pelts_are_all_there():
    (data,) = pinn.get("lynx_hare").data
    assert data.count == 21 and data.points["t"][0] == 1900.0
    np.testing.assert_allclose(np.exp(data.values["log_hare"][[0, 3, -1]]), [30.0, 77.4, 24.7])
    np.testing.assert_allclose(np.exp(data.values["log_lynx"][[0, 4, -1]]), [4.0, 59.4, 8.6])


@pytest.mark.parametrize("name", ["pendulum_inverse", "diffusivity"])
def test_show_and_check_say_what_is_unknown_and_what_was_measured(name, capsys):
    stated = pinn.get(name)
    for command in ("show", "check"):
        assert main([command, name]) == 0
        printed = capsys.readouterr().out
        for unknown in stated.unknown_names:
            assert re.search(rf"unknown {unknown}( at the start)?  +\w", printed), command
        for column, values in stated.data[0].values.items():
            count = values.size
            assert f"measured {column}  " in re.sub("  +", "  ", printed)
            assert f"{count} numbers at {count} points, noise" in printed


def test_check_refuses_a_law_that_holds_at_no_value_of_an_unknown():
    spring = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": (2,)},
        lagrangian=lambda j: 0.5 * j.q_t @ j.q_t - j.push(j.q[0]),
        initial={"q": pinn.Unknown((1.0, 0.5)), "q_t": np.zeros(2)},
        functions={"push": pinn.Function()},
        symmetries=[pinn.symmetry.translation("q")],
    )
    with pytest.raises(pinn.ProblemError, match="not a symmetry of the Lagrangian"):
        pinn.check(spring)
