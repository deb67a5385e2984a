"""Networks that are linear in their weights: their units, their Jacobian, and what they solve."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.networks.features import Features
from pinn.spectral import Chebyshev, Fourier
from pinn.training.linear import LinearObjective
from pinn.training.machinery import machinery

LINEAR = pinn.Recipe(
    network=pinn.Separable(times=3, waves=3),
    points=60,
    slices=4,
    modes=9,
    windows=pinn.Uniform(1),
)


def test_units_are_the_products_inside_a_ball_of_waves():
    units = Features((Fourier(0.0, 2.0, 7), Chebyshev(-1.0, 1.0, 7)), (False, False), 2)
    values = np.asarray(jax.jit(units)(jnp.asarray([0.4, 0.7, -0.3])))
    count = sum((k / 3) ** 2 + (n / 6) ** 2 <= 1.0 for k in range(4) for n in range(7))
    count += sum((k / 3) ** 2 + (n / 6) ** 2 <= 1.0 for k in range(1, 4) for n in range(7))
    assert units.count == values.size == 2 * count
    np.testing.assert_allclose(values[count:], 0.4 * values[:count])
    product = np.cos(np.pi * 0.7) * -0.3
    assert np.min(np.abs(values[:count] - product)) < 1e-14


def test_between_mirrors_only_even_units_are_used():
    units = Features((Fourier(0.0, 2.0, 9),), (True,), 0)
    there, back = units(jnp.asarray([0.3])), units(jnp.asarray([-0.3]))
    np.testing.assert_allclose(there, back, atol=1e-15)
    assert units.count == 5


def coupled():
    """A vector and a scalar, with a soft wall, a balance and a conserved quantity."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.3), "x": pinn.Interval(-1.0, 1.0)},
        fields={"v": (2,), "p": ()},
        residual=lambda j: (
            j.v_t - j.v_xx + jnp.sin(j.p) * j.v[::-1],
            j.p_t - j.p_xx + j.v[0] * j.v_x[1],
        ),
        initial={
            "v": lambda x: jnp.stack([jnp.cos(x), jnp.sin(2.0 * x)]),
            "p": lambda x: (1.0 - x**2) ** 2,
        },
        boundary=[pinn.Dirichlet("p", "x", hard=False), pinn.Neumann("p", "x")],
    )


CASES = {
    "a system with a soft wall": coupled,
    "a balance": lambda: pinn.get("burgers", nu=0.1, end=0.1),
    "equilibrium": lambda: pinn.get("helmholtz"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_jacobian_is_the_derivative_of_the_rows(name):
    parts = machinery(CASES[name](), LINEAR)
    stage = parts.open(parts.first_front(0), jnp.asarray(parts.span.length))

    @jax.jit
    def both(parameters):
        objective = parts.objective(stage, parts.prepare(stage))
        rows, jacobian = objective.linearise(parameters)
        moved = lambda p: objective.rows(p)  # noqa: E731
        return rows, jacobian, moved(parameters), jax.jacfwd(moved)(parameters)

    size = parts.fresh(0).size
    parameters = jnp.asarray(np.random.default_rng(3).normal(size=size) * 0.1)
    rows, jacobian, again, derivative = both(parameters)
    np.testing.assert_allclose(rows, again, atol=1e-12)
    scale = np.abs(derivative).max()
    np.testing.assert_allclose(jacobian, derivative, rtol=0.0, atol=1e-11 * scale)


def test_units_give_the_jets_of_the_network():
    parts = machinery(CASES["a balance"](), LINEAR)
    stage = parts.open(parts.first_front(0), jnp.asarray(0.1))
    rows = parts._rows(stage, parts._fresh(stage), parts.prepare(stage)["fresh"])
    assert isinstance(rows, LinearObjective)
    parameters = jnp.asarray(np.random.default_rng(0).normal(size=parts.fresh(0).size))
    found = rows.jets(parameters)
    jet_at = parts.ansatz.jet(parts.unravel(parameters), stage.window, ("u", "u_xx"))
    expected = jax.jit(jax.vmap(jet_at))(*parts._fresh(stage).points.T)
    for entry in ("u", "u_xx"):
        size = np.abs(expected[entry]).max()
        np.testing.assert_allclose(found[entry], expected[entry], rtol=0.0, atol=1e-11 * size)


def test_errors_fall_as_the_windows_shorten(error_of):
    heat = pinn.get("heat", end=0.1)
    recipe = pinn.Recipe(network=pinn.Separable(times=3, waves=12))
    solved = [
        pinn.solve(heat, recipe=dataclasses.replace(recipe, windows=w), progress=False)
        for w in (pinn.Uniform(4), pinn.Uniform(8))
    ]
    coarse, fine = map(error_of, solved)
    # Radau collocation with polynomials of degree three: at least third order.
    assert fine < coarse / 6.0 and fine < 1e-3


def test_controlled_windows_solve_a_wave_to_eight_digits(error_of):
    solution = pinn.solve(
        pinn.get("wave", overtone=0.0, end=0.25),
        recipe=pinn.Recipe(network=pinn.Separable(times=6, waves=4)),
        progress=False,
    )
    assert error_of(solution) < 1e-7
    begin, end = (solution.charges(t)["energy"] for t in (0.0, 0.25))
    np.testing.assert_allclose(end, begin, rtol=1e-8)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pinn.Separable(waves=0), "needs waves ≥ 1, got 0"),
        (lambda: pinn.Separable(times=0), "needs times ≥ 1, got 0"),
        (lambda: pinn.Controlled(tolerance=0.0), "must be positive, got 0.0"),
    ],
)
def test_bad_sizes_are_refused(make, words):
    with pytest.raises(pinn.RecipeError, match=words):
        make()


def test_a_separable_network_needs_space():
    recipe = pinn.Recipe(network=pinn.Separable())
    with pytest.raises(pinn.RecipeError, match="over space"):
        recipe.completed(pinn.get("pendulum"))


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_the_default_network_stays_within_its_budget(outputs):
    problem = {
        1: partial(pinn.get, "burgers"),
        2: partial(pinn.get, "nls"),
        3: partial(pinn.get, "maxwell"),
    }[outputs]()
    recipe = pinn.Recipe().completed(problem)
    assert 300 < machinery(problem, recipe).fresh(0).size <= 1700
