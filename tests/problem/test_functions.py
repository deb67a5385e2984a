"""Functions of a user's own: errors with their place, real values, and their precision."""

import importlib
import sys
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn

HERE = Path(__file__).name
SINGLE = jnp.array([0.4, 0.7], jnp.float32)
GRAVITY = np.float32(9.81)


def oscillator(**statement) -> pinn.Problem:
    usual = {"residual": lambda j: j.q_tt + j.q, "initial": {"q": 1.0, "q_t": 0.0}}
    axes = {"t": pinn.Interval(0.0, 2.0)}
    return pinn.Problem(**{"axes": axes, "fields": {"q": ()}, **usual, **statement})


def rod(**statement) -> pinn.Problem:
    usual = {
        "residual": lambda j: j.u_t - j.u_xx,
        "initial": {"u": lambda x: 0.0 * x},
        "boundary": [pinn.Dirichlet("u", "x")],
    }
    axes = {"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)}
    return pinn.Problem(**{"axes": axes, "fields": {"u": ()}, **usual, **statement})


def looked_at(problem: pinn.Problem) -> None:
    _ = problem.dynamics, problem.initial_state


def missing(j):
    return j.q_tt + {"a": 1}["b"] * j.q


class Broken(pinn.AbstractCondition):
    def left_side(self, jet):
        return {}["left"]


RAISING = {
    "residual": (lambda: oscillator(residual=missing), "KeyError: 'b' .in missing, "),
    "zero": (lambda: oscillator(residual=lambda j: j.q_tt + 1 / 0), "ZeroDivisionError: division"),
    "branch": (lambda: oscillator(residual=lambda j: j.q_tt if j.q > 0 else j.q), "boolean"),
    "own": (lambda: oscillator(residual=lambda j: float(sys.argv["x"])), "list indices"),
    "lagrangian": (
        lambda: oscillator(residual=None, lagrangian=lambda j: next(iter(()))),
        "Lagrangian raises StopIteration",
    ),
    "force": (
        lambda: oscillator(
            residual=None, lagrangian=lambda j: 0.5 * j.q_t**2, force=lambda j: {}["x"]
        ),
        "force raises KeyError",
    ),
    "charge": (lambda: oscillator(conserved={"e": lambda j: {}["e"]}), "density of 'e' raises Key"),
    "start": (lambda: rod(initial={"u": lambda x: {}["x"]}), "initial value of 'u' raises KeyErr"),
    "end": (lambda: rod(boundary=[pinn.Dirichlet("u", "x", lambda t: [][0])]), "IndexError: list"),
    "condition": (lambda: rod(boundary=[Broken("u", "x")]), "condition on 'u' raises KeyError"),
}


@pytest.mark.parametrize("name", RAISING)
def test_what_a_function_raises_is_told_with_its_file_and_line(name):
    build, message = RAISING[name]
    with pytest.raises(pinn.FunctionError, match=message) as caught:
        looked_at(build())
    assert HERE in str(caught.value) and ", line " in str(caught.value)
    assert caught.value.__cause__ is not None and str(caught.value).endswith(".")


def test_a_closed_form_that_raises_is_told_so():
    def exact(t):
        return {"q": 1 / 0}

    with pytest.raises(pinn.FunctionError, match=r"exact= raises ZeroDivisionError.*in exact, "):
        pinn.reference(oscillator(exact=exact))


NOT_REAL = {
    "comparison": (lambda: oscillator(residual=lambda j: j.q_tt > -j.q), "return their difference"),
    "whole": (lambda: oscillator(residual=lambda j: 0), "whole numbers"),
    "complex": (lambda: oscillator(residual=lambda j: 1j * j.q_tt + j.q), r"jnp\.stack\(\[r\.real"),
    "start": (lambda: oscillator(initial={"q": 1j, "q_t": 0.0}), "initial value of 'q' is complex"),
    "array": (lambda: oscillator(initial={"q": np.array(1j), "q_t": 0.0}), "'q' is complex"),
    "function": (lambda: rod(initial={"u": lambda x: 1j * x}), "initial value of 'u' is complex"),
    "end": (lambda: rod(boundary=[pinn.Dirichlet("u", "x", 1j)]), "is complex, but fields are"),
    "lagrangian": (
        lambda: oscillator(residual=None, lagrangian=lambda j: j.q_t**2 * 1j),
        "Lagrangian is complex",
    ),
    "charge": (lambda: oscillator(conserved={"e": lambda j: j.q > 0}), "density of 'e' is true or"),
}


@pytest.mark.parametrize("name", NOT_REAL)
def test_numbers_that_are_not_real_are_refused(name):
    build, message = NOT_REAL[name]
    with jax.numpy_dtype_promotion("standard"), pytest.raises(pinn.ProblemError, match=message):
        looked_at(build())


def test_the_pair_form_that_the_sentence_shows_is_solved():
    """i z_t = z from z = 1: z = exp(−it), by real and imaginary part."""

    def residual(j):
        z, z_t = j.c[0] + 1j * j.c[1], j.c_t[0] + 1j * j.c_t[1]
        r = 1j * z_t - z
        return jnp.stack([r.real, r.imag])

    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"c": (2,)},
        residual=residual,
        initial={"c": (1.0, 0.0)},
    )
    with jax.numpy_dtype_promotion("standard"):
        t = np.linspace(0.0, 1.0, 11)
        c = np.asarray(pinn.solve(problem, progress=False)(t)["c"])
    np.testing.assert_allclose(c[:, 0] + 1j * c[:, 1], np.exp(-1j * t), rtol=0.0, atol=1e-11)


