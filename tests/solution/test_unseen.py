"""What a trajectory's residual is at points of its own, told without any training."""

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.jets import prolong
from pinn.trajectory import Trajectory
from pinn.unseen import unseen

KAPPA = 0.1


def rod(source=None, **statement):
    push = source or (lambda t, x: 0.0 * x)
    usual = {
        "residual": lambda j: j.u_t - KAPPA * j.u_xx - push(j.t, j.x),
        "initial": {"u": lambda x: jnp.sin(jnp.pi * x)},
        "boundary": [pinn.Dirichlet("u", "x")],
    }
    axes = {"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)}
    return pinn.Problem(axes=axes, fields={"u": ()}, **(usual | statement))


def decaying(t, x):
    return jnp.exp(-KAPPA * jnp.pi**2 * t) * jnp.sin(jnp.pi * x)


def along(problem, function):
    """Return the trajectory of a function of the coordinates."""

    def plan(entries):
        jet_at = prolong(lambda *p: {"u": function(*p)}, problem.space, entries)
        return lambda state, *point: jet_at(*point)

    return Trajectory(problem, plan, (), "float64")


def found(problem, function, reached=1.0):
    return unseen(problem, along(problem, function), reached)


def test_a_solution_has_a_residual_of_rounding():
    assert found(rod(), decaying).residual < 1e-13


@pytest.mark.parametrize("size", [1e-2, 1e-6])
def test_the_residual_is_as_large_as_what_is_wrong(size):
    wrong = lambda t, x: decaying(t, x) + size * t * jnp.sin(jnp.pi * x)  # noqa: E731
    what = found(rod(), wrong)
    assert 0.1 * size < what.residual < 10.0 * size
    assert what.what == "the equation of 'u'" and set(what.place) == {"t", "x"}


def test_a_pulse_that_a_solution_misses_is_seen_where_it_is():
    def pulse(t, x):
        return jnp.exp(-(((t - 0.37) / 1e-3) ** 2) - (((x - 0.61) / 1e-2) ** 2))

    what = found(rod(lambda t, x: 1e4 * pulse(t, x)), decaying)
    assert what.residual > 0.1
    assert what.place["t"] == pytest.approx(0.37, abs=3e-3)
    assert what.place["x"] == pytest.approx(0.61, abs=3e-2)


def test_conditions_and_initial_data_count_by_themselves():
    shifted = lambda t, x: decaying(t, x) + 1e-3  # noqa: E731
    assert found(rod(), shifted).what.startswith("the condition on 'u' at x = ")
    problem = rod(initial={"u": lambda x: jnp.sin(jnp.pi * x) + 1e-4 * jnp.sin(2.0 * jnp.pi * x)})
    what = found(problem, decaying)
    assert what.what == "the initial data of 'u'" and 3e-5 < what.residual < 3e-4


def test_a_condition_with_a_coefficient_of_its_own_is_read():
    problem = rod(
        boundary=[pinn.Robin("u", "x", None, 0.0, value=2.0), pinn.Dirichlet("u", "x", 0.0, None)]
    )
    assert found(problem, decaying).what == "the condition on 'u' at x = 1"


def test_an_equation_of_one_term_is_measured_by_what_it_might_be():
    """Of q_x = 0 with q = const. + noise, not noise by noise."""
    problem = pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0), "y": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_x,
        boundary=[pinn.Dirichlet("u", "x", lambda y: 1.0 + y, None)],
    )
    noisy = lambda x, y: 1.0 + y + 1e-12 * jnp.sin(9.0 * x)  # noqa: E731
    assert found(problem, noisy).residual < 1e-9


def test_only_what_is_reached_counts_and_nan_is_infinite():
    late = lambda t, x: decaying(t, x) + jnp.where(t > 0.5, 1.0, 0.0) * jnp.sin(jnp.pi * x)  # noqa: E731
    assert found(rod(), late, reached=0.45).residual < 1e-13 < found(rod(), late).residual
    broken = lambda t, x: jnp.where(x > 0.7, jnp.nan, decaying(t, x))  # noqa: E731
    assert found(rod(), broken).residual == np.inf
