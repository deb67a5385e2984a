"""Total derivatives and the Euler operator, against sympy and against their own theorems."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from pinn.jets import (
    JetSpace,
    along,
    entry_function,
    euler_operator,
    on_jets,
    partial,
    random_jets,
    repeated_derivative,
    total_derivative,
)

SEEDS = st.integers(0, 2**32 - 1)
PLANE = JetSpace.of(("t", "x"), {"u": (), "q": (2,)})
SCALAR = JetSpace.of(("t", "x"), {"u": ()})


def generic(names, coefficients):
    """A polynomial of degree three in the entries, every coefficient there, plus a sine."""

    def function(j):
        z = jnp.concatenate([jnp.ones(1), *[jnp.ravel(j[n]) for n in names]])
        cubic = jnp.einsum("abc,a,b,c->", coefficients, z, z, z)
        return cubic + jnp.sin(coefficients[0, 0] @ z)

    return function


def random_coefficients(seed, space, names):
    size = 1 + sum(int(np.prod(space.shape(n))) for n in names)
    return np.random.default_rng(seed).normal(size=(size,) * 3) / size


def compiled(space, names, build):
    """A jitted function of coefficients and one seed: `build` on jets that hold what it needs."""
    needs = sorted(build(on_jets(space, generic(names, random_coefficients(0, space, names))))[0])

    @jax.jit
    def evaluate(coefficients, jets):
        _, functions = build(on_jets(space, generic(names, coefficients)))
        return jax.vmap(lambda j: [f(j) for f in functions])(jets)

    return lambda seed: evaluate(
        random_coefficients(seed, space, names), random_jets(space, needs, seed, 8)
    )


def needs_of(*functions):
    return {n for f in functions for n in f.needs}


@cache
def both_orders():
    def build(f):
        pair = repeated_derivative(f, "tx"), repeated_derivative(f, "xt")
        return needs_of(*pair), pair

    return compiled(PLANE, ("t", "x", "u", "u_x", "u_tt", "q_t"), build)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_total_derivatives_commute(seed):
    one, other = both_orders()(seed)
    np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-12 * np.max(np.abs(one)))


@cache
def euler_of_divergences():
    """E(D_t f) and E(D_x f) for each field, and for scale the sizes of E(f) and of D f."""

    def build(f):
        divergences = [total_derivative(f, c) for c in PLANE.coordinates]
        vanish = [euler_operator(d, a) for d in divergences for a in PLANE.fields]
        scale = [total_derivative(d, "x") for d in divergences]
        return needs_of(*vanish, *scale), [*vanish, *scale]

    return compiled(PLANE, ("t", "x", "u", "u_t", "q_x"), build)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_euler_operator_annihilates_total_derivatives(seed):
    *vanish, one, other = euler_of_divergences()(seed)
    scale = max(np.max(np.abs(one)), np.max(np.abs(other)))
    for value in vanish:
        np.testing.assert_allclose(value, np.zeros_like(value), rtol=0.0, atol=1e-11 * scale)


@cache
def euler_of_second_order():
    def build(f):
        vanish = [euler_operator(total_derivative(f, c), "u") for c in "tx"]
        return needs_of(*vanish, euler_operator(f, "u")), [*vanish, euler_operator(f, "u")]

    return compiled(SCALAR, ("u", "u_tx", "u_xx"), build)


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_euler_operator_annihilates_divergences_of_second_order_densities(seed):
    *vanish, euler = euler_of_second_order()(seed)
    scale = np.max(np.abs(euler))
    assert scale > 1e-3
    for value in vanish:
        np.testing.assert_allclose(value, np.zeros_like(value), rtol=0.0, atol=1e-10 * scale)


SYMBOLS = {n: sympy.Symbol(n) for n in ("t", "x", "u", "u_t", "u_x", "u_tx", "u_xx")}
TERM = st.tuples(
    st.integers(-5, 5),
    st.lists(st.sampled_from(sorted(SYMBOLS)), min_size=1, max_size=4),
    st.sampled_from([lambda e: e, sympy.sin, sympy.cos, sympy.exp, sympy.tanh]),
)


def sympy_total_derivative(expression, coordinate):
    derivative = expression.diff(sympy.Symbol(coordinate))
    for symbol in expression.free_symbols:
        if not SCALAR.is_coordinate(symbol.name):
            raised = sympy.Symbol(SCALAR.raised(symbol.name, coordinate))
            derivative += expression.diff(symbol) * raised
    return derivative


def at(expression, jets):
    names = sorted(symbol.name for symbol in expression.free_symbols)
    values = sympy.lambdify([sympy.Symbol(n) for n in names], expression, "numpy")
    return np.broadcast_to(values(*[np.asarray(jets[n]) for n in names]), np.shape(jets.t))


@settings(max_examples=10, deadline=None)
@given(terms=st.lists(TERM, min_size=1, max_size=3), order=st.sampled_from(["t", "x", "tx", "xx"]))
def test_total_derivative_is_sympys(terms, order):
    pieces = [c * shape(sympy.prod([SYMBOLS[n] for n in names])) for c, names, shape in terms]
    density = sum(pieces, sympy.Integer(0))
    expected = density
    for coordinate in order:
        expected = sympy_total_derivative(expected, coordinate)
    names = sorted(symbol.name for symbol in density.free_symbols)
    plain = sympy.lambdify([SYMBOLS[n] for n in names], density, jnp)
    function = on_jets(SCALAR, lambda j: jnp.asarray(plain(*[j[n] for n in names]), float))
    derivative = repeated_derivative(function, order)
    needs = {*derivative.needs, *(s.name for s in expected.free_symbols), "t"}
    jets = random_jets(SCALAR, needs, 1, 6)
    np.testing.assert_allclose(
        jax.vmap(derivative)(jets), at(expected, jets), rtol=1e-10, atol=1e-11
    )


def beam(j):
    return 0.5 * j.u_t**2 - 0.5 * j.u_xx**2


def klein_gordon(j):
    return 0.5 * j.u_t**2 - 0.5 * j.u_x**2 - 0.5 * j.u**2


def sine_gordon(j):
    return 0.5 * j.u_t**2 - 0.5 * j.u_x**2 + jnp.cos(j.u)


def regularised_long_wave(j):
    """With u the potential of the wave: mixed second derivatives."""
    return 0.5 * j.u_t * j.u_x + 0.5 * j.u_x**2 + j.u_x**3 / 6.0 + 0.5 * j.u_xx * j.u_tx


def korteweg_de_vries(j):
    return 0.5 * j.u_t * j.u_x + j.u_x**3 - 0.5 * j.u_xx**2


def moving_clock(j):
    """Depends on the coordinates, too."""
    return 0.5 * j.t**2 * j.u_t**2 - 0.5 * j.x**2 * j.u**2


EQUATIONS = [
    (beam, lambda j: -j.u_tt - j.u_xxxx),
    (klein_gordon, lambda j: -j.u_tt + j.u_xx - j.u),
    (sine_gordon, lambda j: -j.u_tt + j.u_xx - jnp.sin(j.u)),
    (korteweg_de_vries, lambda j: -j.u_tx - 6.0 * j.u_x * j.u_xx - j.u_xxxx),
    (regularised_long_wave, lambda j: -j.u_tx - j.u_xx - j.u_x * j.u_xx + j.u_txxx),
    (moving_clock, lambda j: -2.0 * j.t * j.u_t - j.t**2 * j.u_tt - j.x**2 * j.u),
]


@pytest.mark.parametrize(("lagrangian", "by_hand"), EQUATIONS, ids=lambda f: f.__name__)
def test_euler_operator_gives_the_known_equation(lagrangian, by_hand):
    derived = euler_operator(on_jets(SCALAR, lagrangian), "u")
    expected = on_jets(SCALAR, by_hand)
    assert derived.needs == expected.needs
    jets = random_jets(SCALAR, expected.needs, 5, 32)
    np.testing.assert_allclose(
        jax.vmap(derived)(jets), jax.vmap(expected)(jets), rtol=0.0, atol=2e-15
    )


def test_euler_operator_of_the_nonlinear_schrodinger_equation():
    """iψ_t + ψ_xx + 2|ψ|²ψ = 0 for ψ = a + ib, from L = b a_t − a b_t − |ψ_x|² + |ψ|⁴."""
    space = JetSpace.of(("t", "x"), {"a": (), "b": ()})
    lagrangian = on_jets(
        space,
        lambda j: j.b * j.a_t - j.a * j.b_t - j.a_x**2 - j.b_x**2 + (j.a**2 + j.b**2) ** 2,
    )
    jets = random_jets(space, ("a", "b", "a_t", "b_t", "a_xx", "b_xx"), 0, 32)
    square = jets.a**2 + jets.b**2
    real = -jets.b_t + jets.a_xx + 2.0 * square * jets.a
    imaginary = jets.a_t + jets.b_xx + 2.0 * square * jets.b
    for field, equation in (("a", real), ("b", imaginary)):
        derived = jax.vmap(euler_operator(lagrangian, field))(jets)
        np.testing.assert_allclose(derived, 2.0 * equation, rtol=0.0, atol=4e-15)


def test_euler_operator_on_a_vector_field():
    """L = ½ q_t M q_t − ½ (q·q)², E = −M q_tt − 2 (q·q) q."""
    mass = np.array([[2.0, 0.3], [0.3, 1.0]])
    lagrangian = on_jets(
        PLANE, lambda j: 0.5 * j.q_t @ jnp.asarray(mass) @ j.q_t - 0.5 * (j.q @ j.q) ** 2
    )
    derived = euler_operator(lagrangian, "q")
    assert derived.shape == (2,) and derived.needs == ("q", "q_tt")
    jets = random_jets(PLANE, derived.needs, 0, 16)
    expected = -jets.q_tt @ mass - 2.0 * np.sum(jets.q**2, axis=1, keepdims=True) * jets.q
    np.testing.assert_allclose(jax.vmap(derived)(jets), expected, rtol=0.0, atol=4e-15)


def test_euler_operator_of_an_absent_field_is_zero():
    derived = euler_operator(on_jets(PLANE, lambda j: j.u_t**2), "q")
    assert derived.shape == (2,) and derived.needs == ()


def test_mixed_partial_is_one_entry_without_a_half():
    slope = partial(on_jets(SCALAR, lambda j: 3.0 * j.u_tx * j.u), "u_xt")
    jets = random_jets(SCALAR, slope.needs, 0, 4)
    np.testing.assert_array_equal(jax.vmap(slope)(jets), 3.0 * jets.u)


def test_partial_of_a_vector_by_a_vector():
    """Its shape is that of the function, then that of the entry."""
    turned = on_jets(PLANE, lambda j: j.u * jnp.stack([j.q[0], j.q[1], j.q[0] * j.q[1]]))
    slope = partial(turned, "q")
    assert slope.shape == (3, 2)
    jets = random_jets(PLANE, slope.needs, 0, 4)
    for u, (q, r), found in zip(jets.u, jets.q, jax.vmap(slope)(jets), strict=True):
        expected = u * np.array([[1.0, 0.0], [0.0, 1.0], [r, q]])
        np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_total_derivative_of_a_vector_on_a_vector_field():
    function = on_jets(PLANE, lambda j: j.x * j.u * j.q)
    derivative = total_derivative(function, "x")
    assert derivative.needs == ("q", "q_x", "u", "u_x", "x") and derivative.shape == (2,)
    jets = random_jets(PLANE, derivative.needs, 0, 4)
    u, u_x, x = (a[:, None] for a in (jets.u, jets.u_x, jets.x))
    expected = u * jets.q + x * u_x * jets.q + x * u * jets.q_x
    np.testing.assert_allclose(jax.vmap(derivative)(jets), expected, rtol=1e-14, atol=1e-15)


def test_along_moves_only_what_is_asked():
    function = on_jets(PLANE, lambda j: j.u**2 * j.u_t + j.t)
    direction = {"u": entry_function(function, "u_x"), "q": entry_function(function, "q_x")}
    derivative = along(function, direction)
    assert derivative.needs == ("u", "u_t", "u_x")
    jets = random_jets(PLANE, derivative.needs, 0, 4)
    np.testing.assert_allclose(
        jax.vmap(derivative)(jets), 2.0 * jets.u * jets.u_t * jets.u_x, rtol=1e-14
    )
    assert along(function, {"q": direction["q"]}).needs == ()
