"""The symplectic solvers: order, reversibility, and what they keep."""

from functools import cache

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.references.gauss_legendre import GaussLegendre
from pinn.references.symplectic import StormerVerlet, Yoshida4, Yoshida6, Yoshida8

KEPLER_SPLIT = (
    diffrax.ODETerm(lambda t, v, args: v),
    diffrax.ODETerm(lambda t, q, args: -q / jnp.sum(q**2) ** 1.5),
)
DRIVEN_SPLIT = (
    diffrax.ODETerm(lambda t, v, args: (1.0 + 0.3 * jnp.sin(0.7 * t)) * v),
    diffrax.ODETerm(lambda t, q, args: -jnp.sin(q) + 0.8 * jnp.cos(1.3 * t)),
)


def joined(terms):
    """The two terms of a separable system as one."""
    drift, kick = terms
    return diffrax.ODETerm(
        lambda t, y, args: (drift.vector_field(t, y[1], args), kick.vector_field(t, y[0], args))
    )


def double_pendulum_energy(y):
    """Two unit bobs on unit rods, g = 1, in angles and their momenta: it does not split."""
    (a, b), (p, r) = y
    mass = 1.0 + jnp.sin(a - b) ** 2
    kinetic = (0.5 * p**2 + r**2 - p * r * jnp.cos(a - b)) / mass
    return kinetic - 2.0 * jnp.cos(a) - jnp.cos(b)


def double_pendulum_field(t, y, args):
    dq, dp = jax.grad(double_pendulum_energy)(y)
    return dp, -dq


def magnetic_field(t, y, args):
    """A charge in the field B = (0.3 x, -0.3 y, 1 + x²): the force depends on the velocity."""
    x, v = y
    field = jnp.stack([0.3 * x[0], -0.3 * x[1], 1.0 + x[0] ** 2])
    return v, jnp.cross(v, field)


KEPLER, DRIVEN = joined(KEPLER_SPLIT), joined(DRIVEN_SPLIT)
DOUBLE_PENDULUM, MAGNETIC = diffrax.ODETerm(double_pendulum_field), diffrax.ODETerm(magnetic_field)
SPLIT = {KEPLER: KEPLER_SPLIT, DRIVEN: DRIVEN_SPLIT}


def kepler_start(eccentricity):
    speed = np.sqrt((1.0 + eccentricity) / (1.0 - eccentricity))
    return jnp.array([1.0 - eccentricity, 0.0]), jnp.array([0.0, speed])


def kepler_energy(y):
    q, v = y
    return 0.5 * jnp.sum(v**2, axis=-1) - 1.0 / jnp.sqrt(jnp.sum(q**2, axis=-1))


def angular_momentum(y):
    q, v = y
    return q[..., 0] * v[..., 1] - q[..., 1] * v[..., 0]


END = 7.0
STARTS = {
    KEPLER: kepler_start(0.3),
    DRIVEN: (jnp.array([0.5]), jnp.array([0.2])),
    DOUBLE_PENDULUM: (jnp.array([1.0, 0.4]), jnp.array([0.0, 0.3])),
    MAGNETIC: (jnp.array([0.5, 0.0, 0.0]), jnp.array([0.1, 0.7, 0.2])),
}


def terms_for(solver, system):
    return system if isinstance(solver, GaussLegendre) else SPLIT[system]


@eqx.filter_jit
def solve(solver, system, start, t0, t1, dt):
    """The state at `t1` by diffrax, whichever way time runs."""
    terms = terms_for(solver, system)
    solution = diffrax.diffeqsolve(terms, solver, t0, t1, dt, start, max_steps=None)
    return jax.tree.map(lambda leaf: leaf[-1], solution.ys)


@eqx.filter_jit
def trajectory(solver, system, start, ts, steps_between):
    """The states at the times `ts` after the first, with equal steps between two of them.

    A bare loop over the steps, which compiles faster than `diffrax.diffeqsolve`.
    """
    terms = terms_for(solver, system)
    length = (ts[1] - ts[0]) / steps_between

    def advance(carry, begin):
        def step(i, carry):
            y, memory = carry
            t0, t1 = begin + i * length, begin + (i + 1) * length
            y, _, _, memory, _ = solver.step(terms, t0, t1, y, None, memory, made_jump=False)
            return y, memory

        carry = jax.lax.fori_loop(0, steps_between, step, carry)
        return carry, carry[0]

    memory = solver.init(terms, ts[0], ts[0] + length, start, None)
    return jax.lax.scan(advance, (start, memory), ts[:-1])[1]


@cache
def long_run(solver):
    """Four hundred Kepler orbits of a hundred steps, kept ten times in each."""
    ts = jnp.linspace(0.0, 800.0 * jnp.pi, 4001)
    return trajectory(solver, KEPLER, STARTS[KEPLER], ts, jnp.array(10))


@cache
def accurate():
    """Every system at the time END, all solved at once."""

    def fields(t, ys, args):
        return [system.vector_field(t, y, args) for system, y in zip(STARTS, ys, strict=True)]

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(fields),
        diffrax.Dopri8(),
        0.0,
        END,
        0.01,
        list(STARTS.values()),
        stepsize_controller=diffrax.PIDController(rtol=1e-13, atol=1e-14),
        max_steps=100_000,
    )
    ends = jax.tree.map(lambda leaf: leaf[-1], solution.ys)
    return dict(zip(STARTS, ends, strict=True))


