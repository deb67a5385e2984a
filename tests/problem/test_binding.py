"""Problems with values in place of their unknowns are those that are written with the values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.problem.fingerprint import differences, fingerprint


def spring(k, c, q, *, unknown: bool) -> pinn.Problem:
    """A damped spring, with k, c and q read from the jet or written as numbers."""
    read = lambda j, name, value: getattr(j, name) if unknown else jnp.asarray(value)  # noqa: E731
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": (2,)},
        lagrangian=lambda j: 0.5 * j.q_t @ j.q_t - 0.5 * read(j, "k", k) * (j.q @ j.q),
        dissipation=lambda j: 0.5 * read(j, "c", c) * (j.q_t @ j.q_t),
        unknowns={"k": pinn.Unknown(1.0), "c": pinn.Unknown(1.0)} if unknown else {},
        initial={"q": pinn.Unknown(0.0) if unknown else q, "q_t": np.zeros(2)},
        conserved={
            "energy": pinn.Balance(
                lambda j: 0.5 * j.q_t @ j.q_t + 0.5 * read(j, "k", k) * (j.q @ j.q),
                lambda j: -read(j, "c", c) * (j.q_t @ j.q_t),
            )
        },
    )


def test_a_problem_at_values_is_the_problem_that_is_written_with_them():
    k, c, q = 2.0, 0.3, np.array([1.0, -0.5])
    written = spring(k, c, q, unknown=False)
    found = spring(k, c, q, unknown=True).at(k=k, c=c, q=q)
    jet = {"t": 0.1, "q": q, "q_t": np.array([0.2, 0.4]), "q_tt": np.array([-1.0, 0.7])}
    at = {name: jnp.asarray(value) for name, value in jet.items()}
    for one in (written, found):
        assert not one.unknown_names
    for function in (lambda p: p.dynamics.residual, lambda p: p.action_density):
        values = [np.asarray(function(p)(Jet(p.space, at))) for p in (written, found)]
        np.testing.assert_allclose(values[0], values[1], rtol=1e-15)
    assert not differences(
        fingerprint(found), fingerprint(spring(k, c, q, unknown=True).at(k=k, c=c, q=q))
    )
    assert differences(
        fingerprint(found), fingerprint(spring(k, c, q, unknown=True).at(k=2.1, c=c, q=q))
    )


def test_values_may_be_given_one_after_the_other():
    half = spring(0, 0, 0, unknown=True).at(k=2.0)
    assert half.unknown_names == ("c", "q")
    assert not half.at(c=0.3, q=np.ones(2)).unknown_names


@pytest.mark.parametrize("name", ["residual", "initial_state"])
def test_nothing_is_derived_while_something_is_unknown(name):
    problem = spring(0, 0, 0, unknown=True)
    with pytest.raises(ProblemError, match="has unknowns"):
        getattr(problem.dynamics if name == "residual" else problem, name)


def test_a_name_that_is_no_unknown_is_refused():
    with pytest.raises(ProblemError, match="no unknown 'kk'"):
        spring(0, 0, 0, unknown=True).at(kk=1.0)


def test_unknown_functions_of_coordinates_have_their_derivatives():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": (), "a": pinn.Field(over="x")},
        residual=lambda j: j.u_t - j.a * j.u_xx - j.a_x * j.u_x,
        initial={"u": lambda x: x * (1.0 - x)},
        boundary=[pinn.Dirichlet("u", "x")],
    )
    known = problem.at(a=lambda x: 1.0 + x**3)
    at = {"x": 0.5, "u_t": 0.0, "u_x": 2.0, "u_xx": 3.0}
    value = known.dynamics.residual(Jet(known.space, {n: jnp.asarray(v) for n, v in at.items()}))
    assert abs(float(value[0]) + (1.125 * 3.0 + 0.75 * 2.0)) < 1e-14


def test_functions_of_coordinates_take_unknowns_by_name():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx,
        unknowns={"level": pinn.Unknown(1.0)},
        initial={"u": lambda x, level: level * (1.0 - x)},
        boundary=[pinn.Dirichlet("u", "x", lower=lambda t, level: level, upper=0.0)],
    )
    known = problem.at(level=3.0)
    assert abs(float(known.initial_state["u"](jnp.asarray(0.5))) - 1.5) < 1e-15
    assert float(known.boundary[0].lower(0.2)) == 3.0


def test_values_may_be_traced():
    problem = spring(0, 0, 0, unknown=True)

    def acceleration(k):
        known = problem.traced({"k": k, "c": 0.0, "q": jnp.ones(2)})
        state = {"t": jnp.zeros(()), "q": jnp.ones(2), "q_t": jnp.zeros(2)}
        return known.dynamics.on_shell(state)["q_tt"][0]

    slope = jax.jit(jax.grad(acceleration))(jnp.asarray(2.0))
    assert abs(float(slope) + 1.0) < 1e-14


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ({"unknowns": {"q": pinn.Unknown(1.0)}}, "used twice"),
        ({"unknowns": {"t": pinn.Unknown(1.0)}}, "not a coordinate"),
        ({"unknowns": {"k": 1.0}}, "expected pinn.Unknown"),
        ({"unknowns": [1]}, "takes a dictionary"),
        ({"data": pinn.Data({"t": [0.1]}, {"q": [1.0]})}, "takes a list"),
    ],
)
def test_statements_that_contradict_themselves_are_refused(stated, sentence):
    with pytest.raises(ProblemError, match=sentence):
        given = {"unknowns": {"k": pinn.Unknown(1.0)}, **stated}
        problem = pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)},
            fields={"q": ()},
            residual=lambda j: j.q_t + j.q,
            initial={"q": 1.0},
            **given,
        )
        problem.space  # noqa: B018
