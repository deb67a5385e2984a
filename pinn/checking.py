"""Check a problem before anything is trained: symmetries, conditions, closed form, reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

import jax
import jax.numpy as jnp
import numpy as np

from pinn.checking_fields import Finding, believed, check_along, check_fields, law_finding
from pinn.jets import prolong
from pinn.measure import drift
from pinn.noether.verdict import Verdict
from pinn.noether.verify import verified_charges, verify
from pinn.precision import arithmetic
from pinn.problem.nearby import somewhere
from pinn.problem.openness import told
from pinn.problem.problem import Problem
from pinn.references.method import Adaptive, Closed
from pinn.references.reference import Reference, reference, relative_l2, solve_reference
from pinn.watch import OutOfTime, Watch

TIMES = 33
# For so many values of its unknowns the laws of a problem are checked.
DRAWS = 3
BUDGET = 600.0


@dataclass(frozen=True)
class Report:
    """What `pinn.check` found; every claim in it holds.

    Args:
        problem: the name of what was checked.
        findings: what was found, in the order in which it was checked.
        unchecked: why the rest was not, where there was not time for everything.
        open: what is unknown and what was measured, each with what is said of it.
    """

    problem: str
    findings: tuple[Finding, ...]
    unchecked: str = ""
    open: tuple[tuple[str, str], ...] = ()

    def table(self) -> str:
        """Return the findings as a table in plain text."""
        rows = [(f.what, f"{f.value:.1e}", f.measure) for f in self.findings]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
        lines = [f"{what:<{widths[0]}}  {value:>{widths[1]}}  {how}" for what, value, how in rows]
        width = max((len(what) for what, _ in self.open), default=0)
        said = [f"{what:<{width}}  {how}" for what, how in self.open]
        headline = "what was checked holds" if self.unchecked else "every claim holds"
        rest = [self.unchecked] if self.unchecked else []
        return "\n".join([f"{self.problem}: {headline}", *lines, *said, *rest])

    def __str__(self) -> str:
        return self.table()


def check(problem: Problem, *, budget: float | None = BUDGET, progress: bool = False) -> Report:
    """Check everything that a problem claims.

    Symmetries and declared charges on thousands of jets about the initial data, and again where the
    reference goes; the initial data against the equation's order; the closed form against the
    equation, the initial data and an integration; the reference's own error, and how well it keeps
    every charge. A law that holds but for more than rounding is reported as nearly conserved.

    With unknowns, laws are checked for several random values of them near their guesses, and the
    rest is left to `pinn.check(problem.at(…))`, with values in their place.

    Args:
        problem: what to check.
        budget: how many seconds it may take; the report says what was not checked in time. None
            lets it take any time.
        progress: show what is being computed, off a terminal by a line every ten seconds.

    Raises:
        ProblemError: a claim is false, with what, by how much, and what to do.
    """
    watch = Watch(inf if budget is None else budget, progress)
    findings, unchecked = [], ""
    try:
        with arithmetic("float64"):
            for finding in _findings(problem, watch):
                findings.append(finding)
    except OutOfTime as late:
        unchecked = f"{late} What would come after this line was not checked: give a larger budget."
    finally:
        watch.clear()
    return Report(problem.name, tuple(findings), unchecked, tuple(told(problem)))


def _findings(problem: Problem, watch: Watch) -> Iterator[Finding]:
    if problem.two_point and problem.unknown_names:
        problem = solve_reference(problem, None, watch).problem
    if problem.unknown_names:
        yield from _open_laws(problem, watch)
        return
    watch("verifying the laws")
    verified_charges(problem)
    verdicts = verify(problem)[1]
    yield from map(law_finding, verdicts)
    if problem.extent:
        yield from check_fields(problem, watch)
        return
    stated = problem.exact is not None or problem.references
    integrated = solve_reference(problem, Adaptive() if stated else None, watch)
    if problem.exact is not None:
        yield from _check_exact(problem, problem.exact, integrated)
    yield from check_along(integrated, verdicts, watch)
    yield from _check_integration(integrated)


def _open_laws(problem: Problem, watch: Watch) -> Iterator[Finding]:
    """Yield the laws of a problem with unknowns, each at the worst of several values of them."""
    worst: dict[str, Verdict] = {}
    for seed in range(DRAWS):
        watch("verifying the laws for some values of the unknowns")
        some = somewhere(problem, seed)
        verified_charges(some)
        for one in verify(some)[1]:
            worst[one.claim] = max(one, worst.get(one.claim, one), key=lambda v: v.defect)
    yield from map(law_finding, worst.values())


def _check_exact(problem: Problem, exact: Callable, integrated: Reference) -> list[Finding]:
    closed = reference(problem, method=Closed())
    interval, dynamics = problem.interval, problem.dynamics
    times = np.linspace(interval.lower, interval.upper, TIMES)
    start = closed.jet(interval.lower, dynamics.state_entries)
    gaps = [
        relative_l2(start[n], v) if np.any(v) else float(np.max(np.abs(start[n]), initial=0.0))
        for n, v in problem.initial_state.items()
    ]
    truth, values = integrated(times), closed(times)
    difference = max(relative_l2(values[name], truth[name]) for name in values)
    findings = [
        Finding("closed form: initial data", max(gaps), "relative difference"),
        Finding(
            "closed form: equation", _equation_defect(problem, exact, times), "relative residual"
        ),
        Finding("closed form: integration", difference, "relative L2 difference"),
    ]
    return believed(findings, findings[:2])


def _equation_defect(problem: Problem, exact: Callable, times: np.ndarray) -> float:
    """Return max |residual| over the size that the mass and highest derivative give it."""
    dynamics = problem.dynamics
    entries = {*dynamics.residual.needs, *dynamics.state_entries, problem.time}
    jet_at = prolong(exact, problem.space, entries)

    def sizes(t):
        jet = jet_at(t)
        highest = jnp.concatenate([jnp.ravel(jet[n]) for n in dynamics.highest.values()])
        mass = dynamics.mass_matrix(jet)
        return jnp.max(jnp.abs(dynamics.residual(jet))), jnp.max(jnp.abs(mass) @ jnp.abs(highest))

    residual, size = jax.jit(jax.vmap(sizes))(jnp.asarray(times[1:-1]))
    return float(jnp.max(residual) / jnp.maximum(jnp.max(size), jnp.finfo(size.dtype).tiny))


def _check_integration(integrated: Reference) -> list[Finding]:
    problem = integrated.problem
    findings = [
        Finding(
            f"reference by {integrated.method.name}", integrated.error_estimate, "estimated error"
        )
    ]
    times = np.linspace(problem.interval.lower, problem.interval.upper, TIMES)
    drifts = drift(integrated.trajectory, times)
    return findings + [Finding(f"reference: {n}", value, "drift") for n, value in drifts.items()]
