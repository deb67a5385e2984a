"""Problems that begin with nothing, wait for a pulse, or count time from far away."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

import pinn
from pinn.outcome import IncompleteWarning
from pinn.problem.scan import scan
from pinn.training.scales import field_scales, largest_rates, taylor_orders

RATES = np.array([[-4.0, 0.0, 0.0], [4.0, -1.0, 0.0], [0.0, 1.0, 0.0]])


def chain(scale=1.0):
    """A → B → C from pure A, as three scalar fields."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 2.0)},
        fields={name: () for name in "abc"},
        residual=lambda j: (j.a_t + 4.0 * j.a, j.b_t - 4.0 * j.a + j.b, j.c_t - j.b),
        initial={"a": scale, "b": 0.0, "c": 0.0},
    )


def forced(force, start=0.0, end=6.0):
    return pinn.Problem(
        axes={"t": pinn.Interval(start, start + end)},
        fields={"q": ()},
        residual=lambda j: j.q_tt + j.q - force(j.t),
        initial={"q": 0.0, "q_t": 0.0},
    )


def largest_error(solution, name, times, truth):
    return float(np.max(np.abs(np.asarray(solution(times)[name]) - truth)) / np.max(np.abs(truth)))


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_fields_that_are_zero_at_the_start_are_solved_in_their_own_units(scale):
    solution = pinn.solve(chain(scale), progress=False)
    times = np.linspace(0.0, 2.0, 41)
    truth = scale * np.array([expm(RATES * t)[:, 0] for t in times])
    for index, name in enumerate("abc"):
        assert largest_error(solution, name, times, truth[:, index]) < 1e-11
    assert solution.converged and len(solution.march.records) < 400


def test_the_taylor_polynomial_holds_the_first_derivative_that_is_not_zero():
    problem = chain()
    assert taylor_orders(problem.dynamics, problem.initial_state, 0.0) == {"a": 1, "b": 1, "c": 2}


def test_scales_follow_the_state_the_forces_and_else_the_largest_field():
    problem = chain(3.0)
    state = {name: jnp.asarray(v) for name, v in problem.initial_state.items()}
    taylor = {"a": jnp.array([3.0, -12.0]), "b": jnp.array([0.0, 12.0]), "c": jnp.zeros(3)}
    rest = dict.fromkeys("abc", 0.0)
    found = field_scales(problem.dynamics, state, taylor, jnp.zeros(()), jnp.asarray(0.1), rest)
    assert {n: float(v) for n, v in found.items()} == pytest.approx({"a": 3.0, "b": 1.2, "c": 3.0})


def test_the_largest_rate_is_that_of_the_pulse():
    problem = forced(lambda t: 7.0 * jnp.exp(-(((t - 2.0) / 1e-3) ** 2)))
    knots = scan(problem)["t"].knots
    found = largest_rates(problem.dynamics, problem.initial_state, knots)
    assert found["q"] == pytest.approx(7.0, rel=0.2)
    none = largest_rates(chain().dynamics, chain().initial_state, np.array([0.0, 2.0]))
    assert none == dict.fromkeys("abc", 0.0)


@pytest.mark.parametrize("start", [0.0, 1.7e9])
@pytest.mark.parametrize("closed", [True, False])
def test_a_string_at_rest_feels_a_short_pulse_and_a_late_switch(start, closed):
    """q = pulse's impulse · sin(t − 2.5) + 1 − cos(t − 4.9), at times that the clock can tell."""
    width, when = 0.004, 4.875
    after = (lambda t: t >= when + start) if closed else (lambda t: t > when + start)
    pulse = lambda t: 50.0 * jnp.exp(-((((t - start) - 2.5) / width) ** 2))  # noqa: E731
    problem = forced(lambda t: pulse(t) + jnp.where(after(t), 1.0, 0.0), start)
    solution = pinn.solve(problem, progress=False)
    times = np.arange(0.0, 6.0, 0.125)
    times = times[np.abs(times - 2.5) > 0.05]
    # ∫ 50 exp(−s²/w²) sin(t − s) ds = 50 √π w exp(−w²/4) sin t
    size = 50.0 * np.sqrt(np.pi) * width * np.exp(-0.25 * width**2)
    truth = np.where(times > 2.5, size * np.sin(times - 2.5), 0.0)
    truth += np.where(times > when, 1.0 - np.cos(times - when), 0.0)
    assert largest_error(solution, "q", start + times, truth) < 1e-10
    assert when + start in [record.end for record in solution.march.records]
    assert len(solution.march.records) < 400


def test_windows_of_a_given_length_are_not_cut_but_say_what_they_missed():
    problem = forced(lambda t: 50.0 * jnp.exp(-(((t - 2.5) / 1e-4) ** 2)))
    recipe = pinn.Recipe(windows=pinn.Uniform(3))
    with pytest.warns(pinn.NotConverged, match=r"'q'|component|equation of 'q'.* t = 2\.5"):
        solution = pinn.solve(problem, recipe=recipe, progress=False)
    assert len(solution.march.records) == 3 and not solution.converged
    assert solution.unseen.place["t"] == pytest.approx(2.5, abs=1e-3)


def test_a_march_that_leaves_the_solution_stops():
    from pinn.training.march import _diverging

    assert _diverging([2.0, 3.0, 4.0, 5.0])
    assert not _diverging([2.0, 3.0, 4.0])
    assert not _diverging([1e-9, 1e-8, 1e-7, 1e-6, 1e-5])
    assert not _diverging([5.0, 4.0, 6.0, 7.0])


def test_a_march_of_ever_shorter_windows_stops():
    """Adam's windows are right and too short: 152,027 of them came to t = 0.004 of 20."""
    recipe = pinn.Recipe(
        network=pinn.Network(width=4), step=pinn.Optax("adam", {"learning_rate": 1e-3}), steps=20
    )
    with pytest.warns(IncompleteWarning, match=r"stalled at t = .* in a window of .*e-\d\d"):
        solution = pinn.solve(pinn.get("harmonic_oscillator"), recipe=recipe, progress=False)
    assert 100 <= len(solution.march.windows) < 1000


def test_a_collocation_point_is_where_the_equation_is_asked():
    """t₀ + s is the very time that the equation sees, however far from zero."""
    from pinn.networks.window import Window

    window = Window(jnp.asarray(1.7e9), jnp.asarray(0.1), {}, {})
    share = jnp.linspace(0.0, 1.0, 33)
    elapsed = window.inside(share)
    times = window.start + elapsed
    assert np.array_equal(np.asarray(times - window.start), np.asarray(elapsed))
    assert float(jnp.max(jnp.abs(elapsed - 0.1 * share))) < 5e-7
    assert float(times[-1]) < float(window.start + window.length)
    assert jax.jit(window.elapsed)(jnp.asarray(1.0)) == (1.7e9 + 0.1) - 1.7e9
