"""Jets of functions of one to three coordinates, against sympy's derivatives."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from pinn.errors import UnknownEntryError
from pinn.jets import Jet, JetSpace, on_jets, prolong, total_derivative

SYMBOLS = sympy.symbols("t x y")
WAVE = sympy.symbols("a b c d")
ORDERS = {1: range(7), 2: range(5), 3: (0, 1, 4)}  # every entry of these, by coordinates


def closed_forms(coordinates):
    """A scalar and a vector of three with every derivative different from zero."""
    variables, (a, b, c, d) = SYMBOLS[:coordinates], WAVE
    s = sum(k * v for k, v in zip((a, b, c), variables, strict=False))
    p = sympy.prod([1 + v for v in variables])
    u = sympy.sin(s + d) * sympy.exp(p / 4)
    q = [sympy.exp(s / 2), p**4 * (1 + d * s), sympy.cos(p * s)]
    return u, q


def entries(coordinates):
    letters = "txy"[:coordinates]
    return [
        "".join(subscripts)
        for n in ORDERS[coordinates]
        for subscripts in itertools.combinations_with_replacement(letters, n)
    ]


@cache
def compiled(coordinates):
    """The jet of the closed forms by `prolong`, and their derivatives by sympy, from one call."""
    variables = SYMBOLS[:coordinates]
    u, q = closed_forms(coordinates)
    parameters = (*variables, *WAVE)
    plain = sympy.lambdify(parameters, (u, *q), "jax")
    space = JetSpace.of("txy"[:coordinates], {"u": (), "q": (3,)})
    subscripts = entries(coordinates)
    names = [f"{f}_{s}" if s else f for f in ("u", "q") for s in subscripts]
    derivatives = [
        [sympy.diff(f, *[sympy.Symbol(c) for c in s]) if s else f for s in subscripts]
        for f in (u, *q)
    ]
    exact = sympy.lambdify(parameters, derivatives, "numpy", cse=True)

    @jax.jit
    def jet(point, wave):
        def fields(*at):
            value, *vector = plain(*at, *wave)
            return {"u": value, "q": jnp.stack(vector)}

        return prolong(fields, space, [*names, *space.coordinates])(*point)

    def expected(point, wave):
        scalar, *vector = exact(*point, *wave)
        both = dict(zip(subscripts, scalar, strict=True))
        stacked = dict(zip(subscripts, np.transpose(vector), strict=True))
        return {"u": both, "q": stacked}

    return space, subscripts, jet, expected


@pytest.mark.parametrize("coordinates", [1, 2, 3])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_derivative_is_sympys(coordinates, seed):
    space, subscripts, jet, expected = compiled(coordinates)
    generator = np.random.default_rng(seed)
    point = jnp.asarray(generator.uniform(-0.8, 0.8, coordinates))
    wave = jnp.asarray(generator.uniform(0.4, 1.5, 4))
    lifted, exact = jet(point, wave), expected(np.asarray(point), np.asarray(wave))
    for field, shuffled in itertools.product(("u", "q"), subscripts):
        name = f"{field}_{shuffled[::-1]}" if shuffled else field
        np.testing.assert_allclose(
            lifted[name], exact[field][shuffled], rtol=1e-9, atol=1e-10, err_msg=name
        )
    for name, value in zip(space.coordinates, point, strict=True):
        assert lifted[name] == value


PLANE = JetSpace.of(("t", "x"), {"u": (), "q": (2,)})


def plane_wave(t, x):
    return {"u": jnp.sin(2.0 * x - 3.0 * t), "q": jnp.stack([t * x**2, jnp.exp(t) * x])}


@pytest.mark.parametrize(
    "names",
    [
        ("u_txx",),
        ("u_ttxx", "u_x"),
        ("q_tx", "u_tt", "u_xx"),
        ("u_xxxx", "q"),
        ("t",),
        ("x", "u_tttt", "q_tttx"),
        (),
    ],
)
def test_holds_just_what_was_asked_for(names):
    jet = prolong(plane_wave, PLANE, names)(jnp.asarray(0.3), jnp.asarray(0.7))
    assert set(jet) == {PLANE.canonical(n) for n in names}
    for name in names:  # the company does not change the value
        alone = prolong(plane_wave, PLANE, [name])(jnp.asarray(0.3), jnp.asarray(0.7))
        np.testing.assert_allclose(jet[name], alone[name], rtol=1e-14)


def test_derivatives_of_a_wave():
    jet = prolong(plane_wave, PLANE, ("u_ttxx", "u_xt", "q_txx", "q_tttt"))(0.3, 0.7)
    phase = 2.0 * 0.7 - 3.0 * 0.3
    np.testing.assert_allclose(jet.u_ttxx, 36.0 * np.sin(phase), rtol=1e-14)
    np.testing.assert_allclose(jet.u_tx, 6.0 * np.sin(phase), rtol=1e-14)
    np.testing.assert_allclose(jet.q_txx, [2.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(jet.q_tttt, [0.0, np.exp(0.3) * 0.7], rtol=1e-14)


def test_total_derivative_along_a_function_is_the_derivative():
    """(D_x f)(jet of u at x) = d/dx f(jet of u at x), which is what D_x means."""
    f = on_jets(PLANE, lambda j: j.x * j.u_t**2 * j.q_x[1] + jnp.cos(j.u) * j.t)
    derivative = total_derivative(f, "x")
    t, x = jnp.asarray(0.4), jnp.asarray(-0.6)
    at_point = derivative(prolong(plane_wave, PLANE, derivative.needs)(t, x))
    along_line = jax.grad(lambda x: f(prolong(plane_wave, PLANE, f.needs)(t, x)))(x)
    np.testing.assert_allclose(at_point, along_line, rtol=1e-13)


def test_transformations_pass_through():
    jet_at = prolong(plane_wave, PLANE, ("u_tx", "q_x"))
    ts, xs = jnp.linspace(0.0, 1.0, 5), jnp.linspace(-1.0, 1.0, 5)
    jets = jax.jit(jax.vmap(jet_at))(ts, xs)
    assert isinstance(jets, Jet) and jets.q_x.shape == (5, 2)
    slope = jax.jacrev(lambda t: jet_at(t, xs[1]).u_tx)(ts[1])
    np.testing.assert_allclose(slope, -18.0 * np.cos(2.0 * xs[1] - 3.0 * ts[1]), rtol=1e-13)


def test_unknown_entry_is_refused_before_anything_runs():
    with pytest.raises(UnknownEntryError, match="no entry 'u_y'"):
        prolong(plane_wave, PLANE, ("u", "u_y"))
