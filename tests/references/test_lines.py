"""The method of lines: against closed forms, with every kind of wall, kept on disk, refused."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.references import Collocation, Lines
from pinn.references.fields import course, preferred
from pinn.references.method import Adaptive, Closed

UNIT = pinn.Interval(0.0, 1.0)
EVOLUTION = Lines(cache=False)


def problem(residual, initial, space=UNIT, duration=1.0, **rest) -> pinn.Problem:
    axes = {"t": pinn.Interval(0.0, duration)} | (
        space if isinstance(space, dict) else {"x": space}
    )
    rest.setdefault("fields", {"u": ()})
    return pinn.Problem(axes=axes, residual=residual, initial=initial, **rest)


def evaluated(stated, method, *lines, entries=("u",)):
    """Return the jet on the tensor product of lines of points."""
    solved = course(stated, method)
    mesh = np.meshgrid(*lines, indexing="ij")
    flat = [jnp.asarray(array.ravel()) for array in mesh]
    axes = (None,) + (0,) * len(flat)
    jet = jax.jit(jax.vmap(solved.plan(entries), axes))(solved.state, *flat)
    shape = mesh[0].shape
    return {n: np.asarray(v).reshape(shape + v.shape[1:]) for n, v in jet.items()}


def heat(j):
    return j.u_t - j.u_xx


def sine(x):
    return jnp.sin(jnp.pi * x)


CLOSED = {
    "heat, fixed walls": (
        problem(heat, {"u": sine}, boundary=[pinn.Dirichlet("u", "x")]),
        lambda t, x: np.exp(-(np.pi**2) * t) * np.sin(np.pi * x),
    ),
    "heat, walls that move": (
        problem(
            heat,
            {"u": jnp.exp},
            boundary=[
                pinn.Dirichlet("u", "x", lower=jnp.exp, upper=None),
                pinn.Neumann("u", "x", lower=None, upper=lambda t: jnp.exp(t + 1.0)),
            ],
        ),
        lambda t, x: np.exp(t + x),
    ),
    "heat, mixed condition": (
        problem(
            heat,
            {"u": jnp.exp},
            boundary=[
                pinn.Robin("u", "x", lower=lambda t: 3.0 * jnp.exp(t), upper=None, slope=2.0),
                pinn.Dirichlet("u", "x", lower=None, upper=lambda t: jnp.exp(t + 1.0)),
            ],
        ),
        lambda t, x: np.exp(t + x),
    ),
    "wave": (
        problem(
            lambda j: j.u_tt - j.u_xx,
            {"u": sine, "u_t": 0.0},
            boundary=[pinn.Dirichlet("u", "x")],
        ),
        lambda t, x: np.cos(np.pi * t) * np.sin(np.pi * x),
    ),
    "hinged beam": (
        problem(
            lambda j: j.u_tt + j.u_xxxx,
            {"u": sine, "u_t": 0.0},
            duration=0.3,
            boundary=[pinn.Dirichlet("u", "x"), pinn.Derivative("u", "x", order=2)],
        ),
        lambda t, x: np.cos(np.pi**2 * t) * np.sin(np.pi * x),
    ),
    "travelling wave on a circle": (
        problem(
            lambda j: j.u_t + j.u_x + 0.01 * j.u_xxx,
            {"u": jnp.sin},
            pinn.Periodic(0.0, 2.0 * math.pi),
        ),
        lambda t, x: np.sin(x - 0.99 * t),
    ),
    "space derivatives on the time derivative": (
        problem(
            lambda j: j.u_t + j.u_x - j.u_txx,
            {"u": jnp.sin},
            pinn.Periodic(0.0, 2.0 * math.pi),
        ),
        lambda t, x: np.sin(x - 0.5 * t),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_the_closed_form_is_met(name):
    stated, exact = CLOSED[name]
    t, x = np.linspace(0.0, stated.interval.upper, 7), np.linspace(0.0, 1.0, 9)
    values = evaluated(stated, EVOLUTION, t, x)["u"]
    assert np.max(np.abs(values - exact(t[:, None], x[None]))) < 1e-11


def test_a_corner_that_the_equation_smooths_is_met_with_all_points():
    circle = pinn.Periodic(0.0, 2.0 * math.pi)
    stated = problem(heat, {"u": lambda x: jnp.abs(x - math.pi)}, circle, 0.5)
    reference = pinn.reference(stated, method=EVOLUTION)
    t, x = np.linspace(0.0, 0.5, 11)[1:, None], np.linspace(0.0, 6.0, 49)
    k = np.arange(1, 999, 2)[:, None, None]
    exact = 0.5 * np.pi + np.sum(4.0 / (np.pi * k**2) * np.cos(k * x) * np.exp(-k * k * t), axis=0)
    assert max(reference.counts) > 2000
    np.testing.assert_allclose(reference(t, x)["u"], exact, rtol=0, atol=2e-6)


def test_derivatives_in_time_and_space_are_those_of_the_solution():
    stated, exact = CLOSED["travelling wave on a circle"]
    t, x = np.linspace(0.0, 1.0, 5), np.linspace(0.0, 6.0, 9)
    jet = evaluated(stated, EVOLUTION, t, x, entries=("u_t", "u_tt", "u_xx", "u_tx"))
    here = exact(t[:, None], x[None])
    for name, factor in {"u_tt": 0.99**2, "u_xx": 1.0, "u_tx": -0.99}.items():
        np.testing.assert_allclose(jet[name], -factor * here, rtol=0, atol=1e-9)


def test_derivatives_in_time_come_from_the_series_where_the_equation_has_none_pointwise():
    stated, exact = CLOSED["space derivatives on the time derivative"]
    t, x = np.linspace(0.0, 1.0, 5), np.linspace(0.0, 6.0, 9)
    jet = evaluated(stated, EVOLUTION, t, x, entries=("u_tt", "u_txx"))
    here = exact(t[:, None], x[None])
    np.testing.assert_allclose(jet["u_tt"], -0.25 * here, rtol=0, atol=1e-7)
    rate = 0.5 * np.cos(x[None] - 0.5 * t[:, None])
    np.testing.assert_allclose(jet["u_txx"], rate, rtol=0, atol=1e-8)


@pytest.mark.slow
def test_korteweg_de_vries_keeps_its_invariants():
    delta = 0.022
    stated = problem(
        lambda j: j.u_t + j.u * j.u_x + delta**2 * j.u_xxx,
        {"u": lambda x: jnp.cos(jnp.pi * x)},
        pinn.Periodic(-1.0, 1.0),
    )
    t, x = np.linspace(0.0, 1.0, 6), np.linspace(-1.0, 1.0, 512, endpoint=False)
    jet = evaluated(stated, EVOLUTION, t, x, entries=("u", "u_x"))
    u, slope = jet["u"], jet["u_x"]
    energy = 2.0 * np.mean(u**3 / 6.0 - 0.5 * delta**2 * slope**2, axis=1)
    np.testing.assert_allclose(energy, -0.25 * delta**2 * 2.0 * np.pi**2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(2.0 * np.mean(u**2, axis=1), 1.0, rtol=0, atol=1e-12)
    assert np.max(np.abs(np.mean(u, axis=1))) < 1e-14


@pytest.mark.parametrize("wall", [False, True], ids=["torus", "walls"])
def test_two_space_dimensions(wall):
    circle, strip = pinn.Periodic(0.0, 2.0 * math.pi), pinn.Interval(0.0, math.pi)
    stated = problem(
        lambda j: j.u_t - 0.3 * (j.u_xx + j.u_yy),
        {"u": lambda x, y: jnp.sin(x) * jnp.sin(y)},
        {"x": circle, "y": strip if wall else circle},
        boundary=[pinn.Dirichlet("u", "y")] if wall else [],
    )
    t, x = np.linspace(0.0, 1.0, 4), np.linspace(0.0, 3.0, 5)
    values = evaluated(stated, EVOLUTION, t, x, x)["u"]
    shape = np.sin(x)[:, None] * np.sin(x)[None]
    exact = np.exp(-0.6 * t)[:, None, None] * shape[None]
    assert np.max(np.abs(values - exact)) < 1e-11


@pytest.mark.parametrize("limit", [10, 1000], ids=["too large", "gentle"])
def test_blocks_that_are_not_worth_inverting(limit, monkeypatch):
    monkeypatch.setattr("pinn.references.collocation.SMALL_BLOCK", 10)
    monkeypatch.setattr("pinn.references.collocation.BLOCK_LIMIT", limit)
    stated = problem(
        lambda j: j.u_tt - j.u_xx - j.u_yy,
        {"u": lambda x, y: sine(x) * sine(y), "u_t": 0.0},
        {"x": UNIT, "y": UNIT},
        duration=0.1,
        boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
    )
    t, x = np.linspace(0.0, 0.1, 3), np.linspace(0.0, 1.0, 5)
    values = evaluated(stated, Lines(modes=14, cache=False), t, x, x)["u"]
    shape = np.sin(np.pi * x)[:, None] * np.sin(np.pi * x)[None]
    exact = np.cos(np.sqrt(2.0) * np.pi * t)[:, None, None] * shape[None]
    assert np.max(np.abs(values - exact)) < 1e-10


def test_vector_fields_turn_together():
    """i h_t + ½ h_xx = 0 as two real fields, h = e^{i(x − t/2)}."""

    def residual(j):
        return jnp.stack([j.h_t[0] + 0.5 * j.h_xx[1], j.h_t[1] - 0.5 * j.h_xx[0]])

    stated = problem(
        residual,
        {"h": lambda x: jnp.stack([jnp.cos(x), jnp.sin(x)])},
        pinn.Periodic(0.0, 2.0 * math.pi),
        fields={"h": (2,)},
    )
    t, x = np.linspace(0.0, 1.0, 4), np.linspace(0.0, 6.0, 7)
    phase = x[None] - 0.5 * t[:, None]
    values = evaluated(stated, EVOLUTION, t, x, entries=("h",))["h"]
    assert np.max(np.abs(values - np.stack([np.cos(phase), np.sin(phase)], -1))) < 1e-11


@pytest.mark.parametrize("axis", [UNIT, pinn.Periodic(0.0, 1.0)], ids=["walls", "circle"])
def test_stationary_problems_by_newton(axis):
    walls = isinstance(axis, pinn.Interval)
    exact = lambda x: np.sin(2.0 * np.pi * x)  # noqa: E731

    def residual(j):
        wave = jnp.sin(2.0 * jnp.pi * j.x)
        return -j.u_xx + j.u + j.u**3 - (4.0 * jnp.pi**2 + 1.0) * wave - wave**3

    axes = {"x": axis, "y": pinn.Periodic(0.0, 1.0)}
    stated = pinn.Problem(
        axes=axes,
        fields={"u": ()},
        residual=residual,
        boundary=[pinn.Dirichlet("u", "x")] if walls else [],
    )
    x = np.linspace(0.0, 1.0, 11)
    values = evaluated(stated, Collocation(modes=22), x, np.array([0.3]))["u"][:, 0]
    assert np.max(np.abs(values - exact(x))) < 1e-9
    assert isinstance(preferred(stated), Collocation)


def test_stationary_flow_is_found_from_that_without_inertia():
    """Newton's method from zero, with walls that move already, does not come back."""
    stated = pinn.get("kovasznay")
    wanting = dataclasses.replace(stated, exact=None)
    x, y = np.linspace(-0.5, 1.0, 5), np.linspace(-0.5, 1.5, 6)
    values = evaluated(wanting, Collocation(modes=18), x, y, entries=("psi",))["psi"]
    exact = jax.vmap(jax.vmap(lambda x, y: stated.exact(x, y)["psi"], (None, 0)), (0, None))
    np.testing.assert_allclose(values, exact(jnp.asarray(x), jnp.asarray(y)), rtol=0, atol=1e-8)


