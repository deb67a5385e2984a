"""Every claim is checked on random jets before anything relies on it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, partial, random_jets
from pinn.noether.charge import Charge
from pinn.noether.current import contract
from pinn.noether.derivation import derive_charges
from pinn.noether.invariance import off_shell
from pinn.noether.laws import local_defect, with_walls
from pinn.noether.refusal import TOLERANCE, refusal
from pinn.noether.refusal import Verdict as Verdict
from pinn.noether.typical import random_solutions, typical
from pinn.precision import arithmetic
from pinn.problem.problem import Problem

IDLE = 1e-13
SAMPLES = 16
SEED = 0

Sums = Callable[[Jet], tuple[Array, Array]]
Test = Callable[[Jet], dict[str, tuple[Array, Array]]]


@lru_cache(maxsize=64)
def verify(problem: Problem) -> tuple[Mapping[str, Charge], tuple[Verdict, ...]]:
    """Derive the charges of a problem and test each claim; the caller decides what a failure means.

    A charge whose source vanishes identically is returned as conserved; one whose source depends on
    time is not, since a pulse may lie between the sampled times.
    """
    with arithmetic("float64"):
        return _verify(problem)


def _verify(problem: Problem) -> tuple[Mapping[str, Charge], tuple[Verdict, ...]]:
    charges = derive_charges(problem)
    if not charges:
        return charges, ()
    if problem.extent:
        return _verify_fields(problem, charges)
    tests = {name: _test(problem, charge) for name, charge in charges.items()}
    jets = {name: random for name, (_, random) in tests.items()}
    evaluate = jax.jit(lambda jets: {n: jax.vmap(test)(jets[n]) for n, (test, _) in tests.items()})
    defects = jax.tree.map(np.asarray, evaluate(jets))
    verdicts, verified = [], {}
    for name, charge in charges.items():
        defect = _largest(name, *defects[name]["claim"])
        idle = _steady(problem, charge) and _largest(name, *defects[name]["source"]) <= IDLE
        verified[name] = replace(charge, source=None) if idle else charge
        verdicts.append(Verdict(name, _kind(verified[name]), defect))
    return verified, tuple(verdicts)


def _verify_fields(
    problem: Problem, charges: Mapping[str, Charge]
) -> tuple[Mapping[str, Charge], tuple[Verdict, ...]]:
    verdicts, verified = [], {}
    for name, charge in charges.items():
        if _steady(problem, charge) and _vanishes(problem, charge):
            charge = replace(charge, source=None)
        verdict = Verdict(name, _kind(charge), _largest(name, *_field_defect(problem, charge)))
        if verdict.holds:
            charge, obstacles = with_walls(problem, charge, TOLERANCE)
            for obstacle in obstacles[:1]:
                verdict = Verdict(name, obstacle.kind, obstacle.size, obstacle.where)
        verified[name] = charge
        verdicts.append(verdict)
    return verified, tuple(verdicts)


def _field_defect(problem: Problem, charge: Charge) -> tuple[np.ndarray, np.ndarray]:
    lagrangian, generator = problem.action_density, charge.generator
    if lagrangian is None or generator is None or charge.balance:
        return local_defect(problem, charge)
    sums, entries = off_shell(lagrangian, generator)
    jets = random_solutions(problem, entries, SEED, SAMPLES)
    total, size = jax.jit(jax.vmap(sums))(jets)
    return np.asarray(total), np.asarray(size)


def _vanishes(problem: Problem, charge: Charge) -> bool:
    """Tell whether a charge's source is zero on every solution."""
    if charge.source is None:
        return False
    source = problem.dynamics.restricted(charge.source)
    jets = random_solutions(problem, source.needs, SEED, SAMPLES)
    values = np.asarray(jax.jit(jax.vmap(source))(jets))
    return bool(np.all(np.isfinite(values)) and np.max(np.abs(values), initial=0.0) <= IDLE)


