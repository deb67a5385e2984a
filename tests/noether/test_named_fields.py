"""D_μJ^μ = −Q·E + Δ for well-known fields, with their equations E written out by hand.

The generators are no symmetries: quadratic in coordinates, field and slopes, coefficients random.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinn.jets import JetSpace, on_jets, random_jets, total_derivative
from pinn.noether.current import contract, noether_current, symmetry_defect
from pinn.noether.generator import Generator

LINE = JetSpace.of(("t", "x"), {"u": ()})
PLANE = JetSpace.of(("t", "x", "y"), {"u": (2,)})


def elastic(j):
    """The energy of waves in an elastic plate, ½|u_t|² − ½|∇u|² − ½(∇·u)²."""
    slopes = j.u_x @ j.u_x + j.u_y @ j.u_y
    return 0.5 * j.u_t @ j.u_t - 0.5 * slopes - 0.5 * (j.u_x[0] + j.u_y[1]) ** 2


def elastic_equation(j):
    pressure = jnp.stack([j.u_xx[0] + j.u_xy[1], j.u_xy[0] + j.u_yy[1]])
    return -j.u_tt + j.u_xx + j.u_yy + pressure


# The space, L, and E = δL/δu.
FIELDS = {
    "sine-Gordon": (
        LINE,
        lambda j: 0.5 * j.u_t**2 - 0.5 * j.u_x**2 + jnp.cos(j.u),
        lambda j: -j.u_tt + j.u_xx - jnp.sin(j.u),
    ),
    "beam": (
        LINE,
        lambda j: 0.5 * j.u_t**2 - 0.5 * j.u_xx**2,
        lambda j: -j.u_tt - j.u_xxxx,
    ),
    "Benjamin-Bona-Mahony": (
        LINE,
        lambda j: 0.5 * (j.u_t * j.u_x + j.u_x**2 + j.u_xx * j.u_tx) + j.u_x**3 / 6.0,
        lambda j: -j.u_tx - j.u_xx - j.u_x * j.u_xx + j.u_txxx,
    ),
    "elastic plate": (PLANE, elastic, elastic_equation),
}


def quadratic(space, coefficients):
    """Return (a·z)(b·z), with z the coordinates, the field, its slopes and one."""
    names = [*space.coordinates, "u", *(f"u_{c}" for c in space.coordinates)]

    def function(j):
        z = jnp.concatenate([jnp.ones(1), *[jnp.ravel(j[n]) for n in names]])
        return jnp.prod(coefficients @ z, axis=0)

    return on_jets(space, function)


def random_coefficients(seed, space):
    generator = np.random.default_rng(seed)
    shape = space.shape("u")
    size = 1 + len(space.coordinates) + (1 + len(space.coordinates)) * max(1, sum(shape))
    draw = lambda *shape: generator.normal(size=(2, *shape, size)) / np.sqrt(size)  # noqa: E731
    each = {c: (draw(), draw()) for c in space.coordinates}
    return {c: a for c, (a, _) in each.items()}, draw(*shape), {c: b for c, (_, b) in each.items()}


def sides(name, coefficients):
    """Return D_μJ^μ, Q·E and Δ as functions on jets."""
    space, lagrangian, equation = FIELDS[name]
    xi, eta, gauge = coefficients
    along = lambda parts: {c: quadratic(space, a) for c, a in parts.items()}  # noqa: E731
    generator = Generator(space, along(xi), {"u": quadratic(space, eta)}, along(gauge))
    action, moved = on_jets(space, lagrangian), generator.characteristic("u")
    current = noether_current(action, generator)
    rates = [total_derivative(current[c], c) for c in space.coordinates]
    return (
        on_jets(space, lambda j: sum(rate(j) for rate in rates)),
        on_jets(space, lambda j: contract(moved(j), equation(j))),
        symmetry_defect(action, generator),
    )


@cache
def compiled(name):
    space = FIELDS[name][0]
    needs = sorted({n for f in sides(name, random_coefficients(0, space)) for n in f.needs})

    @jax.jit
    def evaluate(coefficients, jets):
        return jax.vmap(lambda j: [f(j) for f in sides(name, coefficients)])(jets)

    return lambda seed: evaluate(
        random_coefficients(seed, space), random_jets(space, needs, seed, 8)
    )


@pytest.mark.parametrize("name", FIELDS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_divergence_of_the_current(name, seed):
    divergence, equation, defect = (np.asarray(v) for v in compiled(name)(seed))
    size = np.max(np.abs(divergence) + np.abs(equation) + np.abs(defect))
    assert np.max(np.abs(equation)) > 1e-3 * size and np.max(np.abs(defect)) > 1e-3 * size
    np.testing.assert_allclose(divergence, defect - equation, rtol=0.0, atol=1e-12 * size)
