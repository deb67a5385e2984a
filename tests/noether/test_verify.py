"""What is refused, what is accepted, and the balance laws of forces and broken symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import symmetry
from pinn.errors import ProblemError
from pinn.jets import JetFunction, partial, random_jets
from pinn.noether.verify import verified_charges, verify

OSCILLATOR = {
    "axes": {"t": pinn.Interval(0.0, 3.0)},
    "fields": {"q": ()},
    "lagrangian": lambda j: 0.5 * j.q_t**2 - 0.5 * j.q**2,
    "initial": {"q": 0.8, "q_t": -0.6},
}
PLANE = {
    "axes": {"t": pinn.Interval(0.0, 3.0)},
    "fields": {"q": (2,)},
    "lagrangian": lambda j: 0.5 * j.q_t @ j.q_t + 1.0 / jnp.linalg.norm(j.q),
    "initial": {"q": (0.8, 0.3), "q_t": (-0.6, 1.1)},
}


def oscillator(**more):
    return pinn.Problem(**{**OSCILLATOR, **more})


def plane(**more):
    return pinn.Problem(**{**PLANE, **more})


def rate_on_shell(problem, charge):
    """dI/dt and the source on the solution through random states, by plain differentiation."""
    space, dynamics = problem.space, problem.dynamics
    entries = ("t", *dynamics.state_entries)
    jets = random_jets(space, entries, 5, 8, problem.initial_state)

    def rates(jet):
        whole = dynamics.on_shell({n: jet[n] for n in entries}, charge.needs)
        total = jnp.zeros(charge.density.shape)
        for name in charge.density.needs:
            velocity = jnp.ones(()) if name == "t" else whole[space.raised(name, "t")]
            slope = partial(charge.density, name)(whole)
            total = total + jnp.tensordot(slope, velocity, axes=velocity.ndim)
        source = jnp.zeros(()) if charge.source is None else charge.source(whole)
        return total, source, whole

    return jax.jit(jax.vmap(rates))(jets)


WRONG = {
    "broken translation": (oscillator(symmetries=[symmetry.translation("q")]), "'momentum'"),
    "wrong gauge": (
        oscillator(
            symmetries=[
                symmetry.generator(
                    "wave",
                    eta={"q": lambda j: jnp.cos(j.t)},
                    gauge=lambda j: jnp.sin(j.t) * j.q,
                )
            ]
        ),
        "'wave'",
    ),
    "missing gauge": (
        plane(
            lagrangian=lambda j: 0.5 * j.q_t @ j.q_t + j.q[0] * j.q_t[1],
            symmetries=[symmetry.translation("q")],
        ),
        "'momentum'",
    ),
    "time-dependent Lagrangian": (
        oscillator(
            lagrangian=lambda j: 0.5 * j.q_t**2 - 0.5 * (1.0 + 1e-6 * j.t) * j.q**2,
            symmetries=[symmetry.time_translation()],
        ),
        "'energy'",
    ),
    "wrong scaling": (plane(symmetries=[symmetry.scaling("q", time=1.5)]), "'virial'"),
    "rotation of an ellipse": (
        plane(
            lagrangian=lambda j: 0.5 * j.q_t @ j.q_t - j.q[0] ** 2 - 2.0 * j.q[1] ** 2,
            symmetries=[symmetry.rotation("q")],
        ),
        "'angular_momentum'",
    ),
    "boost with the wrong mass": (
        plane(
            lagrangian=lambda j: 0.5 * j.q_t @ j.q_t,
            symmetries=[symmetry.boost("q", mass=2.0)],
        ),
        "'boost'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_broken_symmetry_is_refused_with_its_defect(case):
    problem, name = WRONG[case]
    pattern = (
        rf"symmetry behind {name} is not a symmetry of the Lagrangian \(relative defect "
        r"\d\.\de[+-]\d\d on random jets\).*balance=True"
    )
    with pytest.raises(ProblemError, match=pattern):
        verified_charges(problem)


def test_verdicts_are_returned_where_the_caller_decides():
    problem = oscillator(symmetries=[symmetry.time_translation(), symmetry.translation("q")])
    charges, (energy, momentum) = verify(problem)
    assert set(charges) == {"energy", "momentum"}
    assert (energy.claim, energy.kind, energy.holds) == ("energy", "symmetry", True)
    assert momentum.holds is False and momentum.defect > 0.1
    assert verify(oscillator()) == ({}, ())


DECLARED = [
    (lambda j: j.q_t, r"charge 'claim' is not conserved on solutions .* pinn.Balance"),
    (lambda j: j.q_t**2 + 1.0001 * j.q**2, r"charge 'claim' is not conserved on solutions"),
    (lambda j: j.t, r"charge 'claim' is not conserved"),
    (
        pinn.Balance(lambda j: j.q_t, lambda j: j.q),
        r"balance law of 'claim' does not hold on solutions .*correct its density or source",
    ),
    (pinn.Balance(lambda j: j.t, lambda j: 2.0), r"balance law of 'claim' does not hold"),
    (lambda j: jnp.ones((2, 2)) * j.q, r"charge 'claim' must return a scalar or a vector"),
    (lambda j: jnp.sqrt(-1.0 - j.q**2), r"charge 'claim' is not finite on any random jet"),
    (lambda j: j.v, r"no entry 'v'"),
    (
        pinn.Balance(lambda j: jnp.stack([j.q_t, 2.0 * j.q_t]), lambda j: -j.q),
        r"source of 'claim'.*shape",
    ),
    (
        pinn.Balance(lambda j: j.q_t, lambda j: jnp.stack([-j.q, -j.q])),
        r"source of 'claim'.*shape",
    ),
]


@pytest.mark.parametrize(("declared", "message"), DECLARED)
def test_wrong_declaration_is_refused(declared, message):
    with pytest.raises(ProblemError, match=message):
        verified_charges(oscillator(conserved={"claim": declared}))


def test_right_declarations_are_accepted():
    problem = oscillator(
        conserved={
            "energy": lambda j: 0.5 * j.q_t**2 + 0.5 * j.q**2,
            "jerk": lambda j: j.q_tt**2 + j.q_ttt**2,  # derivatives above the equation's order
            "amplitudes": lambda j: jnp.stack(
                [
                    j.q * jnp.cos(j.t) - j.q_t * jnp.sin(j.t),
                    j.q * jnp.sin(j.t) + j.q_t * jnp.cos(j.t),
                ]
            ),
            "place": pinn.Balance(lambda j: j.q, lambda j: j.q_t),
        }
    )
    charges, verdicts = verify(problem)
    assert all(verdict.holds for verdict in verdicts)
    kinds = {verdict.claim: verdict.kind for verdict in verdicts}
    assert kinds["place"] == "balance law" and kinds["jerk"] == "first integral"
    assert charges["amplitudes"].density.shape == (2,)


def rigid_body(j):
    """Euler's equations for the angular momentum, with moments of inertia 1, 2 and 3."""
    return j.m_t - jnp.cross(j.m, j.m / jnp.array([1.0, 2.0, 3.0]))