def distance(y, z):
    apart = jax.tree.map(lambda a, b: jnp.max(jnp.abs(a - b)), y, z)
    return float(max(jax.tree.leaves(apart)))


def measured_order(solver, system, steps):
    ts, errors = jnp.array([0.0, END]), []
    for count in steps:
        end = trajectory(solver, system, STARTS[system], ts, jnp.array(count))
        exact = jax.tree.map(lambda leaf: leaf[None], accurate()[system])
        errors.append(distance(end, exact))
    return -np.polyfit(np.log(steps), np.log(errors), 1)[0]


COMPOSITIONS = {
    StormerVerlet(): (400, 600, 900),
    Yoshida4(): (200, 300, 400),
    Yoshida6(): (100, 130, 160),
    Yoshida8(): (46, 56, 64),
}
COLLOCATIONS = {
    GaussLegendre(1): (200, 300, 400),
    GaussLegendre(2): (64, 80, 100),
    GaussLegendre(3): (46, 56, 64),
    GaussLegendre(4): (36, 46, 56),
}
EVERY_SOLVER = {**COMPOSITIONS, **COLLOCATIONS}
SEPARABLE = [*COMPOSITIONS, GaussLegendre(3)]


@pytest.mark.parametrize("solver", EVERY_SOLVER, ids=str)
def test_order_on_kepler(solver):
    order = measured_order(solver, KEPLER, EVERY_SOLVER[solver])
    assert order == pytest.approx(solver.order(None), abs=0.3)


@pytest.mark.parametrize(
    ("solver", "steps"),
    [
        (StormerVerlet(), (64, 80, 100)),
        (Yoshida4(), (64, 80, 100)),
        (Yoshida8(), (46, 56, 64)),
        (GaussLegendre(3), (24, 28, 32)),
    ],
    ids=str,
)
def test_order_where_both_rates_depend_on_time(solver, steps):
    order = measured_order(solver, DRIVEN, steps)
    assert order == pytest.approx(solver.order(None), abs=0.3)


@pytest.mark.parametrize(
    "system", [DOUBLE_PENDULUM, MAGNETIC], ids=["double pendulum", "magnetic field"]
)
def test_order_of_collocation_where_nothing_splits(system):
    order = measured_order(GaussLegendre(2), system, (160, 200, 240))
    assert order == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("solver", SEPARABLE, ids=str)
def test_returns_when_time_runs_back(solver):
    start, end, dt = STARTS[DRIVEN], jnp.array(12.0), jnp.array(0.04)
    there = solve(solver, DRIVEN, start, jnp.array(0.0), end, dt)
    back = solve(solver, DRIVEN, there, end, jnp.array(0.0), -dt)
    assert distance(there, start) > 0.1
    assert distance(back, start) < 1e-13


@pytest.mark.parametrize(
    ("solver", "size"),
    [(StormerVerlet(), 2e-3), (Yoshida6(), 5e-6), (GaussLegendre(2), 5e-6)],
    ids=str,
)
def test_energy_error_does_not_grow(solver, size):
    """Its largest value in the last 40 of 400 orbits is that in the first 40."""
    error = jnp.abs(kepler_energy(long_run(solver)) - kepler_energy(STARTS[KEPLER]))
    assert jnp.max(error) < size
    assert jnp.max(error[-400:]) < 1.1 * jnp.max(error[:400])


@pytest.mark.parametrize("solver", [StormerVerlet(), Yoshida6(), GaussLegendre(2)], ids=str)
def test_angular_momentum_is_kept_to_round_off(solver):
    momentum = angular_momentum(STARTS[KEPLER])
    assert jnp.max(jnp.abs(angular_momentum(long_run(solver)) / momentum - 1.0)) < 1e-14


@pytest.mark.parametrize(
    ("solver", "steps"), [(Yoshida8(), 200), (GaussLegendre(4), 40)], ids=["Yoshida8", "Gauss4"]
)
def test_energy_is_kept_to_round_off_by_small_steps(solver, steps):
    """Ten orbits of eccentricity 0.6; sums that were not compensated would miss this by far."""
    start, ts = kepler_start(0.6), jnp.linspace(0.0, 20.0 * jnp.pi, 101)
    energy = kepler_energy(trajectory(solver, KEPLER, start, ts, jnp.array(steps)))
    assert jnp.max(jnp.abs(energy / kepler_energy(start) - 1.0)) < 1.5e-14


def test_speed_of_a_charge_is_kept_to_round_off():
    """|v|² is quadratic, and a magnetic field does no work."""
    ts = jnp.linspace(0.0, 100.0, 201)
    _, v = trajectory(GaussLegendre(3), MAGNETIC, STARTS[MAGNETIC], ts, jnp.array(5))
    speed = jnp.sum(v**2, axis=-1)
    assert jnp.max(jnp.abs(speed / jnp.sum(STARTS[MAGNETIC][1] ** 2) - 1.0)) < 1e-14


