"""What is checked of a problem over space: closed form, initial data, walls, reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from pinn.along import refused_along, verdicts_along
from pinn.errors import ProblemError
from pinn.jets import Jet, prolong
from pinn.noether.anchor import anchor
from pinn.noether.verdict import Verdict
from pinn.noether.verify import verify
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value
from pinn.references.lines import Lines
from pinn.references.reference import Reference, reference, relative_l2, solve_reference
from pinn.watch import Watch

AGREEMENT = 1e-8
COUNT = {1: 33, 2: 9, 3: 5}


@dataclass(frozen=True)
class Finding:
    """One thing that was checked, how far it is from true, and in what measure."""

    what: str
    value: float
    measure: str


def believed(findings: list[Finding], tested: list[Finding]) -> list[Finding]:
    """Return the findings, after refusing a closed form that fails one of the tested ones.

    Raises:
        ProblemError: the closed form does not satisfy what it should.
    """
    for finding in tested:
        if not finding.value <= AGREEMENT:
            raise ProblemError(
                f"The closed form in exact= does not satisfy the {finding.what.split(': ')[1]} "
                f"({finding.measure} {finding.value:.1e}): correct it or leave it out."
            )
    return findings


def law_finding(verdict: Verdict) -> Finding:
    """Return what is reported of a law that was verified."""
    measure = (
        "nearly conserved: defect above rounding" if verdict.nearly else "defect on random jets"
    )
    return Finding(f"{verdict.kind} of {verdict.claim}", verdict.defect, measure)


def check_along(found: Reference, verified: tuple[Verdict, ...], watch: Watch) -> list[Finding]:
    """Return the laws that are only nearly kept where a reference goes.

    Args:
        found: the reference.
        verified: what the laws came to about the initial data.
        watch: over the time that it takes.

    Raises:
        OutOfTime: the reference's error was not had in time.
        ProblemError: a law does not hold there.
    """
    error = found.estimated(watch)
    watch("verifying the laws along the reference")
    along = verdicts_along(found.trajectory, error)
    for verdict in along:
        if not verdict.holds:
            raise ProblemError(refused_along(found.problem, verdict))
    known = {verdict.claim for verdict in verified if verdict.nearly}
    return [law_finding(v) for v in along if v.nearly and v.claim not in known]


def check_fields(problem: Problem, watch: Watch) -> Iterator[Finding]:
    """Check a problem over space, as `pinn.check` does.

    Raises:
        OutOfTime: the reference was not had in time.
        ProblemError: initial data contradict the walls, or the closed form is not one.
    """
    anchor(problem)
    if problem.exact is not None:
        findings = _closed_form(problem, problem.exact)
        yield from believed(findings, findings)
    if problem.exact is None or (len(problem.extent) == 1 and not problem.stationary):
        yield from _integration(problem, watch)


def _closed_form(problem: Problem, exact: Callable) -> list[Finding]:
    findings = [Finding("closed form: equation", _residual(problem, exact), "relative residual")]
    if not problem.stationary:
        gap = _start_gap(problem, exact)
        findings.append(Finding("closed form: initial data", gap, "relative difference"))
    if problem.boundary:
        gap = _wall_gap(problem, exact)
        findings.append(Finding("closed form: boundary conditions", gap, "relative difference"))
    return findings


def _points(problem: Problem, fixed: dict[str, float]) -> list[jax.Array]:
    """Return a grid inside every axis but the fixed ones, one flat array a coordinate."""
    count = COUNT[len(problem.extent)]
    lines = []
    for name, axis in problem.axes.items():
        inside = np.linspace(axis.lower, axis.upper, count + 2)[1:-1]
        lines.append(np.array([fixed[name]]) if name in fixed else inside)
    return [jnp.asarray(m.ravel()) for m in np.meshgrid(*lines, indexing="ij")]


def _residual(problem: Problem, exact: Callable) -> float:
    """Return the largest residual over the largest sum of its terms' sizes |u_J ∂R/∂u_J|."""
    space, residual = problem.space, problem.dynamics.residual
    names = [n for n in residual.needs if not space.is_coordinate(n)]
    jet_at = prolong(exact, space, residual.needs)

    def sizes(*point):
        jet = jet_at(*point)
        rest = {n: jet[n] for n in residual.needs if n not in names}
        at = lambda v: residual(Jet(space, {**rest, **v}))  # noqa: E731
        slopes = jax.jacfwd(at)({n: jet[n] for n in names})
        terms = [
            jnp.tensordot(jnp.abs(s), jnp.abs(jet[n]), axes=jet[n].ndim) for n, s in slopes.items()
        ]
        return jnp.max(jnp.abs(residual(jet))), jnp.max(sum(terms))

    value, size = jax.jit(jax.vmap(sizes))(*_points(problem, {}))
    return float(jnp.max(value) / jnp.maximum(jnp.max(size), jnp.finfo(size.dtype).tiny))


def _start_gap(problem: Problem, exact: Callable) -> float:
    points = _points(problem, {problem.time: problem.interval.lower})
    index = problem.space.coordinates.index(problem.time)
    found = jax.jit(jax.vmap(prolong(exact, problem.space, problem.dynamics.state_entries)))(
        *points
    )
    gaps = [0.0]
    for name, function in problem.initial_state.items():
        stated = np.asarray(jax.vmap(function)(*points[:index], *points[index + 1 :]))
        gaps.append(_relative(np.asarray(found[name]), stated))
    return max(gaps)


def _wall_gap(problem: Problem, exact: Callable) -> float:
    gaps, coordinates = [0.0], problem.space.coordinates
    for condition in problem.boundary:
        left = condition.operator(problem.space)
        for end in condition.ends:
            axis = problem.extent[condition.axis]
            points = _points(problem, {condition.axis: axis.upper if end else axis.lower})
            index = coordinates.index(condition.axis)
            value = face_value(problem.space, condition, end)
            jets = jax.jit(jax.vmap(prolong(exact, problem.space, left.needs)))(*points)
            stated = jax.vmap(value)(*points[:index], *points[index + 1 :])
            gaps.append(_relative(np.asarray(jax.vmap(left)(jets)), np.asarray(stated)))
    return max(gaps)


def _relative(value: np.ndarray, stated: np.ndarray) -> float:
    if np.any(stated):
        return relative_l2(value, stated)
    return float(np.max(np.abs(value), initial=0.0))


def _integration(problem: Problem, watch: Watch) -> Iterator[Finding]:
    found = solve_reference(problem, None if problem.exact is None else Lines(), watch)
    yield from check_along(found, verify(problem)[1], watch)
    yield Finding(f"reference by {found.method.name}", found.error_estimate, "estimated error")
    if problem.exact is not None:
        points = _points(problem, {})
        truth, values = reference(problem)(*points), found(*points)
        gap = max(relative_l2(values[n], truth[n]) for n in values)
        yield Finding("closed form: integration", gap, "relative L2 difference")
