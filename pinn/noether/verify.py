"""Every claim is checked on random jets before anything relies on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pinn.errors import ProblemError
from pinn.jets import Jet, partial, random_jets
from pinn.noether.charge import Charge, derive_charges
from pinn.noether.current import contract, defect_terms
from pinn.problem.problem import Problem


TOLERANCE = 1e-8
SAMPLES = 16


@dataclass(frozen=True)
class Verdict:
    """How well a claim holds on random jets.

    Args:
        claim: the charge's name.
        kind: `symmetry` (Δ ≡ 0 off shell), `first integral` (dI/dt ≡ 0 on shell) or `balance law`.
        defect: the largest |Σ terms| / Σ |terms|; round-off for a true claim.
    """

    claim: str
    kind: str
    defect: float

    @property
    def holds(self) -> bool:
        """Whether the defect is round-off."""
        return self.defect <= _tolerance()


def _tolerance() -> float:
    """Single precision cannot tell a defect below its own round-off."""
    return max(TOLERANCE, 1e3 * float(jnp.finfo(jnp.result_type(float)).eps))


@lru_cache(maxsize=64)
def verify(problem: Problem) -> tuple[Mapping[str, Charge], tuple[Verdict, ...]]:
    """Derive the charges of a problem and test each claim; the caller decides what a failure means.

    A charge whose source vanishes identically is returned as conserved.
    """
    charges = derive_charges(problem)
    if not charges:
        return charges, ()
    evaluate = jax.jit(lambda key: {n: _defects(problem, c, key) for n, c in charges.items()})
    defects = jax.tree.map(np.asarray, evaluate(jax.random.key(0)))
    verdicts, verified = [], {}
    for name, charge in charges.items():
        defect, source = _largest(name, *defects[name]["claim"]), defects[name].get("source")
        idle = source is not None and _largest(name, *source) <= _tolerance()
        verified[name] = replace(charge, source=None) if idle else charge
        verdicts.append(Verdict(name, _kind(verified[name]), defect))
    return verified, tuple(verdicts)


def verified_charges(problem: Problem) -> Mapping[str, Charge]:
    """Return the charges of a problem.

    Raises:
        ProblemError: a claimed symmetry or conserved quantity is not one, with the defect's size.
    """
    charges, verdicts = verify(problem)
    for verdict in verdicts:
        if not verdict.holds:
            raise ProblemError(_refusal(verdict))
    return charges


def _refusal(verdict: Verdict) -> str:
    size = f"relative defect {verdict.defect:.1e} on random jets"
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
        "declare pinn.Balance(density, source) with its rate of change."
    )


def _kind(charge: Charge) -> str:
    if charge.generator is not None and not charge.balance:
        return "symmetry"
    return "first integral" if charge.source is None else "balance law"


def _defects(problem: Problem, charge: Charge, key: PRNGKeyArray) -> dict[str, tuple]:
    if _kind(charge) == "symmetry":
        claim = _off_shell(problem, charge, key)
    else:
        claim = _on_shell(problem, charge, key)
    found = {"claim": claim}
    if charge.source is not None:
        jets = _states(problem, charge.source.needs, key)
        source = jax.vmap(lambda j: charge.source(problem.dynamics.on_shell(j, charge.needs)))(jets)
        density = jax.vmap(lambda j: charge.density(problem.dynamics.on_shell(j, charge.needs)))
        found["source"] = jnp.abs(source), jnp.abs(density(jets)) + jnp.abs(source)
    return found


def _off_shell(problem: Problem, charge: Charge, key: PRNGKeyArray) -> tuple[Array, Array]:
    """Return |Δ| and Σ |terms of Δ| on random jets that obey no equation."""
    pairs = defect_terms(problem.action_density, charge.generator)
    entries = {n for pair in pairs for factor in pair for n in factor.needs}

    def sums(jet: Jet) -> tuple[Array, Array]:
        factors = [(left(jet), right(jet)) for left, right in pairs]
        total = sum(contract(left, right) for left, right in factors)
        size = sum(contract(jnp.abs(left), jnp.abs(right)) for left, right in factors)
        return jnp.abs(total), size

    return jax.vmap(sums)(_jets(problem, entries, key))


def _on_shell(problem: Problem, charge: Charge, key: PRNGKeyArray) -> tuple[Array, Array]:
    """Return |dI/dt − source| and the sum of the sizes of its terms on random solutions."""
    density, time = charge.density, problem.time
    rates = {n: problem.space.raised(n, time) for n in density.needs if n != time}
    entries = (*charge.needs, *rates.values())

    def sums(state: Mapping[str, Array]) -> tuple[Array, Array]:
        jet = problem.dynamics.on_shell(state, entries)
        terms = [(partial(density, n)(jet), jet[rate]) for n, rate in rates.items()]
        if time in density.needs:
            terms.append((partial(density, time)(jet), jnp.ones(())))
        total = sum((contract(a, b) for a, b in terms), jnp.zeros(density.shape))
        size = sum((contract(jnp.abs(a), jnp.abs(b)) for a, b in terms), jnp.zeros(density.shape))
        if charge.source is not None:
            total, size = total - charge.source(jet), size + jnp.abs(charge.source(jet))
        return jnp.abs(total), size

    return jax.vmap(sums)(_states(problem, entries, key))


def _states(problem: Problem, entries, key: PRNGKeyArray) -> dict[str, Array]:
    names = (problem.time, *problem.dynamics.state_entries)
    return dict(_jets(problem, names, key))


def _jets(problem: Problem, entries, key: PRNGKeyArray) -> Jet:
    interval = problem.interval
    middle = 0.5 * (interval.lower + interval.upper)
    centre = {**problem.initial_state, problem.time: jnp.asarray(middle)}
    return random_jets(problem.space, entries, key, SAMPLES, centre)


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

