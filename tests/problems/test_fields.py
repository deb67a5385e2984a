"""Every field problem begins, ends and keeps its books as its file says."""

import math
from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.jets import Jet, prolong
from pinn.noether.anchor import anchor
from pinn.noether.totals import outflow, total
from pinn.noether.verify import verified_charges, verify
from pinn.noether.walls import faces
from pinn.problem.nearby import somewhere
from pinn.problem.registry import listings
from pinn.problem.statement import face_value
from pinn.spectral import Grid


@cache
def problem(name):
    """Return a problem of the catalogue, with some values in place of its unknowns."""
    stated = pinn.get(name)
    return somewhere(stated, seed=0) if stated.unknown_names else stated


FIELDS = [name for name in sorted(listings()) if problem(name).extent]
VARIANTS = [
    ("burgers", (("nu", 0.1),)),
    ("klein_gordon", (("coupling", 0.0),)),
    ("sine_gordon", (("kind", "kink"),)),
]
EVOLVING = [name for name in FIELDS if not problem(name).stationary]


@cache
def stated_as(name, parameters=()):
    return pinn.get(name, **dict(parameters))


SOLVED = [(name, ()) for name in FIELDS if problem(name).exact] + VARIANTS
solved = pytest.mark.parametrize(("name", "parameters"), SOLVED)


@pytest.mark.parametrize("name", FIELDS)
def test_every_claim_holds(name):
    verified_charges(problem(name))
    for verdict in verify(problem(name))[1]:
        assert verdict.defect < 1e-11, verdict


@pytest.mark.parametrize("name", EVOLVING)
def test_the_initial_data_agree_with_the_boundary_and_have_charges(name):
    begun = anchor(problem(name))
    assert set(begun.charges) == set(verified_charges(problem(name)))
    for label, value in begun.charges.items():
        assert np.all(np.isfinite(value)), label
        assert begun.scales[label] > 0.0, label


def scattered(stated):
    """Return points of the box, of shape (coordinates, points): its corners, then random ones."""
    ends = [(axis.lower, axis.upper) for axis in stated.axes.values()]
    lower, upper = np.array(ends).T
    inside = np.random.default_rng(0).uniform(size=(24, len(ends)))
    return jnp.asarray(np.concatenate([[*product(*ends)], lower + (upper - lower) * inside]).T)


def sensitivity(function, jet):
    """Return Σ |u_J ∂f/∂u_J|, the size of the terms of a function on jets."""
    values = {n: jet[n] for n in function.needs}
    slopes = jax.jacfwd(lambda v: function(Jet(jet.space, v)))(values)
    terms = [jnp.tensordot(jnp.abs(slopes[n]), jnp.abs(v), v.ndim) for n, v in values.items()]
    return sum(terms, jnp.zeros(function.shape))


@solved
def test_the_exact_solution_solves_the_equation(name, parameters):
    stated = stated_as(name, parameters)
    residual = stated.dynamics.residual
    jet_at = prolong(stated.exact, stated.space, residual.needs)

    def at(*point):
        jet = jet_at(*point)
        return residual(jet), sensitivity(residual, jet)

    left, size = jax.jit(jax.vmap(at))(*scattered(stated))
    assert np.max(np.abs(left)) <= 1e-11 * np.max(size)


@solved
def test_the_exact_solution_begins_with_the_initial_data(name, parameters):
    stated = stated_as(name, parameters)
    if stated.stationary:
        assert not stated.initial
        return
    jet_at = prolong(stated.exact, stated.space, stated.initial_state)
    place = [*stated.axes].index(stated.time)

    def both(*space):
        begin = jnp.full_like(space[0], stated.interval.lower)
        jet = jet_at(*space[:place], begin, *space[place:])
        given = {entry: value(*space) for entry, value in stated.initial_state.items()}
        return {entry: jet[entry] for entry in given}, given

    space = np.delete(scattered(stated), place, axis=0)
    found, given = jax.jit(jax.vmap(both))(*jnp.asarray(space))
    for entry, value in given.items():
        size = 1.0 + np.max(np.abs(value))
        np.testing.assert_allclose(found[entry], value, rtol=0.0, atol=1e-12 * size, err_msg=entry)


@solved
def test_the_exact_solution_obeys_the_boundary_conditions(name, parameters):
    stated = stated_as(name, parameters)
    conditions = [
        (condition, face)
        for condition, face in product(stated.boundary, faces(stated.extent))
        if condition.axis == face[0] and face[1] in condition.ends
    ]
    for condition, (axis, end) in conditions:
        operator, index = condition.operator(stated.space), [*stated.axes].index(axis)
        demanded = face_value(stated.space, condition, end)
        jet_at = prolong(stated.exact, stated.space, operator.needs)
        at = jax.jit(jax.vmap(lambda *point, jet_at=jet_at, f=operator: f(jet_at(*point))))
        points = np.array(scattered(stated))
        inside = np.max(np.abs(at(*jnp.asarray(points))))
        points[index] = getattr(stated.axes[axis], "upper" if end else "lower")
        others = jnp.asarray(np.delete(points, index, axis=0))
        size = inside + np.max(np.abs(jax.vmap(demanded)(*others)))
        difference = at(*jnp.asarray(points)) - jax.vmap(demanded)(*others)
        assert np.max(np.abs(difference)) <= 1e-10 * size, (condition, end)