def _steady(problem: Problem, charge: Charge) -> bool:
    """Tell whether a charge has a source, and what drives it does not depend on time by itself."""
    if charge.source is None:
        return False
    if problem.stationary:
        return True
    if charge.generator is None:
        return problem.time not in charge.source.needs
    drivers = [*problem.dynamics.forces.values(), problem.action_density]
    return all(driver is None or problem.time not in driver.needs for driver in drivers)


def verified_charges(problem: Problem) -> Mapping[str, Charge]:
    """Return the charges of a problem.

    Raises:
        ProblemError: a claimed symmetry or conserved quantity is not one, with the defect's size.
    """
    charges, verdicts = verify(problem)
    for verdict in verdicts:
        if not verdict.holds:
            raise ProblemError(refusal(problem, charges[verdict.claim], verdict))
    return charges


def _kind(charge: Charge) -> str:
    if charge.generator is not None and not charge.balance:
        return "symmetry"
    if charge.multiplier is not None:
        return "multiplier"
    return "first integral" if charge.source is None else "balance law"


def _test(problem: Problem, charge: Charge) -> tuple[Test, Jet]:
    """Return what to evaluate at one random jet, and the random jets."""
    lagrangian, generator, source = problem.action_density, charge.generator, charge.source
    if lagrangian is not None and generator is not None and not charge.balance:
        claim, entries = off_shell(lagrangian, generator)
    else:
        claim, entries = _on_shell(problem, charge)
    state = (problem.time, *problem.dynamics.state_entries)

    def test(jet: Jet) -> dict[str, tuple[Array, Array]]:
        found = {"claim": claim(jet)}
        if source is not None:
            solution = problem.dynamics.on_shell({n: jet[n] for n in state}, charge.needs)
            rate = jnp.abs(source(solution))
            found["source"] = rate, jnp.abs(charge.density(solution)) + rate
        return found

    return test, _jets(problem, (*entries, *state))


def _on_shell(problem: Problem, charge: Charge) -> tuple[Sums, set[str]]:
    """Return |dI/dt − source| and the size of its terms on the solution through a jet."""
    density, time = charge.density, problem.time
    state = (time, *problem.dynamics.state_entries)
    rates = {n: problem.space.raised(n, time) for n in density.needs if n != time}
    entries = (*charge.needs, *rates.values())

    def sums(jet: Jet) -> tuple[Array, Array]:
        jet = problem.dynamics.on_shell({n: jet[n] for n in state}, entries)
        terms = [(partial(density, n)(jet), jet[rate]) for n, rate in rates.items()]
        if time in density.needs:
            terms.append((partial(density, time)(jet), jnp.ones(())))
        total = sum((contract(a, b) for a, b in terms), jnp.zeros(density.shape))
        size = sum((contract(jnp.abs(a), jnp.abs(b)) for a, b in terms), jnp.zeros(density.shape))
        if charge.source is not None:
            total, size = total - charge.source(jet), size + jnp.abs(charge.source(jet))
        return jnp.abs(total), size

    return sums, set()


def _jets(problem: Problem, entries: Iterable[str]) -> Jet:
    """Return random jets around the initial data, at times in every piece of the interval."""
    space, interval = problem.space, problem.interval
    pieces = len(interval.breakpoints) + 1
    jets = random_jets(space, entries, SEED, SAMPLES * pieces, typical(problem))
    ends = np.array([interval.lower, *interval.breakpoints, interval.upper])
    shares = (np.arange(SAMPLES) + 0.5) / SAMPLES
    times = ends[:-1, None] + np.diff(ends)[:, None] * shares
    return Jet(space, {**jets, problem.time: jnp.asarray(times.ravel())})


def _largest(name: str, total: np.ndarray, size: np.ndarray) -> float:
    """Return the largest relative defect over the samples where everything is finite."""
    finite = np.isfinite(total) & np.isfinite(size)
    if not finite.any():
        raise ProblemError(
            f"The charge {name!r} is not finite on any random jet near the initial data: "
            "check its formula, or the initial data."
        )
    total, size = total[finite], size[finite]
    relative = np.divide(total, size, out=np.zeros_like(total), where=size > 0.0)
    return float(relative.max(initial=0.0))
