"""Data as they come: outliers, times that differ by rounding, too few numbers, unknown walls."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest

import pinn


def oscillator(times, values, **given):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 10.0)},
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_t**2 - 0.5 * j.k * j.q**2,
        unknowns={"k": pinn.Unknown(lower=0.0)},
        initial={"q": pinn.Unknown(), "q_t": pinn.Unknown()},
        data=[pinn.Data({"t": times}, {"q": values}, **given)],
    )


@pytest.mark.parametrize("noise", [None, 0.02])
def test_gross_outliers_count_little_whether_noise_is_known_or_not(noise):
    times = np.linspace(0.1, 10.0, 60)
    values = np.cos(1.4 * times) + 0.02 * np.random.default_rng(0).normal(size=60)
    values[[5, 20, 40]] += [5.0, -8.0, 100.0]
    found = pinn.solve(oscillator(times, values, noise=noise, loss="huber"), progress=False)
    deviation = found.posterior.std["k"]
    assert abs(found.unknowns["k"] - 1.96) < 4.0 * deviation and 1e-3 < deviation < 1e-2
    if noise is None:
        assert 0.013 < found.posterior.noise["q"] < 0.03


def test_as_many_data_as_unknowns_do_not_tell_their_noise():
    stated = oscillator(np.array([1.0, 2.0, 4.0]), np.array([0.2, -0.9, 0.8]))
    with pytest.raises(pinn.ProblemError, match=r"3 numbers for 3 unknowns .*unknown noise"):
        pinn.solve(stated, progress=False)


def test_times_that_differ_by_rounding_are_one():
    times = np.append(np.linspace(0.1, 10.0, 40), np.linspace(0.1, 10.0, 40)[3] + 1e-15)
    found = pinn.solve(oscillator(times, np.cos(1.4 * times)), progress=False)
    assert abs(found.unknowns["k"] - 1.96) < 1e-9


@dataclass(frozen=True)
class Held(pinn.AbstractCondition):
    """u is an unknown number at an end."""

    def left_side(self, jet) -> jax.Array:
        return jet.u - jet.c


def test_a_condition_may_hold_an_unknown():
    x = np.linspace(0.1, 0.9, 9)
    stated = pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_xx + 2.0,
        unknowns={"c": pinn.Unknown(0.3)},
        boundary=[Held("u", "x", 0.0, None), pinn.Dirichlet("u", "x", None, 0.0)],
        data=[pinn.Data({"x": x}, {"u": x * (1.0 - x) + 0.5 * (1.0 - x)}, 0.01)],
    )
    found = pinn.solve(stated, progress=False)
    assert abs(found.unknowns["c"] - 0.5) < 1e-9 and 0.003 < found.posterior.std["c"] < 0.01
