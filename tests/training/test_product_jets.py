"""Jets of the ansatz, made axis by axis, against nested differentiation of its values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.jets import prolong
from pinn.networks.products import product_jets
from pinn.training.machinery import machinery

SMALL = pinn.Recipe(
    network=pinn.Separable(times=3, waves=3),
    points=60,
    slices=4,
    modes=9,
    windows=pinn.Uniform(1),
)


def test_a_product_is_differentiated_along_each_of_its_axes():
    factors = [
        lambda t: jnp.stack([jnp.exp(2.0 * t), t]),
        lambda x: jnp.stack([jnp.sin(x), x**3]),
    ]
    jets_at = product_jets(factors, lambda f: f[0] @ f[1], {(0, 0), (1, 2), (0, 3)})
    t, x = jnp.asarray(0.3), jnp.asarray(0.7)
    found = jets_at(t, x)
    np.testing.assert_allclose(found[0, 0], jnp.exp(0.6) * jnp.sin(0.7) + 0.3 * 0.7**3)
    np.testing.assert_allclose(found[1, 2], -2.0 * jnp.exp(0.6) * jnp.sin(0.7) + 6.0 * 0.7)
    np.testing.assert_allclose(found[0, 3], -jnp.exp(0.6) * jnp.cos(0.7) + 0.3 * 6.0)


def warmed_plate():
    """Walls of every kind in two dimensions, with values that change along them and in time."""
    return pinn.Problem(
        axes={
            "x": pinn.Interval(-0.5, 1.0),
            "t": pinn.Interval(0.0, 0.3),
            "y": pinn.Interval(0.0, 2.0),
        },
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx - j.u_yy,
        initial={"u": lambda x, y: (x + 0.5) * (1.375 - x) * jnp.cos(0.5 * jnp.pi * y)},
        boundary=[
            pinn.Dirichlet("u", "x", lambda t, y: jnp.sin(t) * y, None),
            pinn.Robin("u", "x", None, lambda t, y: t * y, value=1.0, slope=0.5),
            pinn.Neumann("u", "y", 0.0, lambda x, t: jnp.exp(x) * t),
        ],
    )


CASES = {
    "a front, graded": (lambda: pinn.get("burgers", end=0.1), ("u", "u_t", "u_xx", "u_tx")),
    "an even circle": (lambda: pinn.get("nls", end=0.1), ("h", "h_xxx", "h_t")),
    "a circle": (lambda: pinn.get("kdv", end=0.1), ("u", "u_xxx", "u_t")),
    "walls": (warmed_plate, ("u", "u_t", "u_xy", "u_xyy", "u_xt")),
    "equilibrium": (lambda: pinn.get("kovasznay"), ("psi", "psi_xxyy", "psi_yyyy")),
}


@pytest.mark.parametrize("name", CASES)
def test_jets_are_the_derivatives_of_the_values(name):
    make, entries = CASES[name]
    problem = make()
    parts = machinery(problem, SMALL)
    stage = parts.open(parts.first_front(0), jnp.asarray(parts.span.length))
    flat = jnp.asarray(np.random.default_rng(0).normal(size=parts.fresh(0).size)) * 0.1
    parameters, window, fields = parts.unravel(flat), stage.window, tuple(problem.fields)
    value_at = parts.ansatz.jet(parameters, window, fields)
    expected_at = prolong(lambda *p: dict(value_at(*p)), problem.space, entries)
    found_at = parts.ansatz.jet(parameters, window, entries)
    draw = np.random.default_rng(1).uniform
    points = [
        draw(0.0, a.length, 7) if c == "t" else draw(a.lower, a.upper, 7)
        for c, a in problem.axes.items()
    ]
    both = jax.jit(jax.vmap(lambda *p: (dict(found_at(*p)), dict(expected_at(*p)))))
    found, expected = both(*map(jnp.asarray, points))
    for entry in entries:
        size = np.abs(expected[entry]).max()
        np.testing.assert_allclose(found[entry], expected[entry], rtol=0.0, atol=1e-9 * size)
