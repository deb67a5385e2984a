"""Why a claimed law is refused, in one sentence, with the law that holds in its place."""

from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, entry_of, on_jets, partial
from pinn.noether.beginning import initial_jet_at
from pinn.noether.charge import Charge
from pinn.noether.current import contract
from pinn.noether.declared import rate_of_change
from pinn.noether.totals import total
from pinn.noether.typical import random_solutions
from pinn.noether.verdict import Verdict
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.spectral import Grid

SAMPLES = 16
SEED = 0
AGREE = 1e-9
NODES = {1: 129, 2: 48, 3: 24}


_NO_CHARGE = {
    "no gradient": (
        "The charge {0!r} has no gradient: it is constant, or constant piece by piece (as floor, "
        "sign and stop_gradient make it), so that it says nothing of the solution; give a smooth "
        "function of the state, or remove it."
    ),
    "wrong gradient": (
        "The charge {0!r} changes otherwise than its derivative says ({1}): "
        "jax.lax.stop_gradient, rounding or a jump hides a part of it from differentiation; write "
        "it as a smooth function."
    ),
    "divergence": (
        "The charge {0!r} is trivial: its density is a divergence, so that its total depends on "
        "the boundary values alone, whatever the equation; remove it."
    ),
    "not finite": (
        "The charge {0!r} is not finite at {2}, which the problem reaches and where its equation "
        "is finite: check its formula."
    ),
    "nowhere finite": (
        "The charge {0!r} is not finite on any random jet near the initial data: check its "
        "formula, or the initial data."
    ),
    "jump": (
        "The charge {0!r} is not conserved along the solution: it changes by {3:.1e} of its size "
        "up to {2}, far more than the solution's error, so that it jumps or branches there; write "
        "it as a smooth function that is conserved on both sides, or remove it."
    ),
    "flux": (
        "The flux that was found for {0!r} does not carry its law ({1}): declare "
        "pinn.Balance(density, source, flux=...) with its flux."
    ),
}


def refusal(
    problem: Problem, charge: Charge, verdict: Verdict, where: str = "on random jets"
) -> str:
    """Return the sentence that refuses a claim which does not hold.

    Args:
        problem: whose claim.
        charge: the claim's.
        verdict: what it came to.
        where: it was tested.
    """
    size = f"relative defect {verdict.defect:.1e} {where}"
    if verdict.kind in _NO_CHARGE:
        return _NO_CHARGE[verdict.kind].format(verdict.claim, size, verdict.where, verdict.defect)
    if verdict.kind == "wall":
        return (
            f"The total of {verdict.claim!r} is not conserved, since its flux through "
            f"{verdict.where} does not vanish under the boundary conditions (relative size "
            f"{verdict.defect:.1e} on random jets): pass balance=True to a symmetry, or declare "
            "pinn.Balance(density), to keep its law with the boundary flux."
        )
    if verdict.kind == "seam":
        return (
            f"The charge {verdict.claim!r} depends explicitly on the periodic coordinate "
            f"{verdict.where!r} and jumps at its seam, so that its total is not conserved on a "
            "circle, only on the line: remove the claim."
        )
    if verdict.kind == "multiplier":
        return (
            f"The multiplier of {verdict.claim!r} does not turn the residual into a divergence "
            f"({size}): correct its function or density; pinn.find_multipliers lists the "
            "polynomial ones."
        )
    if verdict.kind == "symmetry":
        return (
            f"The symmetry behind {verdict.claim!r} is not a symmetry of the Lagrangian ({size}): "
            "correct its generator or gauge term, or pass balance=True to keep its balance law."
        )
    if verdict.kind == "balance law":
        return (
            f"The balance law of {verdict.claim!r} does not hold on solutions ({size}): "
            "correct its density or source."
        )
    return (
        f"The charge {verdict.claim!r} is not conserved on solutions ({size}): correct it, or "
        f"declare pinn.Balance(density, source) with its rate of change{_law(problem, charge)}."
    )


def _law(problem: Problem, charge: Charge) -> str:
    """Return what is known of the rate at which a quantity changes, as the end of a sentence."""
    with arithmetic("float64"):
        if problem.extent:
            return _rate_at_start(problem, charge)
        if problem.lagrangian is None or not problem.dynamics.forces:
            return ""
        return _law_of_forces(problem, charge)


def _law_of_forces(problem: Problem, charge: Charge) -> str:
    """Tell a charge that the Lagrangian alone conserves, and how friction and forces change it."""
    closed = replace(problem, dissipation=None, force=None, conserved={}, symmetries=())
    rate, alone = rate_of_change(problem, charge), rate_of_change(closed, charge)
    known = _power(problem)
    needs = {*rate.needs, *alone.needs, *(n for f in known.values() for n in f.needs)}
    jets = random_solutions(problem, needs, SEED, SAMPLES)
    changes = np.asarray(jax.vmap(rate)(jets))
    size = AGREE * np.max(np.abs(changes))
    if not np.max(np.abs(jax.vmap(alone)(jets))) <= size:
        return ""
    for formula, function in known.items():
        value = np.asarray(jax.vmap(function)(jets))
        if value.shape == changes.shape and np.max(np.abs(value - changes)) <= size:
            return f", {formula}; symmetries=[pinn.symmetry.time_translation()] gives that law"
    return (
        ", dI/dt = ∂I/∂q_t · M⁻¹F: the Lagrangian alone conserves it, friction and forces F change "
        "it; its symmetry in symmetries= gives that law"
    )


def _power(problem: Problem) -> Mapping[str, JetFunction]:
    """Return the rate of the energy, by the formula that it is known under."""
    space, forces = problem.space, problem.dynamics.forces
    rates = {f: entry_of(space, f, problem.time, 1) for f in problem.fields}

    def whole(jet: Jet) -> jax.Array:
        return sum((contract(f(jet), jet[rates[n]]) for n, f in forces.items()), jnp.zeros(()))

    power = {"dI/dt = F·q_t": _on(problem, whole)}
    if problem.dissipation is None:
        return power
    rayleigh = on_jets(space, problem.dissipation, "dissipation function")
    slopes = {n: partial(rayleigh, rate) for n, rate in rates.items()}

    def twice(jet: Jet) -> jax.Array:
        lost = sum((contract(s(jet), jet[rates[n]]) for n, s in slopes.items()), jnp.zeros(()))
        return whole(jet) + lost - 2.0 * rayleigh(jet)

    rest = " + force·q_t" if problem.force is not None else ""
    return {f"dI/dt = −2R{rest}": _on(problem, twice), **power}


def _on(problem: Problem, function) -> JetFunction:
    return problem.dynamics.restricted(on_jets(problem.space, function, "power"))


def _rate_at_start(problem: Problem, charge: Charge) -> str:
    """Return how fast a density's total changes at the exact initial data, where that is known."""
    try:
        rate = rate_of_change(problem, charge)
        jet_at = initial_jet_at(problem, rate.needs)
        grid = Grid.of(problem.extent, dict.fromkeys(problem.extent, NODES[len(problem.extent)]))
        value = np.asarray(jax.jit(lambda: total(grid, rate, jet_at))())
    except ProblemError:
        return ""
    found = ", ".join(f"{v:.2g}" for v in value.ravel())
    return f"; from the initial data its total changes at the rate {found}"
