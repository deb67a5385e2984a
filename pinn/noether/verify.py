"""Every claim is checked on thousands of jets before anything relies on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, partial
from pinn.noether.charge import Charge
from pinn.noether.current import contract
from pinn.noether.declared import with_flux
from pinn.noether.derivation import derive_charges
from pinn.noether.invariance import off_shell
from pinn.noether.laws import field_test, pointwise, weakly, with_walls
from pinn.noether.motion import motion_of, slope_of
from pinn.noether.reach import Reach
from pinn.noether.refusal import refusal
from pinn.noether.rounding import IDLE, TERMS, Columns
from pinn.noether.sampling import close, sampled
from pinn.noether.verdict import JetTests, Seen, Test, Verdict, gradient_verdict, verdict_of
from pinn.noether.weak import Weak, WeakTests
from pinn.precision import arithmetic
from pinn.problem.problem import Problem


@dataclass(frozen=True, eq=False)
class Laws:
    """The laws of a problem, compiled once to be tested wherever its solutions go.

    Args:
        problem: whose laws.
        charges: as derived, with every source that was stated.
        jets: the tests at jets.
        weak: the tests on functions, of laws over space whose flux is not known.
    """

    problem: Problem
    charges: Mapping[str, Charge]
    jets: JetTests
    weak: tuple[WeakTests, ...]

    @classmethod
    def of(cls, problem: Problem) -> "Laws":
        """Derive the charges of a problem, and compile their tests."""
        charges = derive_charges(problem)
        if not problem.extent:
            tests = {name: _test(problem, charge) for name, charge in charges.items()}
            return cls(problem, charges, JetTests.of(problem, tests, *_advanced(problem)), ())
        tests = {name: field_test(problem, charge) for name, charge in charges.items()}
        rest = {n: c for n, c in charges.items() if pointwise(problem, c) is None}
        weak: dict[str, Weak] = {n: weakly(problem, c) for n, c in rest.items()}
        residual = problem.dynamics.residual
        made = JetTests.of(problem, tests, residual, set(residual.needs))
        return cls(problem, charges, made, WeakTests.every(problem, weak))

    def sampled(self, reach: Reach) -> dict[str, np.ndarray]:
        """Return as many jets as are tested at once."""
        return sampled(self.problem, reach, self.jets.entries, self.jets.count)

    def examined(
        self, points: Columns, strict: np.ndarray, reach: Reach
    ) -> tuple[dict[str, Verdict], dict[str, bool]]:
        """Return what each charge comes to, and whether its source is nothing on solutions.

        Args:
            points: jets, `jets.count` of them.
            strict: at which of them claims must be finite if the equation is.
            reach: in which functions are drawn.
        """
        known, verdicts, idle = self.jets.run(points), {}, {}
        by_function = {n: d for w in self.weak for n, d in w.on(self.problem, reach).items()}
        for name, charge in self.charges.items():
            seen = Seen(self.jets, name, points, known)
            law, density = by_function.get(name, (None, None))
            idle[name] = _steady(self.problem, charge) and not seen.defect("source").real
            kind = kind_of(replace(charge, source=None) if idle[name] else charge)
            found = verdict_of(seen, kind, strict, law)
            if found.holds and not self.problem.stationary:
                slope = slope_of(self.problem, charge, seen)
                found = gradient_verdict(seen, found, motion_of(self.problem, charge, seen), slope)
            # Whoever states a scale for it knows that the total vanishes, as that of a potential.
            trivial = density is not None and not density.real
            if found.holds and trivial and name not in self.problem.scales:
                found = Verdict(name, "divergence", 0.0)
            verdicts[name] = found
        return verdicts, idle


@lru_cache(maxsize=8)
def laws_of(problem: Problem) -> Laws:
    """Return the laws of a problem, to be tested on whatever jets."""
    with arithmetic("float64"), jax.ensure_compile_time_eval():
        return Laws.of(problem)


@lru_cache(maxsize=8)
def verify(problem: Problem) -> tuple[Mapping[str, Charge], tuple[Verdict, ...]]:
    """Derive the charges of a problem and test each claim; the caller decides what a failure means.

    A charge whose source vanishes identically is returned as conserved; one whose source depends on
    time is not, since a pulse may lie between the sampled times.
    """
    with arithmetic("float64"), jax.ensure_compile_time_eval():
        laws = laws_of(problem)
        if not laws.charges:
            return laws.charges, ()
        reach = Reach.of(problem)
        verdicts, idle = laws.examined(laws.sampled(reach), close(laws.jets.count), reach)
        charges = {n: replace(c, source=None) if idle[n] else c for n, c in laws.charges.items()}
        if problem.extent:
            for name in charges:
                found = _enclosed(problem, charges[name], verdicts[name], reach)
                charges[name], verdicts[name] = found
        return charges, tuple(verdicts.values())


def _enclosed(
    problem: Problem, charge: Charge, verdict: Verdict, reach: Reach
) -> tuple[Charge, Verdict]:
    """Return a charge with its flux and leaks, and what comes of a law that holds locally."""
    if not verdict.holds:
        return charge, verdict
    charge, gap = with_flux(problem, charge, reach)
    if gap is not None and gap.real and gap.size > verdict.defect:
        verdict = Verdict(charge.name, "flux", gap.size, "", True)
        if not verdict.holds:
            return charge, verdict
    charge, obstacles = with_walls(problem, charge)
    for obstacle in obstacles:
        if obstacle.size > verdict.defect or not verdict.real:
            verdict = Verdict(charge.name, obstacle.kind, obstacle.size, obstacle.where, True)
    return charge, verdict


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


def kind_of(charge: Charge) -> str:
    """Return what kind of law a charge obeys."""
    if charge.generator is not None and not charge.balance:
        return "symmetry"
    if charge.multiplier is not None:
        return "multiplier"
    return "first integral" if charge.source is None else "balance law"


def _advanced(problem: Problem) -> tuple[Callable[[Jet], Array], set[str]]:
    """Return the highest derivatives on the solution through a state, and what they need."""
    state = (problem.time, *problem.dynamics.state_entries)
    highest = problem.dynamics.highest.values()

    def equation(jet: Jet) -> Array:
        solution = problem.dynamics.on_shell({n: jet[n] for n in state})
        return jnp.concatenate([jnp.ravel(solution[n]) for n in highest])

    return equation, set(state)


def _test(problem: Problem, charge: Charge) -> tuple[Test, set[str]]:
    """Return what to evaluate at one jet, and the entries that this needs."""
    lagrangian, generator, source = problem.action_density, charge.generator, charge.source
    if lagrangian is not None and generator is not None and not charge.balance:
        claim, entries = off_shell(lagrangian, generator)
    else:
        claim, entries = _on_shell(problem, charge), set()
    state, length = (problem.time, *problem.dynamics.state_entries), problem.interval.length

    def test(jet: Jet) -> dict[str, tuple[Array, Array]]:
        solution = problem.dynamics.on_shell({n: jet[n] for n in state}, charge.needs)
        value = charge.density(solution)
        found = {"claim": claim(jet), "value": (value, jnp.abs(value))}
        if source is not None:
            found["source"] = source(solution), IDLE / TERMS / length * jnp.abs(value)
        return found

    return test, entries


def _on_shell(problem: Problem, charge: Charge) -> Callable[[Jet], tuple[Array, Array]]:
    """Return dI/dt − source and the size of its terms on the solution through a jet."""
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
        return total, size

    return sums
