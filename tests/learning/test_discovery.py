"""Charges from data: known systems give their known laws, and nothing else gives any."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pinn
from pinn.learning import LearningError, monomials

PLANE = {"q": (2,), "q_t": (2,)}
RADIUS = {"1/r": lambda j: 1.0 / jnp.linalg.norm(j.q)}


def paths(rate: Callable, starts: Sequence, end: float, count: int) -> tuple[np.ndarray, list]:
    times = np.linspace(0.0, end, count)
    solve = lambda y: solve_ivp(  # noqa: E731
        rate, (0.0, end), y, t_eval=times, rtol=1e-12, atol=1e-13, method="DOP853"
    )
    return times, [solve(start).y for start in starts]


def measured(times, states, split: Callable, noise=None, seed=0, stated=True) -> list[pinn.Data]:
    random = np.random.default_rng(seed)
    noisy = [s + (noise or 0.0) * random.normal(size=s.shape) for s in states]
    return [pinn.Data({"t": times}, split(s), noise if stated else None) for s in noisy]


def one(y):
    return {"q": y[0], "q_t": y[1]}


def plane(y):
    return {"q": y[:2].T, "q_t": y[2:].T}


@lru_cache
def pendula(damping: float = 0.0, count: int = 8):
    rate = lambda t, y: [y[1], -np.sin(y[0]) - damping * y[1]]  # noqa: E731
    return paths(rate, [(a, 0.1) for a in np.linspace(0.4, 2.6, count)], 10.0, 120)


def weights(quantity, *names: str) -> np.ndarray:
    """Return the coefficients of some candidates over that of the first, and none of others."""
    assert {*quantity.terms} == {*names}, quantity.formula
    values = np.array([quantity.terms[n] for n in names])
    return values / values[0]


def test_ideal_pendulum_data_give_its_energy_to_ten_digits():
    found = pinn.discover(measured(*pendula(), one), angles=["q"])
    assert found.formulas == ("q_t² − 2 cos(q)",)
    assert repr(found) == "Discovery(q_t² − 2 cos(q))"
    assert found.drift["q_t² − 2 cos(q)"] < 1e-10
    assert found.singular_values[0] < 1e-10 < 0.1 < found.singular_values[1]
    assert found.without_spread == ("cos(q)² + sin(q)²",)


def test_a_constant_that_is_no_round_number_is_found_to_eight_digits():
    rate = lambda t, y: [y[1], -np.sqrt(3.0) * np.sin(y[0])]  # noqa: E731
    data = measured(*paths(rate, [(a, 0.0) for a in (0.5, 1.0, 1.7, 2.4)], 8.0, 100), one)
    (energy,) = pinn.discover(data, angles=["q"]).quantities
    ratio = weights(energy, "q_t²", "cos(q)")[1]
    np.testing.assert_allclose(ratio, -2.0 * np.sqrt(3.0), rtol=1e-8)
    assert "3.4641" in energy.formula


@pytest.mark.parametrize("noise", [1e-3, 0.02])
@pytest.mark.parametrize("stated", [True, False])
def test_noise_leaves_the_formula_with_an_error_that_covers(noise, stated):
    deviations = []
    for seed in range(3):
        data = measured(*pendula(), one, noise, seed, stated)
        (energy,) = pinn.discover(data, angles=["q"]).quantities
        off = weights(energy, "q_t²", "cos(q)")[1] + 2.0
        error = max(energy.errors.values()) / abs(energy.terms["q_t²"])
        assert 0.05 * noise < error < 0.5 * noise
        assert 0.5 < energy.drift / energy.floor < 1.5
        deviations.append(off / error)
    assert np.max(np.abs(deviations)) < 4.0


def test_the_estimate_has_no_bias_where_least_squares_has():
    """Noise in a candidate makes least squares on it too small, on average over draws."""
    times, states = pendula()
    pair = {"cos(q)": lambda j: jnp.cos(j.q), "q_t²": lambda j: j.q_t**2}
    ours, plain, errors = [], [], []
    noise, random = {"q": 0.07, "q_t": 0.001}, np.random.default_rng(0)
    for _ in range(20):
        draw = lambda n, v: v + noise[n] * random.normal(size=v.shape)  # noqa: E731
        noisy = [{n: draw(n, v) for n, v in one(y).items()} for y in states[:4]]
        data = [pinn.Data({"t": times}, values, noise) for values in noisy]
        (energy,) = pinn.discover(data, pair).quantities
        ours.append(weights(energy, "q_t²", "cos(q)")[1] + 2.0)
        errors.append(max(energy.errors.values()) / abs(energy.terms["q_t²"]))
        rows = [(np.cos(d.values["q"]), d.values["q_t"] ** 2) for d in data]
        x, y = (np.concatenate([r[i] - r[i].mean() for r in rows]) for i in (0, 1))
        plain.append((x @ y) / (x @ x) - 2.0)
    error = np.mean(errors) / np.sqrt(20.0)
    assert abs(np.mean(ours)) < 3.5 * error < 4.5 * error < -np.mean(plain)
    assert 0.4 < np.std(ours) / np.mean(errors) < 1.8


@pytest.mark.parametrize("noise", [None, 0.02])
@pytest.mark.parametrize("damping", [0.005, 0.05])
def test_a_damped_pendulum_has_none(damping, noise):
    found = pinn.discover(measured(*pendula(damping), one, noise), angles=["q"])
    assert not found.charges and found.singular_values[0] > 3e-3
    assert "none found" in str(found) and "none found" in repr(found)
    assert found.nearest is not None and found.nearest.drift > found.nearest.floor


def test_positions_alone_are_differentiated():
    times, states = pendula()
    alone = lambda y: {"q": y[0]}  # noqa: E731
    found = pinn.discover(measured(times, states, alone), angles=["q"])
    assert found.formulas == ("q_t² − 2 cos(q)",)
    noisy = measured(times, states[:5], alone, 0.01)
    (energy,) = pinn.discover(noisy, angles=["q"]).quantities
    ratio = weights(energy, "q_t²", "cos(q)")[1]
    assert abs(ratio + 2.0) < 4.0 * max(energy.errors.values()) < 0.2


def test_an_anisotropic_oscillator_has_two_energies_and_an_isotropic_one_three_laws():
    starts = np.random.default_rng(0).normal(size=(7, 4))
    make = lambda k: paths(lambda t, y: [y[2], y[3], -y[0], -k * y[1]], starts, 10.0, 80)  # noqa: E731
    found = pinn.discover(measured(*make(2.25), plane))
    assert found.formulas == ("q[0]² + q_t[0]²", "q_t[1]² + 2.25 q[1]²")
    found = pinn.discover(measured(*make(1.0), plane))
    assert len(found) == 3 and len(found.dependent) == 1
    assert "q[0]·q_t[1] − q[1]·q_t[0]" in found.formulas


def newton(t, y):
    cube = np.hypot(y[0], y[1]) ** 3
    return [y[2], y[3], -y[0] / cube, -y[1] / cube]


@lru_cache
def orbits():
    starts = np.random.default_rng(1).uniform([0.8, -0.2, -0.2, 0.8], [1.2, 0.2, 0.2, 1.1], (7, 4))
    return paths(newton, starts, 8.0, 120)


def test_kepler_has_energy_and_momentum_and_with_radial_candidates_runge_lenz():
    data = measured(*orbits(), plane)
    found = pinn.discover(data, {**monomials(PLANE, 2), **RADIUS})
    assert found.formulas == ("q[0]·q_t[1] − q[1]·q_t[0]", "q_t[0]² + q_t[1]² − 2 (1/r)")
    radial = {f"q[{i}]/r": lambda j, i=i: j.q[i] / jnp.linalg.norm(j.q) for i in (0, 1)}
    found = pinn.discover(data, {**RADIUS, **monomials(PLANE, 3), **radial})
    assert len(found) == 3 and len(found.dependent) == 1
    third = weights(found.quantities[2], "q[0]·q_t[1]²", "q[1]·q_t[0]·q_t[1]", "q[0]/r")
    np.testing.assert_allclose(third, [1.0, -1.0, -1.0], rtol=1e-7)


def test_lotka_volterra_and_henon_heiles():
    rate = lambda t, y: [1.1 * y[0] - 0.4 * y[0] * y[1], 0.1 * y[0] * y[1] - 0.4 * y[1]]  # noqa: E731
    data = measured(
        *paths(rate, np.random.default_rng(0).uniform(1.0, 6.0, (6, 2)), 20.0, 120),
        lambda y: {"x": y[0], "y": y[1]},
    )
    logarithms = {"ln x": lambda j: jnp.log(j.x), "ln y": lambda j: jnp.log(j.y)}
    found = pinn.discover(data, {**monomials({"x": (), "y": ()}), **logarithms})
    # δx − γ ln x + βy − α ln y over δ
    assert found.formulas == ("x + 4 y − 4 (ln x) − 11 (ln y)",)

    def cubic(t, y):
        return [*y[2:], -y[0] - 2.0 * y[0] * y[1], -y[1] - y[0] ** 2 + y[1] ** 2]

    starts = np.random.default_rng(1).uniform(-0.25, 0.25, (8, 4))
    found = pinn.discover(measured(*paths(cubic, starts, 30.0, 120), plane), degree=3)
    assert found.formulas == ("q[0]² + q[1]² + q_t[0]² + q_t[1]² + 2 q[0]²·q[1] − 0.666667 q[1]³",)


def test_powers_of_a_quantity_are_functions_of_it():
    found = pinn.discover(measured(*pendula(), one), angles=["q"], degree=4)
    assert found.formulas == ("q_t² − 2 cos(q)",)
    assert len(found.dependent) == 1 and "q_t⁴" in found.dependent[0].formula
    assert "functions of these" in found.table()


def test_what_is_found_is_a_charge_that_the_library_verifies():
    references = [pinn.reference(pinn.get("pendulum", angle=a)) for a in (0.5, 1.2, 2.5)]
    charges = pinn.discover(references, angles=["theta"]).charges
    residual = lambda j: j.theta_tt + jnp.sin(j.theta)  # noqa: E731
    initial = {"theta": 1.0, "theta_t": 0.0}
    axes, fields = {"t": pinn.Interval(0.0, 5.0)}, {"theta": ()}
    problem = pinn.Problem(
        axes=axes, fields=fields, residual=residual, initial=initial, conserved=charges
    )
    (values,) = pinn.reference(problem).charges(np.linspace(0.0, 5.0, 9)).values()
    np.testing.assert_allclose(values, -2.0 * np.cos(1.0), rtol=1e-8)
    wrong = lambda j: j.theta_tt + 1.001 * jnp.sin(j.theta)  # noqa: E731
    with pytest.raises(pinn.ProblemError, match="cos"):
        pinn.reference(
            pinn.Problem(
                axes=axes, fields=fields, residual=wrong, initial=initial, conserved=charges
            )
        ).charges(0.0)


def test_a_constant_is_not_conserved():
    """Nor what hardly varies, nor what all trajectories share."""
    nothing = {
        "1": lambda j: jnp.ones(()),
        "nearly": lambda j: 1.0 + 1e-4 * jnp.cos(j.q),
        "q_t": lambda j: j.q_t,
    }
    times, states = pendula()
    for noise in (None, 0.02):
        data = measured(times, states, one, noise)
        found = pinn.discover(data, nothing)
        assert not found.charges, noise
        assert "1" in found.without_spread
    white = np.random.default_rng(3).normal(size=(len(data), len(times)))
    mass = [{**d.values, "m": 2.0 + 0.02 * w} for d, w in zip(data, white, strict=True)]
    found = pinn.discover([pinn.Data({"t": times}, v, 0.02) for v in mass], entries=("q_t", "m"))
    assert not found.charges and "m" in found.without_spread
    speeds = [(e, np.sqrt((1.0 + e) / (1.0 - e))) for e in (0.1, 0.2, 0.3, 0.4)]
    same = paths(newton, [(1.0 - e, 0.0, 0.0, v) for e, v in speeds], 6.0, 120)
    found = pinn.discover(measured(*same, plane), {**monomials(PLANE, 2), **RADIUS})
    assert found.formulas == ("q[0]·q_t[1] − q[1]·q_t[0]",)
    assert found.without_spread == ("q_t[0]² + q_t[1]² − 2 (1/r)",)  # all of energy −1/2


def test_no_law_is_found_where_there_is_none():
    def rate(t, y):
        return [
            10.0 * (y[1] - y[0]),
            y[0] * (28.0 - y[2]) - y[1],
            y[0] * y[1] - 8.0 / 3.0 * y[2],
        ]

    starts = np.random.default_rng(0).uniform([-10, -10, 10], [10, 10, 30], (6, 3))
    data = measured(*paths(rate, starts, 3.0, 150), lambda y: dict(zip("xyz", y, strict=True)))
    assert not pinn.discover(data, degree=3).charges


def test_components_by_column_missing_values_and_unordered_times():
    times, states = orbits()
    random = np.random.default_rng(0)
    data = []
    for y in states:
        order = random.permutation(len(times))
        columns = {
            "q[0]": y[0].copy(),
            "q[1]": y[1].copy(),
            "q_t[0]": y[2].copy(),
            "q_t[1]": y[3].copy(),
        }
        columns["q[0]"][random.choice(len(times), 10, replace=False)] = np.nan
        data.append(pinn.Data({}, {"t": times[order], **{n: c[order] for n, c in columns.items()}}))
    found = pinn.discover(data)
    assert found.formulas == ("q[0]·q_t[1] − q[1]·q_t[0]",)


def test_a_wider_state_is_differentiated_where_it_is_asked_for():
    data = measured(*orbits(), lambda y: {"q": y[:2].T})
    assert not pinn.discover(data).charges  # positions alone hold nothing
    found = pinn.discover(data, entries=("q", "q_t"))
    assert found.formulas == ("q[0]·q_t[1] − q[1]·q_t[0]",)


def test_one_trajectory_is_refused():
    data = measured(*pendula(), one)
    for few in (data[0], data[:1], data[:2]):
        with pytest.raises(LearningError, match="give at least 3 trajectories from different"):
            pinn.discover(few, angles=["q"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"angles": ["p"]}, "not an entry of the state"),
        ({"degree": 0}, "positive whole number"),
        ({"degree": 40}, "lower degree="),
        ({"degree": 15}, "give at least 270 points"),
        ({"tolerance": 0.0}, "between 0 and 1"),
        ({"candidates": [lambda j: j.q]}, "give a dictionary"),
        ({"candidates": {}}, "is empty"),
        ({"candidates": {"q": 1.0}}, "no function of the jet"),
        ({"candidates": {"ln": lambda j: jnp.log(j.q)}}, "'ln' or its derivative is not finite"),
        ({"candidates": {"both": lambda j: jnp.stack([j.q, j.q_t])}}, "expected one number"),
        ({"candidates": {"t": lambda j: j.t}}, "depends on the state"),
        ({"candidates": {"p": lambda j: j.p}}, "no entry 'p'"),
    ],
)
def test_bad_requests_get_one_sentence(change, says):
    with pytest.raises(pinn.PinnError, match=says):
        pinn.discover(measured(*pendula(), one)[:3], **change)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "There are no data"),
        ([1.0], "takes pinn.Data"),
        ([pinn.Data({"t": range(9), "x": 1.0}, {"u": range(9)})], "in time alone"),
        ([pinn.Data({}, {"u": range(9)})], "when they were measured"),
        ([pinn.Data({"t": range(9)}, {})], "hold no values"),
        ([pinn.Data({"t": range(9)}, {"q[1]": range(9)})], "all components"),
        ([pinn.Data({"t": range(4)}, {"q": range(4)})] * 3, "at least 8 different times"),
        ([pinn.Data({"t": [*range(9)] * 2}, {"q": range(18)})] * 3, "for each trajectory"),
        ([pinn.Data({"t": range(9)}, {"q": range(8)})] * 3, "9 times and 8 values"),
    ],
)
def test_data_that_are_no_trajectories_get_one_sentence(data, says):
    with pytest.raises(LearningError, match=says):
        pinn.discover(data)


def test_problems_over_space_are_refused():
    solved = SimpleNamespace(problem=pinn.get("heat"), trajectory=None)
    with pytest.raises(LearningError, match="over space"):
        pinn.discover([solved] * 3)
