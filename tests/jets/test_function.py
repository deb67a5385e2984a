"""Functions on jet space find out what they need, and say what is wrong with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.errors import PinnError, ProblemError, UnknownEntryError
from pinn.jets import (
    Jet,
    JetFunction,
    JetSpace,
    euler_operator,
    on_jets,
    partial,
    random_jets,
    total_derivative,
)

PLANE = JetSpace.of(("t", "x"), {"u": (), "q": (2,)})
KDV = JetSpace.of(("t", "x"), {"phi": ()})
DELTA = 0.022


def kdv_potential_lagrangian(j):
    return 0.5 * j.phi_t * j.phi_x + j.phi_x**3 / 6.0 - 0.5 * DELTA**2 * j.phi_xx**2


def test_needs_of_the_potential_lagrangian_of_kdv():
    assert on_jets(KDV, kdv_potential_lagrangian).needs == ("phi_t", "phi_x", "phi_xx")


def test_equation_of_the_potential_lagrangian_of_kdv():
    """−E(L) = φ_tx + φ_x φ_xx + δ² φ_xxxx to the last digits, and nothing else is asked for."""
    equation = euler_operator(on_jets(KDV, kdv_potential_lagrangian), "phi")
    assert set(equation.needs) == {"phi_xx", "phi_tx", "phi_x", "phi_xxxx"}
    jets = random_jets(KDV, equation.needs, 0, 64)
    by_hand = jets.phi_tx + jets.phi_x * jets.phi_xx + DELTA**2 * jets.phi_xxxx
    derived = jax.jit(jax.vmap(equation))(jets)
    np.testing.assert_allclose(-derived, by_hand, rtol=0.0, atol=4e-16)


@pytest.mark.parametrize(
    ("function", "needs"),
    [
        (lambda j: j.u_t * 0.0 + j.u, ("u", "u_t")),  # 0 · ∞ is not 0: no algebra is done
        (lambda j: (j.u_t, j.u)[1], ("u",)),
        (lambda j: jax.lax.stop_gradient(j.q)[0] + j.t, ("q", "t")),
        (lambda j: jnp.zeros(()), ()),
        (lambda j: {"a": j.u_xt, "b": (j.q_tt, j.u_tx)}, ("q_tt", "u_tx")),
        (lambda j: jax.lax.fori_loop(0, 3, lambda i, s: s + j.u_x, j.u), ("u", "u_x")),
        (lambda j: jax.lax.cond(j.t > 0.0, lambda: j.u, lambda: j.u_x), ("t", "u", "u_x")),
        (lambda j: j["u_txt"], ("u_ttx",)),
    ],
)
def test_needs_are_what_the_result_depends_on(function, needs):
    assert on_jets(PLANE, function).needs == needs


def test_derivatives_are_pruned():
    """D_x ∂L/∂u_xx must not ask for u_t, although L does."""
    lagrangian = on_jets(PLANE, lambda j: 0.5 * j.u_t**2 - 0.5 * j.u_xx**2 + j.u * j.u_t)
    momentum = partial(lagrangian, "u_xx")
    assert momentum.needs == ("u_xx",)
    assert total_derivative(momentum, "x").needs == ("u_xxx",)
    assert total_derivative(on_jets(PLANE, lambda j: j.u**2), "x").needs == ("u", "u_x")
    assert total_derivative(on_jets(PLANE, lambda j: j.x * j.t), "x").needs == ("t",)


def test_function_runs_once_and_evaluates_on_larger_jets():
    runs = []

    def counted(j):
        runs.append(1)
        return jnp.sum(j.q**2)

    function = on_jets(PLANE, counted)
    assert function.shape == () and function.size == 1
    before = len(runs)
    jets = random_jets(PLANE, ("q", "u", "u_tt"), 0, 4)
    for _ in range(3):
        values = jax.vmap(function)(jets)
    np.testing.assert_allclose(values, np.sum(jets.q**2, axis=1), rtol=1e-15)
    assert len(runs) == before


def test_shape_size_and_structure_of_results():
    function = on_jets(PLANE, lambda j: {"a": j.q, "b": (j.u, jnp.ones((3, 2)))})
    assert function.size == 2 + 1 + 6
    point = Jet(PLANE, {"q": jnp.ones(2), "u": jnp.zeros(())})
    values = function(point)
    assert set(values) == {"a", "b"} and values["b"][1].shape == (3, 2)
    assert on_jets(PLANE, function) is function


def test_highest_order_by_field_and_coordinate():
    function = on_jets(PLANE, lambda j: j.u_ttx + j.u_xxx + j.q_t[0])
    orders = {(f, c): function.highest_order(f, c) for f in ("u", "q") for c in ("t", "x")}
    assert orders == {("u", "t"): 2, ("u", "x"): 3, ("q", "t"): 1, ("q", "x"): 0}
    assert on_jets(PLANE, lambda j: j.u).highest_order("q", "t") == -1


def test_precision_follows_the_caller():
    function = on_jets(PLANE, lambda j: jnp.sin(j.u))
    assert function.needs == ("u",) and function.result.dtype == jnp.float64
    with jax.enable_x64(False):
        value = function(Jet(PLANE, {"u": jnp.asarray(0.5, jnp.float32)}))
        assert value.dtype == jnp.float32 and function.result.dtype == jnp.float32
    assert function(Jet(PLANE, {"u": jnp.asarray(0.5)})).dtype == jnp.float64


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda j: j.u if j.u > 0.0 else -j.u, "boolean conversion"),
        (lambda j: np.sin(j.u), "write it with jax.numpy"),
        (lambda j: j.q @ jnp.ones(3), "fields {'u': \\(\\), 'q': \\(2,\\)}"),
        (lambda j: "text", "not a valid JAX type"),
        (lambda j: j.q.component, "no attribute"),
    ],
)
def test_function_that_cannot_be_traced_says_so(function, message):
    with pytest.raises(ProblemError, match=message) as caught:
        _ = on_jets(PLANE, function, "Lagrangian").needs
    assert "The Lagrangian cannot be evaluated on a jet" in str(caught.value)


def test_unknown_entry_inside_a_function():
    with pytest.raises(UnknownEntryError, match=r"no entry 'u_z'.*did you mean 'u_x' or 'u_t'"):
        _ = on_jets(PLANE, lambda j: j.u_z).needs


def test_errors_are_the_librarys_own():
    """An UnknownEntryError is what a user sees, also where Python expects an AttributeError."""
    assert issubclass(UnknownEntryError, PinnError) and issubclass(
        UnknownEntryError, AttributeError
    )


def test_missing_entry_at_evaluation():
    function = on_jets(PLANE, lambda j: j.u_t)
    with pytest.raises(UnknownEntryError, match="does not hold 'u_t', only u"):
        function(Jet(PLANE, {"u": jnp.zeros(())}))


def test_partial_of_an_absent_entry_is_zero_of_the_right_shape():
    vector = JetFunction(PLANE, lambda j: j.u * jnp.ones(3), "f")
    slope = partial(vector, "q_t")
    assert slope.shape == (3, 2) and slope.needs == ()
    np.testing.assert_array_equal(slope(Jet(PLANE, {})), np.zeros((3, 2)))
