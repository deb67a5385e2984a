"""A law that is verified is one: false, nearly true, and true but nasty claims."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import symmetry
from pinn.along import verdicts_along
from pinn.jets import JetFunction
from pinn.noether.declared import spatial_flux
from pinn.noether.functions import divergence_gap
from pinn.noether.reach import Reach
from pinn.noether.rounding import defect_of, defect_of_integrals
from pinn.noether.sampling import sampled
from pinn.noether.verify import verified_charges, verify
from pinn.references.method import Closed
from pinn.references.reference import reference

FALSE, NEARLY, TRUE = "false", "nearly", "true"
CIRCLE = pinn.Periodic(0.0, 2.0 * np.pi)
ENERGY = symmetry.time_translation()


def energy(j):
    return 0.5 * j.q_t**2 + 0.5 * j.q**2


def oscillator(j):
    return 0.5 * j.q_t**2 - 0.5 * j.q**2


def pulse(t):
    return 1e3 * jnp.exp(-(((t - 2.5) / 2e-4) ** 2))


def heat(j):
    return j.u_t - j.u_xx


def mechanics(claim=None, *, end=5.0, q=1.0, q_t=0.3, **statement):
    if "residual" not in statement:
        statement = {"lagrangian": oscillator} | statement
    conserved = {} if claim is None else {"I": claim}
    axes, fields = {"t": pinn.Interval(0.0, end)}, {"q": np.shape(q)}
    start = {"q": q, "q_t": q_t}
    return pinn.Problem(axes=axes, fields=fields, initial=start, conserved=conserved, **statement)


def field(claim=None, *, x=CIRCLE, u=lambda x: 1.5 + jnp.sin(x), **statement):
    conserved = {} if claim is None else {"I": claim}
    start = {"u": u} | statement.pop("more", {})
    axes = {"t": pinn.Interval(0.0, 1.0), "x": x}
    return pinn.Problem(
        axes=axes, fields={"u": ()}, initial=start, conserved=conserved, **statement
    )


CASES = {
    "a narrow pulse": (
        FALSE,
        lambda: mechanics(
            lagrangian=lambda j: oscillator(j) + j.q * pulse(j.t), symmetries=[ENERGY]
        ),
    ),
    "a narrow pulse left out of a balance": (
        FALSE,
        lambda: mechanics(
            pinn.Balance(energy, lambda j: -0.1 * j.q_t**2),
            residual=lambda j: j.q_tt + j.q + 0.1 * j.q_t - pulse(j.t),
        ),
    ),
    "a late switch": (
        FALSE,
        lambda: mechanics(
            energy, lagrangian=lambda j: oscillator(j) + j.q * jnp.where(j.t > 4.99, 1.0, 0.0)
        ),
    ),
    "a wall far away": (
        FALSE,
        lambda: mechanics(
            lagrangian=lambda j: 0.5 * j.q_t**2 - jnp.where(j.q > 8.0, (j.q - 8.0) ** 2, 0.0),
            q_t=2.0,
            symmetries=[symmetry.translation("q")],
        ),
    ),
    "rounded": (FALSE, lambda: mechanics(lambda j: jnp.round(10.0 * energy(j)))),
    "energy, and a sign of its own": (
        FALSE,
        lambda: mechanics(lambda j: jnp.sign(j.q_t) + 0.0 * energy(j)),
    ),
    "hidden from differentiation": (
        FALSE,
        lambda: mechanics(lambda j: energy(j) + 1e-3 * jax.lax.stop_gradient(j.q_t**2)),
    ),
    "a constant": (FALSE, lambda: mechanics(lambda j: jnp.asarray(3.0))),
    "one, by Pythagoras": (
        FALSE,
        lambda: mechanics(lambda j: jnp.cos(j.q) ** 2 + jnp.sin(j.q) ** 2),
    ),
    "one component of two, a millionth in size": (
        FALSE,
        lambda: mechanics(lambda j: jnp.stack([1e6 * energy(j), 1e-6 * j.q])),
    ),
    "one component of two that is nothing": (
        FALSE,
        lambda: mechanics(lambda j: jnp.stack([energy(j), 0.0 * j.q])),
    ),
    "a spring off by 1e-9": (
        NEARLY,
        lambda: mechanics(lambda j: 0.5 * j.q_t**2 + 0.5 * (1.0 + 1e-9) * j.q**2),
    ),
    "hidden from differentiation, 1e-8": (
        NEARLY,
        lambda: mechanics(lambda j: energy(j) + 1e-8 * jax.lax.stop_gradient(j.q_t**3)),
    ),
    "anisotropic by 1e-9": (
        NEARLY,
        lambda: mechanics(
            q=(1.0, 0.2),
            q_t=(0.1, 0.7),
            lagrangian=lambda j: 0.5 * j.q_t @ j.q_t - 0.5 * j.q @ j.q - 5e-10 * j.q[0] ** 2,
            symmetries=[symmetry.rotation("q")],
        ),
    ),
    "a sink above a threshold": (
        FALSE,
        lambda: field(
            lambda j: j.u, residual=lambda j: heat(j) + jnp.where(j.u > 2.4, j.u - 2.4, 0.0)
        ),
    ),
    "a sink for an instant": (
        FALSE,
        lambda: field(
            lambda j: j.u,
            residual=lambda j: heat(j) + j.u * jnp.exp(-(((j.t - 0.5) / 2e-4) ** 2)),
        ),
    ),
    "a density of steps": (
        FALSE,
        lambda: field(lambda j: jnp.floor(j.u), residual=lambda j: j.u_t + j.u * j.u_x),
    ),
    "a divergence": (FALSE, lambda: field(lambda j: j.u * j.u_x, residual=heat)),
    "a multiplier of nothing": (
        FALSE,
        lambda: field(pinn.Multiplier(lambda j: 0.0 * j.u), residual=heat),
    ),
    "a boundary that lets 1e-9 through": (
        NEARLY,
        lambda: field(
            lambda j: j.u,
            x=pinn.Interval(0.0, float(np.pi)),
            u=jnp.cos,
            residual=heat,
            boundary=[pinn.Robin("u", "x", value=1e-9)],
        ),
    ),
    "a viscosity of 1e-9": (
        NEARLY,
        lambda: field(lambda j: j.u**2, residual=lambda j: j.u_t + j.u * j.u_x - 1e-9 * j.u_xx),
    ),
    "a multiplier off by 1e-9": (
        NEARLY,
        lambda: field(
            pinn.Multiplier(lambda j: j.u + 1e-9 * j.u**2, lambda j: 0.5 * j.u**2),
            residual=lambda j: j.u_t + j.u * j.u_x + j.u_xxx,
        ),
    ),
    "a stiff spring": (
        TRUE,
        lambda: mechanics(
            end=2e-5, lagrangian=lambda j: 0.5 * j.q_t**2 - 5e11 * j.q**2, symmetries=[ENERGY]
        ),
    ),
    "a potential with a large constant": (
        TRUE,
        lambda: mechanics(lagrangian=lambda j: oscillator(j) + 1e20, symmetries=[ENERGY]),
    ),
    "energy about its level": (TRUE, lambda: mechanics(lambda j: (energy(j) - 0.545) ** 2)),
    "a high power": (TRUE, lambda: mechanics(lambda j: energy(j) ** 20)),
    "below the speed of light": (
        TRUE,
        lambda: mechanics(
            lagrangian=lambda j: -jnp.sqrt(1.0 - j.q_t**2) - j.q, q_t=0.9, symmetries=[ENERGY]
        ),
    ),
    "a tiny amplitude": (TRUE, lambda: mechanics(energy, q=1e-150, q_t=0.0)),
    "a conductivity of 1e-13": (
        TRUE,
        lambda: field(
            pinn.Balance(lambda j: 0.5 * j.u**2, lambda j: -1e-13 * j.u_x**2),
            residual=lambda j: j.u_t - 1e-13 * j.u_xx,
        ),
    ),
    "an entropy": (
        TRUE,
        lambda: field(lambda j: j.u * jnp.log(j.u), residual=lambda j: j.u_t + j.u * j.u_x),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_claim_comes_to_what_it_is(case):
    truth, make = CASES[case]
    (verdict,) = verify(make())[1]
    if truth is TRUE:
        assert verdict.holds and not verdict.nearly and verdict.defect < 1e-12, verdict
    elif truth is NEARLY:
        assert verdict.real and 1e-11 < verdict.defect < 1e-3, verdict
    else:
        assert not verdict.holds, verdict


def test_a_small_source_stays_one():
    charge = verified_charges(CASES["a conductivity of 1e-13"][1]())["I"]
    assert charge.source is not None


ALONG = {
    "a sign that jumps": (
        lambda j: jnp.where(j.q > 0.0, 1.0, -1.0) * energy(j),
        "jumps or branches",
    ),
    "an angle": (lambda j: j.t + jnp.arctan2(j.q_t, j.q), "jumps or branches"),
    "not a number": (lambda j: jnp.where(j.q < -0.9, jnp.nan, energy(j)), "not finite at q = "),
    "a branch": (
        lambda j: jnp.where(j.q < -0.95, 2.0, 1.0) * energy(j) + 0.0 * j.q,
        "jumps or branches",
    ),
}


@pytest.mark.parametrize("case", ALONG)
def test_what_only_the_solution_reaches_is_refused_along_it(case):
    claim, message = ALONG[case]
    exact = lambda t: {"q": jnp.cos(t) + 0.3 * jnp.sin(t)}  # noqa: E731
    followed = reference(mechanics(claim, exact=exact), method=Closed())
    (verdict,) = verdicts_along(followed.trajectory, 1e-14)
    assert not verdict.holds
    from pinn.along import broken_laws

    assert message in broken_laws(followed.trajectory, 1e-14)["I"]


def test_true_laws_are_kept_along_the_solution():
    exact = lambda t: {"q": jnp.cos(t) + 0.3 * jnp.sin(t)}  # noqa: E731
    for claim in (energy, lambda j: (energy(j) - 0.545) ** 2):
        followed = reference(mechanics(claim, exact=exact), method=Closed())
        (verdict,) = verdicts_along(followed.trajectory, 1e-14)
        assert verdict.holds and not verdict.nearly, verdict


def square(x, y, extra):
    """(x + y)² − x² − 2xy − y², which is nothing, and something more."""
    terms = [(x + y) ** 2, -(x**2), -2.0 * x * y, -(y**2), extra]
    return sum(terms), sum(map(np.abs, terms))


@pytest.mark.parametrize("share", [0.0, 1e-9, -3e-7, 1.0])
def test_rounding_is_told_from_a_defect(share):
    generator = np.random.default_rng(0)
    points = {
        n: generator.uniform(-1.0, 1.0, 512) * 10.0 ** generator.uniform(-3, 3, 512) for n in "xy"
    }
    found = defect_of(lambda p: square(p["x"], p["y"], share * p["x"] ** 2), points)
    assert found.real is bool(share)
    if share:
        assert 0.1 * abs(share) < found.size <= 1.0
    else:
        assert found.size < 1e-15


def test_what_cancels_inside_a_term_is_rounding_and_a_part_of_it_is_not():
    points = {"x": np.random.default_rng(1).uniform(0.5, 1.0, 512)}
    lost = lambda p: (np.float64(1e6) + p["x"]) - 1e6 - p["x"]  # noqa: E731
    noise = defect_of(lambda p: (lost(p), 1e-6 * p["x"]), points)
    assert not noise.real
    assert defect_of(lambda p: (lost(p) + 1e-4 * p["x"], 1e-6 * p["x"]), points).real


def test_a_quadrature_that_doubts_itself_does_not_accuse():
    one = np.ones((4, 1))
    assert not defect_of_integrals(1e-3 * one, one, 1e-3 * one).real
    assert defect_of_integrals(1e-3 * one, one, 1e-6 * one).real


def test_jets_lie_where_the_problem_goes():
    problem = mechanics(q=2.0, q_t=3.0, lagrangian=lambda j: 0.5 * j.q_t**2, end=10.0)
    jets = sampled(problem, Reach.of(problem), ("t", "q", "q_t"), 1024)
    near = np.arange(1024) % 4 == 0
    assert np.all(np.abs(jets["q"][near] - 2.0) <= 0.2) and np.max(jets["q"]) > 30.0
    assert np.min(np.abs(jets["q_t"])) < 1e-3
    assert 0.0 <= np.min(jets["t"]) < 0.02 and 9.98 < np.max(jets["t"]) <= 10.0


def test_a_found_flux_is_compared_with_what_it_carries():
    problem = field(lambda j: j.u, x=pinn.Interval(0.0, 1.0), residual=heat)
    charge, reach = verify(problem)[0]["I"], Reach.of(problem)
    rate = JetFunction(problem.space, lambda j: -j.u_xx)
    flux = spatial_flux(problem, charge)
    assert not divergence_gap(problem, reach, rate, flux).real
    wrong = {"x": JetFunction(problem.space, lambda j: (1.0 + 1e-9) * flux["x"](j))}
    assert divergence_gap(problem, reach, rate, wrong).real


def test_a_group_is_tested_component_by_component():
    problem = mechanics(
        q=(1.0, 0.5),
        q_t=(0.0, 0.2),
        residual=lambda j: jnp.stack([1e9 * (j.q_tt[0] + j.q[0]), j.q_tt[1] + j.q[1] ** 2]),
    )
    with pytest.raises(pinn.ProblemError, match="does not map solutions"):
        pinn.group.sign("q").checked_elements(problem)
