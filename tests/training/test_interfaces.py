"""Coefficients that jump in space: pieces of an axis, joined at its breakpoints."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.spectral import Piecewise, basis_of, functions

SMALL = pinn.Recipe(network=pinn.Separable(waves=24))
BASIS = Piecewise(0.0, 2.0, 15, (0.5, 1.2))


def layers(breakpoints=(0.4,)):
    """A wall of two materials; temperature and flux are two fields."""
    k = lambda x: jnp.where(x < 0.4, 2.0, 0.05)  # noqa: E731
    return pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0, breakpoints=breakpoints)},
        fields={"T": (), "q": ()},
        residual=lambda j: (j.q + k(j.x) * j.T_x, j.q_x),
        boundary=[pinn.Dirichlet("T", "x", 80.0, 20.0)],
    )


def test_two_layers_conduct_one_flux():
    solution = pinn.solve(layers(), recipe=SMALL, progress=False)
    flux = 60.0 / (0.4 / 2.0 + 0.6 / 0.05)
    x = np.linspace(0.0, 1.0, 41)
    truth = np.where(x < 0.4, 80.0 - flux * x / 2.0, 20.0 + flux * (1.0 - x) / 0.05)
    values = solution(x)
    assert np.max(np.abs(np.asarray(values["T"]) - truth)) < 1e-9
    assert np.max(np.abs(np.asarray(values["q"]) - flux)) < 1e-9
    assert solution.converged


def test_without_the_breakpoint_it_is_said_and_where():
    with pytest.warns(pinn.NotConverged, match=r"not smooth at x = 0\.4"):
        solution = pinn.solve(layers(()), recipe=SMALL, progress=False)
    assert not solution.converged


def test_a_source_that_jumps_bends_the_field_but_not_its_slope():
    """−u″ = 1 for x > 0.3, else 0, with u = 0 at both ends: u and u′ are continuous."""
    problem = pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0, breakpoints=(0.3,))},
        fields={"u": ()},
        residual=lambda j: j.u_xx + jnp.where(j.x > 0.3, 1.0, 0.0),
        boundary=[pinn.Dirichlet("u", "x")],
    )
    solution = pinn.solve(problem, recipe=SMALL, progress=False)
    x = np.linspace(0.0, 1.0, 21)
    truth = 0.5 * 0.7**2 * x - 0.5 * np.maximum(x - 0.3, 0.0) ** 2
    assert np.max(np.abs(np.asarray(solution(x)["u"]) - truth)) < 1e-11


def test_a_rod_of_two_materials_cools_as_its_slowest_mode():
    """T_t = (k T_x)_x, k = 4 for x < 1/3, else 1: cos a tan = … of the mode at rate ω²."""
    # sin(ω x / 2) / sin(ω / 6) and sin(ω (1 − x)) / sin(2ω / 3) with √k-weighted slopes equal.
    rate = lambda w: 2.0 / np.tan(w / 6.0) + 1.0 / np.tan(2.0 * w / 3.0)  # noqa: E731
    low, high = 2.0, 4.6
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rate(low) * rate(middle) > 0.0 else (low, middle)
    w, place = 0.5 * (low + high), 1.0 / 3.0

    def mode(x):
        left = jnp.sin(0.5 * w * x) / np.sin(w / 6.0)
        return jnp.where(x < place, left, jnp.sin(w * (1.0 - x)) / np.sin(2.0 * w / 3.0))

    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.1), "x": pinn.Interval(0.0, 1.0, breakpoints=(place,))},
        fields={"T": (), "q": ()},
        residual=lambda j: (j.T_t + j.q_x, j.q + jnp.where(j.x < place, 4.0, 1.0) * j.T_x),
        initial={"T": mode},
        boundary=[pinn.Dirichlet("T", "x")],
    )
    recipe = pinn.Recipe(network=pinn.Separable(times=6, waves=10))
    solution = pinn.solve(problem, recipe=recipe, progress=False)
    x = np.linspace(0.0, 1.0, 31)
    truth = np.exp(-(w**2) * 0.1) * np.asarray(mode(x))
    assert np.max(np.abs(np.asarray(solution(0.1, x)["T"]) - truth)) < 1e-6
    assert solution.converged


def test_polynomials_of_a_piece_vanish_on_the_others():
    values = jax.vmap(lambda x: functions(BASIS, x))(jnp.asarray([0.2, 0.5, 1.19, 1.9]))
    alive = np.abs(np.asarray(values)).reshape(4, 3, 5).max(axis=2) > 0.0
    assert alive.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(
        values, BASIS.vandermonde(np.array([0.2, 0.5, 1.19, 1.9])), atol=1e-14
    )


def test_a_series_of_pieces_interpolates_differentiates_and_integrates():
    function = lambda x: np.where(x < 0.5, x**3, np.where(x < 1.2, 2.0 - x, x**4))  # noqa: E731
    slope = lambda x: np.where(x < 0.5, 3.0 * x**2, np.where(x < 1.2, -1.0, 4.0 * x**3))  # noqa: E731
    values = function(BASIS.nodes)
    series = BASIS.analysis @ values
    np.testing.assert_allclose(BASIS.synthesis @ series, values, atol=1e-13)
    at = np.array([0.1, 0.49, 0.7, 1.5, 1.99])
    np.testing.assert_allclose(BASIS.vandermonde(at) @ series, function(at), atol=1e-12)
    np.testing.assert_allclose(
        BASIS.vandermonde(at) @ BASIS.derivative @ series, slope(at), atol=1e-11
    )
    whole = 0.5**4 / 4.0 + (2.0 * 0.7 - 0.5 * (1.2**2 - 0.25)) + (2.0**5 - 1.2**5) / 5.0
    assert BASIS.weights @ values == pytest.approx(whole, rel=1e-12)


def test_an_axis_with_breakpoints_has_as_many_functions_on_every_piece():
    basis = basis_of(pinn.Interval(0.0, 1.0, breakpoints=(0.25, 0.5)), 10)
    assert isinstance(basis, Piecewise) and basis.count == 12 and len(basis.nodes) == 12
    assert np.all(np.diff(basis.nodes) > 0.0)