def test_energy_of_a_double_pendulum_does_not_grow():
    ts = jnp.linspace(0.0, 400.0, 2001)
    start = STARTS[DOUBLE_PENDULUM]
    states = trajectory(GaussLegendre(2), DOUBLE_PENDULUM, start, ts, jnp.array(4))
    error = jnp.abs(jax.vmap(double_pendulum_energy)(states) - double_pendulum_energy(start))
    assert jnp.max(error) < 2e-6
    assert jnp.max(error[-400:]) < 1.5 * jnp.max(error[:400])


@pytest.mark.parametrize("solver", [Yoshida6(), GaussLegendre(3)], ids=str)
def test_every_kind_of_output_agrees(solver):
    """Times stepped onto, every step, and dense output."""
    terms, start, ts = terms_for(solver, KEPLER), STARTS[KEPLER], jnp.linspace(0.0, 3.0, 61)
    kinds = diffrax.SaveAt(
        dense=True,
        subs=[diffrax.SubSaveAt(ts=ts), diffrax.SubSaveAt(t0=True, steps=True)],
    )
    solution = diffrax.diffeqsolve(
        terms,
        solver,
        0.0,
        3.0,
        None,
        start,
        saveat=kinds,
        stepsize_controller=diffrax.StepTo(ts),
        max_steps=60,
    )
    at_times, at_steps = solution.ys
    assert distance(at_times, jax.tree.map(lambda leaf: leaf[: len(ts)], at_steps)) < 2e-15
    fine = trajectory(GaussLegendre(5), KEPLER, start, jnp.linspace(0.0, 3.0, 301), jnp.array(1))
    dense = jax.vmap(solution.evaluate)(jnp.linspace(0.0, 3.0, 301)[1:])
    assert distance(dense, fine) < 3e-6


@pytest.mark.parametrize("solver", [Yoshida4(), GaussLegendre(2)], ids=str)
def test_jump_discards_the_memory(solver):
    terms, start = terms_for(solver, KEPLER), STARTS[KEPLER]
    memory = solver.init(terms, 0.0, 0.1, start, None)
    stale = jax.tree.map(lambda leaf: leaf + 0.1, memory)
    after_jump = eqx.filter_jit(
        lambda memory, jump: solver.step(terms, 0.0, 0.1, start, None, memory, jump)[0]
    )
    expected = after_jump(memory, jnp.array(False))
    assert distance(after_jump(stale, jnp.array(False)), expected) > 1e-3
    assert distance(after_jump(stale, jnp.array(True)), expected) < 1e-15


@pytest.mark.parametrize("solver", [Yoshida8(), GaussLegendre(4)], ids=str)
def test_single_precision(solver):
    start = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), STARTS[KEPLER])
    ts = jnp.linspace(0.0, 60.0, 121, dtype=jnp.float32)
    orbit = trajectory(solver, KEPLER, start, ts, jnp.array(10))
    assert all(leaf.dtype == jnp.float32 for leaf in orbit)
    assert jnp.max(jnp.abs(kepler_energy(orbit) / kepler_energy(start) - 1.0)) < 3e-6


def test_state_may_be_any_pytree():
    """Two uncoupled oscillators of frequencies 1 and 2, in a dictionary."""
    squares = {"slow": 1.0, "fast": 4.0}
    kick = diffrax.ODETerm(lambda t, q, args: {name: -squares[name] * q[name] for name in q})
    split = (KEPLER_SPLIT[0], kick)
    position = {"slow": jnp.ones(()), "fast": jnp.ones((2, 3))}
    start = (position, jax.tree.map(jnp.zeros_like, position))
    for terms, solver in ((split, Yoshida8()), (joined(split), GaussLegendre(4))):
        solution = diffrax.diffeqsolve(terms, solver, 0.0, 2.0, 0.05, start)
        q = solution.ys[0]
        assert jnp.allclose(q["slow"][-1], jnp.cos(2.0), rtol=0.0, atol=1e-10)
        assert jnp.allclose(q["fast"][-1], jnp.cos(4.0), rtol=0.0, atol=1e-10)


def test_state_at_rest_stays():
    at_rest = diffrax.ODETerm(lambda t, y, args: -y)
    solution = diffrax.diffeqsolve(at_rest, GaussLegendre(2), 0.0, 1.0, 0.1, jnp.zeros(2))
    assert jnp.all(solution.ys == 0.0)


def test_step_without_solution_is_reported():
    """For dy/dt = y² from y = 1 the midpoint equation has no real solution at h = 10."""
    explosive = diffrax.ODETerm(lambda t, y, args: y**2)
    solution = diffrax.diffeqsolve(
        explosive, GaussLegendre(1), 0.0, 10.0, 10.0, jnp.ones(1), throw=False
    )
    assert solution.result == diffrax.RESULTS.nonlinear_divergence


@pytest.mark.parametrize("arguments", [{"stages": 0}, {"max_iterations": 0}])
def test_impossible_settings_are_refused(arguments):
    with pytest.raises(ValueError, match="must be at least 1"):
        GaussLegendre(**arguments)