ROUNDED = {
    "initial value of 'q'": lambda: oscillator(initial={"q": SINGLE[0], "q_t": 0.0}),
    "'q_t' is given in float16": lambda: oscillator(initial={"q": 1.0, "q_t": np.float16(0.1)}),
    "size of 'e'": lambda: oscillator(scales={"e": np.float32(2.0)}),
    "parameter 'g'": lambda: oscillator(parameters={"g": GRAVITY}),
    "value of 'u' at 'x'": lambda: rod(boundary=[pinn.Dirichlet("u", "x", SINGLE[0])]),
    "An axis": lambda: oscillator(axes={"t": pinn.Interval(0.0, np.float32(2.0))}),
    "residual holds a constant": lambda: oscillator(
        residual=lambda j: j.q_tt + SINGLE[0].astype(float) * j.q
    ),
    "residual holds 'GRAVITY'": lambda: oscillator(
        residual=lambda j: j.q_tt + float(GRAVITY) * j.q
    ),
    "initial value of 'u' holds": lambda: rod(initial={"u": lambda x: x * SINGLE[1].astype(float)}),
}


@pytest.mark.parametrize("what", ROUNDED)
def test_single_precision_is_said_wherever_it_enters(what):
    with pytest.warns(pinn.PrecisionWarning, match=what) as caught:
        looked_at(ROUNDED[what]())
    assert all(Path(one.filename).name == HERE for one in caught)


def test_nothing_is_said_of_double_precision_and_of_names_alone():
    t = SINGLE  # a coordinate of the jet has this name too
    weights = np.array([0.5, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        looked_at(oscillator(residual=lambda j: j.q_tt + weights[1] * j.q * j.t))
    assert t is SINGLE


FILE = """
import jax.numpy as jnp
import pinn

START = jnp.array([0.4, 0.7])

@pinn.register
def spring(stiffness: float = 1.0):
    weights = jnp.array([0.1, 1.0])
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": ()},
        residual=lambda j: j.q_tt + stiffness * weights[1] * j.q,
        initial={"q": START[0], "q_t": START[1]},
    )
"""


def test_files_and_registered_functions_are_read_in_double_precision(monkeypatch):
    Path("mine.py").write_text(FILE)
    Path("imported.py").write_text(FILE.replace("jnp.array([0.4, 0.7])", "(0.4, 0.7)"))
    monkeypatch.syspath_prepend(str(Path().resolve()))
    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.simplefilter("error")
        for problem in (pinn.get("mine.py"), importlib.import_module("imported").spring()):
            assert problem.initial_state["q"] == 0.4 and problem.initial_state["q_t"] == 0.7
            looked_at(problem)


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(pinn.ProblemError, match="gives 'g' no value"):
        oscillator(parameters={"g": None})


def test_one_value_is_taken_where_many_are_meant():
    with pytest.raises(pinn.ProblemError, match="stands for many values"):
        pinn.get("kepler", eccentricity=pinn.Interval(0.1, 0.5))
    with pytest.raises(pinn.ProblemError, match=r"'eccentricity' .* that JAX is tracing"):
        jax.grad(lambda e: pinn.get("kepler", eccentricity=e).interval.upper)(0.3)


def test_a_statement_of_traced_values_is_refused():
    solved = lambda **s: pinn.solve(oscillator(**s), progress=False)(1.0)["q"]  # noqa: E731
    for differentiated in (
        lambda a: solved(initial={"q": a, "q_t": 0.0}),
        lambda a: solved(residual=lambda j: j.q_tt + a * j.q),
    ):
        with pytest.raises(pinn.ProblemError, match="that JAX is tracing"):
            jax.grad(differentiated)(1.0)
    with pytest.raises(pinn.PinnError, match=r"pinn\.solve is called inside"):
        jax.jit(lambda t: pinn.solve(oscillator(), progress=False)(t)["q"])(1.0)


def stated(residual, **fields):
    fields = fields or {"u": ()}
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Periodic(0.0, 1.0)},
        fields=fields,
        residual=residual,
        initial={n: (lambda x, s=shape: jnp.zeros(s) + x) for n, shape in fields.items()},
    )


@pytest.mark.parametrize(
    ("name", "residual"),
    [
        ("mean", lambda j: j.u_t - jnp.mean(j.u)),
        ("average", lambda j: j.u_t - jnp.average(j.u**2)),
        ("mean", lambda j: j.u_t - j.u.mean()),
        ("var", lambda j: j.u_t - jnp.var(j.u)),
        ("max", lambda j: j.u_t - jnp.max(jnp.abs(j.u)) * j.u_x),
        ("roll", lambda j: j.u_t - jnp.roll(j.u, 1)),
        ("median", lambda j: j.u_t - jnp.median(j.u)),
    ],
)
def test_an_integral_or_delay_of_the_value_at_one_point_is_refused(name, residual):
    with pytest.raises(pinn.ProblemError, match=rf"takes jnp\.{name} of a single number"):
        _ = stated(residual).dynamics


def test_means_of_components_and_sums_of_one_number_are_what_they_say():
    means = stated(lambda j: j.q_t - jnp.mean(j.q) - jnp.max(j.q) - jnp.roll(j.q, 1), q=(3,))
    assert means.dynamics.orders == {"q": 1}
    sums = stated(lambda j: j.u_t - jnp.sum(j.u**2) / 1.0 - jnp.linalg.norm(j.u))
    assert sums.dynamics.orders == {"u": 1}