@pytest.fixture
def disk(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pinn" / "references"


def test_the_disk_keeps_what_was_computed(monkeypatch, disk):
    stated, method = CLOSED["heat, fixed walls"][0], Lines(modes=16)
    first = course(stated, method)
    with monkeypatch.context() as without:
        without.setattr("pinn.references.fields.solve_lines", None)
        again = course(stated, method)
    np.testing.assert_array_equal(again.state.coefficients, first.state.coefficients)
    course(problem(heat, {"u": lambda x: 2.0 * sine(x)}, boundary=stated.boundary), method)
    assert len(list(disk.iterdir())) == 2


def _cut(kept, other):
    kept.write_bytes(kept.read_bytes()[:-200])


def _garbled(kept, other):
    kept.write_bytes(b"not a solution")


def _swapped(kept, other):
    kept.write_bytes(other.read_bytes())


def _altered(name, change):
    def alter(kept, other):
        with np.load(kept) as stored:
            arrays = {n: change(stored[n]) if n == name else stored[n] for n in stored.files}
        with kept.open("wb") as file:
            np.savez(file, **arrays)

    return alter


DAMAGE = {
    "cut": _cut,
    "garbled": _garbled,
    "swapped with another": _swapped,
    "a number that is none": _altered("coefficients", lambda a: np.where(a == a.max(), np.nan, a)),
    "an edge too few": _altered("edges", lambda a: a[:-1]),
    "another count": _altered("counts", lambda a: a + 2),
    "other dimensions": _altered("counts", lambda a: np.append(a, a)),
    "no tail": _altered("tail", lambda a: np.zeros(3)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_computed_anew(disk, damage):
    stated, method = CLOSED["heat, fixed walls"][0], Lines(modes=16)
    first = course(stated, method)
    (kept,) = disk.iterdir()
    course(problem(heat, {"u": lambda x: 2.0 * sine(x)}, boundary=stated.boundary), method)
    (other,) = set(disk.iterdir()) - {kept}
    damage(kept, other)
    mended = course(stated, method)
    np.testing.assert_array_equal(mended.state.coefficients, first.state.coefficients)


def test_a_closed_form_over_space_needs_no_derivative_of_it_to_state_its_error():
    exact = lambda t, x: {"u": jnp.exp(-(jnp.pi**2) * t) * sine(x)}  # noqa: E731
    stated = problem(heat, {"u": sine}, boundary=[pinn.Dirichlet("u", "x")], exact=exact)
    assert isinstance(preferred(stated), Closed)
    assert 1e-17 < pinn.reference(stated).error_estimate < 1e-14


def test_what_cannot_be_is_refused():
    constraint = problem(
        lambda j: jnp.stack([j.u_t - j.p_x, j.u_x]),
        {"u": sine},
        fields={"u": (), "p": ()},
        boundary=[pinn.Dirichlet("u", "x")],
    )
    with pytest.raises(pinn.ProblemError, match=r"no time derivative of the field 'p'"):
        course(constraint, EVOLUTION)
    with pytest.raises(pinn.ProblemError, match=r"use pinn\.references\.Lines\(\)"):
        course(CLOSED["wave"][0], Adaptive())
    with pytest.raises(pinn.ProblemError, match="states no closed form"):
        course(CLOSED["wave"][0], Closed())


@pytest.mark.parametrize("wrong", [{"modes": 2}, {"stages": 7}, {"rtol": 0.0}])
def test_a_method_that_cannot_work_is_refused(wrong):
    with pytest.raises(pinn.ProblemError, match="method of lines needs"):
        Lines(**wrong)


def test_a_solution_that_blows_up_is_reported():
    stated = problem(
        lambda j: j.u_t - j.u**2,
        {"u": lambda x: 1.0 + 0.0 * x},
        pinn.Periodic(0.0, 1.0),
        duration=2.0,
    )
    with pytest.raises(pinn.PinnError, match=r"stopped at t = 1 of 2.*singular"):
        course(stated, Lines(modes=9, cache=False))


def test_a_reference_over_space_states_its_error():
    stated, exact = CLOSED["wave"]
    reference = pinn.reference(stated, method=Lines(modes=18, cache=False))
    t, x = np.linspace(0.0, 1.0, 5)[:, None], np.linspace(0.0, 1.0, 7)[None]
    values = reference(t, x)["u"]
    assert values.shape == (5, 7)
    assert np.max(np.abs(values - exact(t, x))) < 1e-11
    assert reference.error_estimate < 1e-11
    assert reference.steps > 1
    slope = reference.jet(t, x, entries=("u_x",)).u_x
    np.testing.assert_allclose(slope[0], np.pi * np.cos(np.pi * x[0]), rtol=0, atol=1e-10)