def test_casimir_of_the_rigid_body_is_accepted_and_its_neighbours_are_not():
    statement = {
        "axes": {"t": pinn.Interval(0.0, 1.0)},
        "fields": {"m": (3,)},
        "residual": rigid_body,
        "initial": {"m": (0.3, 1.2, -0.5)},
    }
    true = {
        "casimir": lambda j: j.m @ j.m,
        "cubed": lambda j: (j.m @ j.m) ** 3,
        "energy": lambda j: 0.5 * j.m @ (j.m / jnp.array([1.0, 2.0, 3.0])),
    }
    charges, verdicts = verify(pinn.Problem(**statement, conserved=true))
    assert [v.kind for v in verdicts] == ["first integral"] * 3
    assert all(v.holds for v in verdicts) and set(charges) == set(true)
    false = {"component": lambda j: j.m[2]}
    with pytest.raises(ProblemError, match="'component' is not conserved on solutions"):
        verified_charges(pinn.Problem(**statement, conserved=false))


def test_friction_takes_twice_rayleighs_function():
    """dE/dt = −2R, for a friction that mixes the components."""
    viscosity = np.array([[0.3, 0.1], [0.1, 0.2]])
    friction = lambda j: 0.5 * j.q_t @ jnp.asarray(viscosity) @ j.q_t  # noqa: E731
    problem = plane(dissipation=friction, symmetries=[symmetry.time_translation()])
    charge = verified_charges(problem)["energy"]
    rate, source, jets = rate_on_shell(problem, charge)
    np.testing.assert_allclose(rate, source, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(source, -2.0 * jax.vmap(friction)(jets), rtol=1e-13)


def test_forcing_adds_its_power_and_its_torque():
    def force(j):
        return jnp.stack([jnp.cos(j.t), 0.3 * j.q[0] * j.q_t[1]])

    problem = plane(force=force, symmetries=[symmetry.time_translation(), symmetry.rotation("q")])
    charges = verified_charges(problem)
    jets = None
    for name, expected in (
        ("energy", lambda j: force(j) @ j.q_t),
        ("angular_momentum", lambda j: j.q[0] * force(j)[1] - j.q[1] * force(j)[0]),
    ):
        rate, source, jets = rate_on_shell(problem, charges[name])
        np.testing.assert_allclose(rate, source, rtol=1e-11, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(source, jax.vmap(expected)(jets), rtol=1e-12, atol=1e-13)


def test_friction_and_force_act_together_on_their_own_fields():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"x": (), "y": ()},
        lagrangian=lambda j: 0.5 * j.x_t**2 + j.y_t**2 - j.x**2 * j.y**2,
        initial={"x": 1.0, "x_t": 0.5, "y": -0.4, "y_t": 1.0},
        dissipation=lambda j: 0.1 * j.y_t**2,
        force=lambda j: {"x": jnp.sin(j.t) * j.y},
        symmetries=[symmetry.time_translation()],
    )
    charge = verified_charges(problem)["energy"]
    rate, source, jets = rate_on_shell(problem, charge)
    expected = jets.x_t * jnp.sin(jets.t) * jets.y - 0.2 * jets.y_t**2
    np.testing.assert_allclose(rate, source, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(source, expected, rtol=1e-12, atol=1e-13)


def test_time_dependent_lagrangian_changes_the_energy():
    """dE/dt = −∂L/∂t."""
    problem = oscillator(
        lagrangian=lambda j: 0.5 * j.q_t**2 - 0.5 * jnp.cos(j.t) * j.q**2,
        symmetries=[symmetry.time_translation(balance=True)],
    )
    charge = verified_charges(problem)["energy"]
    rate, source, jets = rate_on_shell(problem, charge)
    np.testing.assert_allclose(rate, source, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(source, -0.5 * jnp.sin(jets.t) * jets.q**2, atol=1e-14)


def test_scaling_of_kepler_is_the_virial_theorem():
    """ξ = 3t/2, η = q give I = q·v − (3/2) t E with dI/dt = ½ L."""
    problem = plane(symmetries=[symmetry.scaling("q", time=1.5, balance=True)])
    charge = verified_charges(problem)["virial"]
    rate, source, jets = rate_on_shell(problem, charge)
    lagrangian = jax.vmap(PLANE["lagrangian"])(jets)
    np.testing.assert_allclose(source, 0.5 * lagrangian, rtol=1e-12)
    np.testing.assert_allclose(rate, source, rtol=1e-11, atol=1e-12)
    energy = jnp.sum(jets.q_t**2, axis=1) - lagrangian
    expected = jnp.sum(jets.q * jets.q_t, axis=1) - 1.5 * jets.t * energy
    np.testing.assert_allclose(jax.vmap(charge.density)(jets), expected, rtol=1e-12, atol=1e-13)


def magnetic(j):
    return 0.7 * jnp.stack([j.q_t[1], -j.q_t[0]])


IDLE = {
    "force at right angles to the velocity": (
        plane(force=magnetic, symmetries=[symmetry.time_translation()]),
        "energy",
    ),
    "friction that does not touch it": (
        pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)},
            fields={"x": (), "y": ()},
            lagrangian=lambda j: 0.5 * j.x_t**2 + 0.5 * j.y_t**2 - jnp.cos(j.y),
            initial={"x": 1.0, "x_t": 0.5, "y": -0.4, "y_t": 1.0},
            dissipation=lambda j: 0.1 * j.y_t**2,
            symmetries=[symmetry.translation("x")],
        ),
        "momentum",
    ),
    "balance of an exact scaling": (
        plane(
            lagrangian=lambda j: 0.5 * j.q_t @ j.q_t - 1.3 / (j.q @ j.q),
            symmetries=[symmetry.scaling("q", time=2.0, balance=True)],
        ),
        "virial",
    ),
    "balance of an exact translation": (
        plane(
            lagrangian=lambda j: 0.5 * j.q_t @ j.q_t,
            symmetries=[symmetry.translation("q", balance=True)],
        ),
        "momentum",
    ),
    "declared": (
        oscillator(
            conserved={
                "energy": pinn.Balance(lambda j: 0.5 * j.q_t**2 + 0.5 * j.q**2, lambda j: 0.0 * j.q)
            }
        ),
        "energy",
    ),
}