def quadrature(stated):
    """Return nodes that resolve the exact solutions; a shock on a circle is the hardest."""
    circle, interval = (1025, 257) if len(stated.extent) == 1 else (32, 32)
    counts = {
        c: circle if isinstance(axis, pinn.Periodic) else interval
        for c, axis in stated.extent.items()
    }
    return Grid.of(stated.extent, counts)


def books(stated, charges, time):
    """Return I, dI/dt, ∫ source − outflow and the size of the terms, along the exact solution."""
    grid, place = quadrature(stated), [*stated.axes].index(stated.time)
    held = {name: charge.density for name, charge in charges.items()}
    gains = {name: charge.source for name, charge in charges.items() if charge.source is not None}
    sizes = {name: charge.term_size for name, charge in charges.items()}
    fluxes = [flux for charge in charges.values() for flux in charge.flux.values() if charge.leaks]
    inside = prolonged(stated, [*held.values(), *gains.values()])

    def at(time, jet_at=inside):
        return lambda *space: jet_at(*space[:place], time, *space[place:])

    value, rate = jax.jvp(lambda t: totals(grid, held, at(t)), (time,), (jnp.ones_like(time),))
    gain = totals(grid, gains, at(time))
    for name, charge in charges.items():
        lost = outflow(charge, grid, at(time, prolonged(stated, fluxes)))
        gain[name] = gain.get(name, jnp.zeros_like(lost)) - lost
    return value, rate, gain, totals(grid, sizes, at(time))


def prolonged(stated, functions):
    needs = {entry for function in functions for entry in function.needs}
    return prolong(stated.exact, stated.space, needs)


def totals(grid, functions, jet_at):
    """Return the integral over space of each function, from one jet at each node."""
    shapes = {}

    def stacked(jet):
        values = {name: function(jet) for name, function in functions.items()}
        shapes.update({name: value.shape for name, value in values.items()})
        return jnp.concatenate([jnp.ravel(v) for v in values.values()] or [jnp.zeros(0)])

    flat = total(grid, stacked, jet_at)
    pieces = jnp.split(flat, np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1])
    return {n: jnp.reshape(p, s) for (n, s), p in zip(shapes.items(), pieces, strict=False)}


@solved
def test_laws_hold_along_the_exact_solution(name, parameters):
    stated = stated_as(name, parameters)
    charges = {} if stated.stationary else verified_charges(stated)
    if not charges:
        return
    interval = stated.interval
    times = jnp.linspace(interval.lower, interval.upper, 4)
    keep = jax.jit(lambda times: jax.lax.map(lambda t: books(stated, charges, t), times))
    values, rates, gains, sizes = keep(times)
    for label, charge in charges.items():
        unit = max(float(np.max(sizes[label])), anchor(stated).scales[label])
        pace = unit / min(interval.length, 1.0)
        np.testing.assert_allclose(
            rates[label], gains[label], rtol=1e-9, atol=1e-9 * pace, err_msg=label
        )
        if charge.conserved:
            start = np.broadcast_to(values[label][0], values[label].shape)
            np.testing.assert_allclose(
                values[label], start, rtol=0.0, atol=1e-10 * unit, err_msg=label
            )


GAMMA = 1.0 / math.sqrt(1.0 - 0.2**2)
BEGINNINGS = {
    "advection": {"mass": 0.0, "energy": math.pi / 2.0},
    "beam": {"energy": 1.25 * math.pi},
    "burgers": {"mass": 0.0, "energy": 0.5},
    "heat": {"mass": 7.0 / (3.0 * math.pi), "energy": 0.3125, "first_mode": 0.5},
    "kdv": {"mass": 0.0, "momentum": 0.5, "energy": -0.5 * (math.pi * 0.022) ** 2},
    "klein_gordon": {"momentum": math.sqrt(2.0) * math.pi},
    "kuramoto_sivashinsky": {"mass": 0.0, "energy": 0.625 * math.pi},
    "sine_gordon": {
        "energy": GAMMA * 16.0 * math.sqrt(0.75),
        "momentum": 0.2 * GAMMA * 16.0 * math.sqrt(0.75),
    },
    "wave": {"energy": 5.0 * math.pi**2},
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_charges_begin_with_the_values_in_the_file(name):
    begun = anchor(problem(name))
    for label, value in BEGINNINGS[name].items():
        atol = 1e-11 * begun.scales[label]
        np.testing.assert_allclose(begun.charges[label], value, rtol=0.0, atol=atol)


def test_the_shock_is_as_steep_as_in_the_literature():
    jet_at = prolong(problem("burgers").exact, problem("burgers").space, ["u_x"])
    slope = jet_at(jnp.asarray(1.6037 / math.pi), jnp.asarray(0.0)).u_x
    np.testing.assert_allclose(slope, -152.00516, rtol=1e-7)  # Basdevant et al. (1986)


def test_an_unknown_kind_of_soliton_is_refused():
    with pytest.raises(pinn.ProblemError, match="breather"):
        pinn.get("sine_gordon", kind="antikink")
