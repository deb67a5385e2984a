"""Noether's theorem off shell: D_μJ^μ = −Q·E(L) + Δ for any Lagrangian, generator and path.

Nothing here is a symmetry and nothing solves an equation: Lagrangians and generators are
polynomials with random coefficients, so that each term of the theorem matters.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinn.errors import ProblemError
from pinn.jets import (
    JetFunction,
    JetSpace,
    euler_operator,
    on_jets,
    prolong,
    random_jets,
    total_derivative,
)
from pinn.noether.current import contract, noether_current, symmetry_defect, work
from pinn.noether.generator import Generator

SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=8, deadline=None)

LINE = JetSpace.of(("t",), {"q": ()})
VECTOR = JetSpace.of(("t",), {"q": (2,), "r": ()})
STRING = JetSpace.of(("t", "x"), {"u": ()})
COUPLED = JetSpace.of(("t", "x"), {"u": (), "w": ()})

# What the Lagrangian and what the generator depend on, and how many generators there are.
CASES = {
    "mechanics": (LINE, ("t", "q", "q_t"), ("t", "q", "q_t"), ()),
    "mechanics with acceleration": (LINE, ("t", "q", "q_t", "q_tt"), ("t", "q", "q_t"), ()),
    "mechanics of vectors": (
        VECTOR,
        ("t", "q", "q_t", "r", "r_t"),
        ("t", "q", "r", "q_t"),
        (3,),
    ),
    "field": (STRING, ("t", "x", "u", "u_t", "u_x"), ("t", "x", "u", "u_t", "u_x"), (2,)),
    "second-order field": (
        STRING,
        ("t", "x", "u", "u_t", "u_x", "u_tt", "u_tx", "u_xx"),
        ("t", "x", "u", "u_x"),
        (),
    ),
    "mixed derivative": (STRING, ("u", "u_x", "u_tx"), ("t", "u"), ()),
    "two fields with mixed derivatives": (
        COUPLED,
        ("u", "w", "w_t", "u_tx", "w_tx"),
        ("t", "u", "w"),
        (),
    ),
}


def polynomial(space, names, coefficients):
    """A sum of eight cubic terms (a·z)²(b·z), with z all entries and one: nothing is special."""

    def function(j):
        z = jnp.concatenate([jnp.ones(1), *[jnp.ravel(j[n]) for n in names]])
        square, factor = coefficients @ z
        return jnp.sum(square**2 * factor, axis=-1)

    return function


def random_coefficients(seed, case):
    """Coefficients of L, and of ξ, η and K by coordinate and field."""
    space, inputs, moving, family = CASES[case]
    generator = np.random.default_rng(seed)

    def draw(names, shape=()):
        size = 1 + sum(int(np.prod(space.shape(n))) for n in names)
        return generator.normal(size=(2, *shape, 8, size)) / np.sqrt(size)

    return {
        "L": draw(inputs),
        "xi": {c: draw(moving, family) for c in space.coordinates},
        "eta": {f: draw(moving, family + shape) for f, shape in space.fields.items()},
        "K": {c: draw(moving, family) for c in space.coordinates},
    }


def statement(case, coefficients):
    """The Lagrangian and the generator."""
    space, inputs, moving, _ = CASES[case]
    lagrangian = on_jets(space, polynomial(space, inputs, coefficients["L"]), "L")
    parts = {
        key: {n: on_jets(space, polynomial(space, moving, c)) for n, c in coefficients[key].items()}
        for key in ("xi", "eta", "K")
    }
    return lagrangian, Generator(space, parts["xi"], parts["eta"], parts["K"])


def sides(case, coefficients):
    """The three terms of the identity as functions on jets."""
    lagrangian, generator = statement(case, coefficients)
    current = noether_current(lagrangian, generator)
    space = generator.space
    rates = [total_derivative(current[c], c) for c in space.coordinates]
    euler = [(generator.characteristic(f), euler_operator(lagrangian, f)) for f in space.fields]

    def equation(jet):
        return sum(contract(q(jet), e(jet)) for q, e in euler)

    divergence = JetFunction(space, lambda j: sum(r(j) for r in rates), "divergence")
    return (
        divergence,
        JetFunction(space, equation, "Q·E"),
        symmetry_defect(lagrangian, generator),
    )


@cache
def compiled(case):
    space = CASES[case][0]
    needs = sorted({n for f in sides(case, random_coefficients(0, case)) for n in f.needs})

    @jax.jit
    def evaluate(coefficients, jets):
        functions = sides(case, coefficients)
        return jax.vmap(lambda j: [f(j) for f in functions])(jets)

    return lambda seed: evaluate(
        random_coefficients(seed, case), random_jets(space, needs, seed, 16)
    )


@pytest.mark.parametrize("case", [case for case in CASES if case != "mixed derivative"])
@PROPERTY
@given(seed=SEEDS)
def test_divergence_of_the_current(case, seed):
    divergence, equation, defect = (np.asarray(v) for v in compiled(case)(seed))
    assert divergence.shape[1:] == CASES[case][3]
    size = np.abs(divergence) + np.abs(equation) + np.abs(defect)
    assert min(np.max(np.abs(v)) for v in (divergence, equation, defect)) > 1e-3 * np.max(size)
    np.testing.assert_allclose(divergence, defect - equation, rtol=0.0, atol=1e-12 * np.max(size))


@jax.jit
def mechanics_by_hand(coefficients, waves, t):
    """I, dI/dt, Q·𝓔 and Δ along a path q(t), from their definitions in plain JAX."""
    _, inputs, moving, _ = CASES["mechanics"]
    lagrangian = polynomial(LINE, inputs, coefficients["L"])
    xi, eta, gauge = (
        polynomial(LINE, moving, coefficients[key][name])
        for key, name in (("xi", "t"), ("eta", "q"), ("K", "t"))
    )
    point = lambda t, q, v: {"t": t, "q": q, "q_t": v}  # noqa: E731
    density = lambda t, q, v: lagrangian(point(t, q, v))  # noqa: E731
    path = lambda t: jnp.sum(waves[0] * jnp.sin(waves[1] * t + waves[2]))  # noqa: E731
    speed = jax.grad(path)
    on_path = lambda f: lambda t: f(point(t, path(t), speed(t)))  # noqa: E731
    slope = lambda k: lambda t: jax.grad(density, k)(t, path(t), speed(t))  # noqa: E731
    momentum = slope(2)

    def charge(t):
        characteristic = on_path(eta)(t) - on_path(xi)(t) * speed(t)
        value = on_path(xi)(t) * on_path(lagrangian)(t) + characteristic * momentum(t)
        return value - on_path(gauge)(t)

    rate_of = lambda f: jax.grad(on_path(f))(t)  # noqa: E731
    first = rate_of(eta) - speed(t) * rate_of(xi)
    defect = on_path(xi)(t) * slope(0)(t) + on_path(eta)(t) * slope(1)(t) + first * momentum(t)
    defect = defect + on_path(lagrangian)(t) * rate_of(xi) - rate_of(gauge)
    equation = jax.grad(momentum)(t) - slope(1)(t)
    work_done = (on_path(eta)(t) - on_path(xi)(t) * speed(t)) * equation
    return charge(t), jax.grad(charge)(t), work_done, defect


@jax.jit
def mechanics_by_library(coefficients, waves, t):
    lagrangian, generator = statement("mechanics", coefficients)
    current = noether_current(lagrangian, generator)["t"]
    force = {"q": JetFunction(LINE, lambda j: -euler_operator(lagrangian, "q")(j), "𝓔")}
    functions = (current, work(generator, force), symmetry_defect(lagrangian, generator))
    needs = {n for f in functions for n in f.needs}
    path = lambda t: {"q": jnp.sum(waves[0] * jnp.sin(waves[1] * t + waves[2]))}  # noqa: E731
    jet = prolong(path, LINE, needs)(t)
    return [f(jet) for f in functions]


@PROPERTY
@given(seed=SEEDS)
def test_charge_and_its_rate_along_any_path(seed):
    """dI/dt = Q·𝓔 + Δ, with each term as in the textbook: no total derivative of ours in it."""
    coefficients = random_coefficients(seed, "mechanics")
    waves = jnp.asarray(np.random.default_rng(seed).uniform(0.5, 2.0, (3, 3)))
    t = jnp.asarray(0.7)
    charge, rate, work_done, defect = mechanics_by_hand(coefficients, waves, t)
    size = abs(charge) + abs(work_done) + abs(defect)
    np.testing.assert_allclose(rate, work_done + defect, rtol=0.0, atol=1e-12 * size)
    ours = mechanics_by_library(coefficients, waves, t)
    np.testing.assert_allclose(ours, [charge, work_done, defect], rtol=0.0, atol=1e-12 * size)


@cache
def along_a_field():
    """∂_tJ^t + ∂_xJ^x along u(t, x) by plain differentiation, and −Q·E + Δ there."""
    case = "mixed derivative"

    @jax.jit
    def evaluate(coefficients, waves, t, x):
        lagrangian, generator = statement(case, coefficients)
        current = noether_current(lagrangian, generator)
        _, equation, defect = sides(case, coefficients)
        field = lambda t, x: {  # noqa: E731
            "u": jnp.sum(waves[0] * jnp.sin(waves[1] * t + waves[2] * x + waves[3]))
        }
        on_field = lambda f: lambda t, x: f(prolong(field, STRING, f.needs)(t, x))  # noqa: E731
        divergence = jax.grad(on_field(current["t"]), 0)(t, x)
        divergence = divergence + jax.grad(on_field(current["x"]), 1)(t, x)
        return divergence, -on_field(equation)(t, x), on_field(defect)(t, x)

    return evaluate


@settings(max_examples=4, deadline=None)
@given(seed=SEEDS)
def test_divergence_of_the_current_along_any_field(seed):
    """Second derivatives along a superposition of waves."""
    coefficients = random_coefficients(seed, "mixed derivative")
    waves = jnp.asarray(np.random.default_rng(seed).uniform(0.3, 1.2, (4, 3)))
    divergence, equation, defect = along_a_field()(
        coefficients, waves, jnp.asarray(0.4), jnp.asarray(-0.3)
    )
    size = abs(divergence) + abs(equation) + abs(defect)
    np.testing.assert_allclose(divergence, equation + defect, rtol=0.0, atol=1e-11 * size)


def test_lagrangian_of_the_third_order_is_refused():
    lagrangian = on_jets(STRING, lambda j: j.u_xxx**2)
    with pytest.raises(ProblemError, match=r"contains u_xxx, a derivative above the second"):
        noether_current(lagrangian, Generator(STRING))


def test_divergence_is_a_current_of_its_own():
    """For L = D_μV^μ the equation is empty, and any generator's current is conserved up to Δ."""
    density = on_jets(STRING, lambda j: j.u**2 * j.u_x)
    lagrangian = total_derivative(density, "x")
    shift = Generator(STRING, eta={"u": on_jets(STRING, lambda j: jnp.ones(()))})
    current = noether_current(lagrangian, shift)
    rates = [total_derivative(current[c], c) for c in "tx"]
    defect = symmetry_defect(lagrangian, shift)
    jets = random_jets(STRING, {n for f in (*rates, defect) for n in f.needs}, 0, 16)
    total = sum(jax.vmap(r)(jets) for r in rates)
    np.testing.assert_allclose(total, jax.vmap(defect)(jets), atol=1e-14)