@pytest.mark.parametrize("case", IDLE)
def test_source_that_vanishes_identically_makes_a_conserved_charge(case):
    problem, name = IDLE[case]
    assert verified_charges(problem)[name].source is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"symmetries": [symmetry.time_translation()] * 2}, "Two charges are named 'energy'"),
        (
            {"symmetries": [symmetry.time_translation()], "conserved": {"energy": lambda j: j.q}},
            "Two charges are named 'energy'",
        ),
        ({"scales": {"energy": 1.0}}, "scales= names 'energy', but the charges are none"),
        (
            {"symmetries": [symmetry.time_translation()], "scales": {"enrgy": 1.0}},
            "scales= names 'enrgy', but the charges are energy",
        ),
        (
            {"symmetries": [symmetry.time_translation()], "scales": {"energy": 0.0}},
            "scale.* 'energy'.*positive",
        ),
    ],
)
def test_names_and_scales_that_do_not_fit(more, message):
    with pytest.raises(ProblemError, match=message):
        verified_charges(oscillator(**more))


SCALES = [
    # density, state, declared scale, expected
    ("declared", lambda j: j.q_t**2, (3.0, 2.0), 0.25, 0.25),
    ("its value", lambda j: j.q_t**2, (3.0, 2.0), None, 4.0),
    ("one for all components", lambda j: jnp.stack([j.q, j.q_t]), (3.0, 4.0), None, 5.0),
    # zero at the start, yet made of terms: |q ∂I/∂q| + |q_t ∂I/∂q_t| = 18 + 8
    ("its terms", lambda j: j.q**2 - 2.25 * j.q_t**2, (3.0, 2.0), None, 36.0),
    ("nearly zero", lambda j: j.q**2 - (2.25 - 1e-9) * j.q_t**2, (3.0, 2.0), None, 36.0),
    ("small but not zero", lambda j: j.q**2 - 2.2499 * j.q_t**2, (3.0, 2.0), None, 4e-4),
    ("nothing there", lambda j: j.q * j.q_t, (0.0, 0.0), None, 1.0),
    ("the clock", lambda j: jnp.cos(j.t) * j.q, (0.0, 0.0), None, 1.0),
]


@pytest.mark.parametrize(
    ("density", "state", "declared", "expected"),
    [s[1:] for s in SCALES],
    ids=[s[0] for s in SCALES],
)
def test_drift_is_measured_against(density, state, declared, expected):
    from pinn.noether.charge import Charge

    space = oscillator().space
    charge = Charge("I", JetFunction(space, density, "I"), scale=declared)
    values = {"t": 0.0, "q": state[0], "q_t": state[1]}
    jet = pinn.Jet(space, {n: jnp.asarray(v) for n, v in values.items()})
    scale = jax.jit(charge.drift_scale)(jet)
    assert scale.shape == () and scale == pytest.approx(expected, rel=1e-9)
