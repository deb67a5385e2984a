"""Every problem that ships with the library is what its file says it is."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pinn
from pinn import symmetry
from pinn.jets import euler_operator, prolong, random_jets, total_derivative
from pinn.noether.current import contract, symmetry_defect
from pinn.noether.derivation import derive_charges
from pinn.noether.verify import verified_charges, verify
from pinn.problem.nearby import somewhere
from pinn.problem.registry import listings

NAMES = sorted(listings())
SAMPLES = 4


@cache
def problem(name):
    """Return a problem of the catalogue, with values in place of its unknowns.

    They are those that conditions in time fix, or some.
    """
    stated = pinn.get(name)
    if stated.two_point:
        return pinn.reference(stated).problem
    return somewhere(stated, seed=0) if stated.unknown_names else stated


MECHANICS = [name for name in NAMES if not problem(name).extent]
SYMMETRIC = [name for name in MECHANICS if problem(name).symmetries]
SOLVED = [name for name in MECHANICS if problem(name).exact]


def jets_near_start(given_problem, entries, seed):
    interval = given_problem.interval
    middle = 0.5 * (interval.lower + interval.upper)
    centre = {**given_problem.initial_state, given_problem.time: middle}
    return random_jets(given_problem.space, entries, seed, SAMPLES, centre)


@pytest.mark.parametrize("name", MECHANICS)
def test_every_claim_holds(name):
    verified_charges(problem(name))
    for verdict in verify(problem(name))[1]:
        assert verdict.defect < 1e-11, verdict


@pytest.mark.parametrize("name", NAMES)
def test_the_file_says_what_the_problem_is(name):
    listing = listings()[name]
    lines = listing.path.read_text().splitlines()
    assert len(lines) < 80
    assert max(map(len, lines)) <= 100
    for heading in ("Expected behaviour: ", "Good values: ", "Source: "):
        assert heading in listing.documentation
    for parameter in listing.parameters:
        assert ": " in parameter and " = " in parameter, parameter
    plain = listing.documentation.lower().replace("_", " ").replace("–", " ")
    for charge in verified_charges(problem(name)):
        assert charge.replace("_", " ") in plain


@cache
def identity_of(name):
    """Return the entries and the test of D_t J = Q·𝓔 + Δ with 𝓔 = −E(L), at one jet."""
    stated = problem(name)
    lagrangian, time = stated.action_density, stated.time
    euler = {field: euler_operator(lagrangian, field) for field in stated.fields}
    symmetries = {s.name: s for s in stated.symmetries}
    identities, entries = {}, {time}
    for charge in derive_charges(stated).values():
        if charge.generator is None:
            continue
        moves = {field: charge.generator.characteristic(field) for field in stated.fields}
        rate = total_derivative(charge.density, time)
        defect = symmetry_defect(lagrangian, charge.generator)
        identities[charge.name] = symmetries[charge.name].sign, rate, moves, defect
        for function in (rate, defect, *moves.values(), *euler.values()):
            entries.update(function.needs)

    def sides(jet):
        found = {}
        for label, (sign, rate, moves, defect) in identities.items():
            left, right, size = rate(jet), sign * defect(jet), 0.0
            for field, move in moves.items():
                factors = move(jet), -euler[field](jet)
                right = right + sign * contract(*factors)
                size = size + contract(*map(jnp.abs, factors))
            found[label] = left - right, jnp.abs(left) + size
        return found

    return entries, jax.jit(jax.vmap(sides))


@pytest.mark.parametrize("name", SYMMETRIC)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_noether_identity_off_shell(name, seed):
    entries, sides = identity_of(name)
    jets = jets_near_start(problem(name), entries, seed)
    for label, (difference, size) in sides(jets).items():
        assert np.all(np.abs(difference) <= 1e-9 * np.asarray(size) + 1e-12), label


@pytest.mark.parametrize("name", SOLVED)
def test_the_exact_solution_solves_the_problem(name):
    stated = problem(name)
    dynamics, interval, charges = stated.dynamics, stated.interval, verified_charges(stated)
    beyond = [dynamics.entry(field, n + 1) for field, n in dynamics.orders.items()]
    needs = {n for charge in charges.values() for n in charge.needs}
    entries = {stated.time, *dynamics.residual.needs, *dynamics.state_entries, *beyond, *needs}
    jet_at = prolong(stated.exact, stated.space, entries)

    @jax.jit
    @jax.vmap
    def along(time):
        jet = jet_at(time)
        densities = {n: c.density(jet) for n, c in charges.items() if c.source is None}
        return dict(jet), dynamics.residual(jet), densities

    times = np.unique([*np.linspace(interval.lower, interval.upper, 7), *interval.breakpoints])
    jets, residual, densities = along(jnp.asarray(times))
    for entry, value in stated.initial_state.items():
        np.testing.assert_allclose(jets[entry][0], value, rtol=0.0, atol=1e-12, err_msg=entry)
    assert all(np.all(np.isfinite(value)) for value in jets.values())
    np.testing.assert_allclose(residual, 0.0, atol=1e-10)
    for label, values in densities.items():
        start = np.broadcast_to(values[0], values.shape)
        np.testing.assert_allclose(values, start, rtol=0.0, atol=1e-10, err_msg=label)


def kepler_energy(j):
    return 0.5 * j.q_t @ j.q_t - 1.0 / jnp.linalg.norm(j.q)


def turn(j):
    return j.q[0] * j.q_t[1] - j.q[1] * j.q_t[0]


def guiding_centre(j):
    return jnp.stack([j.q_t[0] - j.q[1], j.q_t[1] + j.q[0]])


def carried_velocity(j):
    return j.q_t * jnp.cos(j.t) + j.q * jnp.sin(j.t)


def fradkin(j):
    return jnp.stack([j.q_t[a] * j.q_t[b] + j.q[a] * j.q[b] for a, b in ((0, 0), (0, 1), (1, 1))])


@pytest.mark.parametrize(
    ("name", "charge"),
    [
        ("kepler", kepler_energy),
        ("kepler", turn),
        ("isotropic_oscillator", fradkin),
        ("charged_particle", guiding_centre),
        ("harmonic_oscillator", carried_velocity),
    ],
)
def test_the_converse_gives_back_the_charge(name, charge):
    stated = dataclasses.replace(
        problem(name), symmetries=[symmetry.from_charge("given", charge)], conserved={}
    )
    found = verified_charges(stated)["given"]
    jets = jets_near_start(stated, {"t", *stated.dynamics.state_entries}, seed=1)
    np.testing.assert_allclose(
        jax.vmap(found.density)(jets), jax.vmap(charge)(jets), rtol=1e-12, atol=1e-12
    )


def test_the_converse_finds_the_rotation_behind_angular_momentum():
    stated = problem("kepler")
    build = symmetry.from_charge("angular_momentum", turn).build
    eta = build(stated.action_density, "t").eta["q"]
    jets = jets_near_start(stated, {"t", "q", "q_t"}, seed=2)
    expected = jnp.stack([-jets.q[:, 1], jets.q[:, 0]], axis=1)
    np.testing.assert_allclose(jax.vmap(eta)(jets), expected, atol=1e-13)


def sagging_spring(j):
    return 0.5 * j.q_t**2 - 0.5 * (1.0 + 0.1 * j.t) * j.q**2


def oscillator_energy(j):
    return 0.5 * j.x_t**2 + 0.5 * j.x**2


def reversed_gauge(j):
    return 0.5 * jnp.stack([-j.q[1], j.q[0]])


def moved(*symmetries):
    return {"symmetries": symmetries}


def kept(**quantities):
    return {"symmetries": (), "conserved": quantities}


BROKEN = "The symmetry behind '{}' is not a symmetry of the Lagrangian .relative defect .*: correct"
LOST = "The charge '{}' is not conserved on solutions .relative defect .*: correct it, or declare"
WRONG = "The balance law of '{}' does not hold on solutions .relative defect .*density or source"
LIES = {
    "Kepler has a centre": (
        "kepler",
        moved(symmetry.translation("q")),
        BROKEN.format("momentum"),
    ),
    "Kepler at rest only": ("kepler", moved(symmetry.boost("q")), BROKEN.format("boost")),
    "Kepler rescaled": (
        "kepler",
        moved(symmetry.scaling("q", time=1.5)),
        BROKEN.format("virial"),
    ),
    "another problem's tensor": (
        "kepler",
        moved(symmetry.from_charge("fradkin", fradkin)),
        BROKEN.format("fradkin"),
    ),
    "three-fold is not round": (
        "henon_heiles",
        moved(symmetry.rotation("q")),
        BROKEN.format("angular_momentum"),
    ),
    "no gauge term": (
        "charged_particle",
        moved(symmetry.translation("q")),
        BROKEN.format("momentum"),
    ),
    "gauge term reversed": (
        "charged_particle",
        moved(symmetry.translation("q", gauge=reversed_gauge)),
        BROKEN.format("momentum"),
    ),
    "masses forgotten": ("two_body", moved(symmetry.boost("q")), BROKEN.format("boost")),
    "Lagrangian depends on time": (
        "harmonic_oscillator",
        {"lagrangian": sagging_spring, **moved(symmetry.time_translation())},
        BROKEN.format("energy"),
    ),
    "friction forgotten": (
        "damped_oscillator",
        kept(energy=oscillator_energy),
        LOST.format("energy"),
    ),
    "work forgotten": ("struck_oscillator", kept(energy=oscillator_energy), LOST.format("energy")),
    "wolves and sheep": ("lotka_volterra", kept(sum=lambda j: j.x + j.y), LOST.format("sum")),
    "not a sphere": ("rigid_body", kept(spin=lambda j: j.w @ j.w), LOST.format("spin")),
    "chaos": ("lorenz", kept(size=lambda j: j.u @ j.u), LOST.format("size")),
    "wrong source": (
        "van_der_pol",
        kept(energy=pinn.Balance(oscillator_energy, lambda j: j.x_t**2)),
        WRONG.format("energy"),
    ),
}


@pytest.mark.parametrize(("name", "lie", "refusal"), LIES.values(), ids=LIES)
def test_a_lie_is_refused(name, lie, refusal):
    with pytest.raises(pinn.ProblemError, match=refusal):
        verified_charges(dataclasses.replace(problem(name), **lie))


def source_of(stated, name, jets):
    charge = verified_charges(stated)[name]
    assert charge.source is not None, f"{name} was taken for conserved"
    return np.asarray(jax.vmap(charge.source)(jets))


def test_friction_turns_energy_into_a_balance_law():
    stated = pinn.get("damped_oscillator", gamma=0.7)
    jets = jets_near_start(stated, {"t", "x", "x_t"}, seed=3)
    np.testing.assert_allclose(source_of(stated, "energy", jets), -0.7 * jets.x_t**2, atol=1e-13)


def test_an_electric_field_exerts_a_torque():
    stated = pinn.get("charged_particle", electric=0.5)
    jets = jets_near_start(stated, {"t", "q", "q_t"}, seed=4)
    torque = source_of(stated, "angular_momentum", jets)
    np.testing.assert_allclose(torque, -0.5 * jets.q[:, 1], atol=1e-13)


@pytest.mark.parametrize("start", [1.0, 3.0, 10.0, 19.0])
def test_a_short_blow_is_not_overlooked(start):
    stated = pinn.get("struck_oscillator", start=start, duration=0.1)
    jets = random_jets(stated.space, ("t", "x", "x_t"), 5, SAMPLES, {"t": start + 0.05})
    jets = pinn.Jet(stated.space, {**jets, "t": jnp.full(SAMPLES, start + 0.05)})
    power = source_of(stated, "energy", jets)  # the force peaks at 2 J/τ = 20
    np.testing.assert_allclose(power, 20.0 * jets.x_t, rtol=1e-12)


def test_vortices_of_positive_circulation_turn_anticlockwise():
    stated = pinn.get("point_vortices", circulations=(1.0, 1.0, 1e-9))
    places = jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 50.0]])
    motion = stated.dynamics.on_shell({"t": jnp.zeros(()), "z": places}).z_t
    np.testing.assert_allclose(motion[:2], [[0.0, 0.25 / np.pi], [0.0, -0.25 / np.pi]], atol=1e-8)
