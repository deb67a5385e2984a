"""Accuracy and drift of a solver beside those of a reference."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from pinn.errors import PinnError
from pinn.noether.anchor import anchor
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.references.lines import Lines
from pinn.references.method import Adaptive, Closed
from pinn.references.reference import Reference, reference, relative_l2
from pinn.solution import Solution
from pinn.trajectory import Trajectory

TIMES = {0: 2001, 1: 101, 2: 41, 3: 17}
PLACES = {1: 257, 2: 49, 3: 17}
LEDGER = 65


@dataclass(frozen=True)
class Scores:
    """How good a solver is: error against a reference, and drift of every charge, both.

    Args:
        error: relative L2 error of each field over the interval, and over space.
        drift: max_t |I(t) − I(start) − ∫ sources| / scale of each charge, against the exact initial
            data.
        drift_before: the same before any projection, where charges are held exactly; every window
            starts on the level set, so that it tells what a window loses.
        slip: relative L2 difference of d/dt of each projected field from the velocity of its jet.
        reference_drift: the same of a diffrax integration.
        reference_error: the reference's own estimated error; the errors mean something where they
            are ten times larger.
        seconds: wall time to compile, train, and compute the reference.
        facts: parameters, windows, steps, device, precision, methods.
    """

    error: Mapping[str, float]
    drift: Mapping[str, float]
    reference_drift: Mapping[str, float]
    reference_error: float
    seconds: Mapping[str, float]
    facts: Mapping[str, str | int]
    drift_before: Mapping[str, float] = field(default_factory=dict)
    slip: Mapping[str, float] = field(default_factory=dict)

    @property
    def trustworthy(self) -> bool:
        """Whether the reference is at least ten times better than what it judges."""
        return 10.0 * self.reference_error <= max(self.error.values())

    def table(self) -> str:
        """Return the scores as a table in plain text."""
        reference_name = str(self.facts["reference"])
        integrator = str(self.facts["integrator"])
        rows = [(f"relative L2 error of {n}", f"{e:.1e}", "") for n, e in self.error.items()]
        rows.append(
            (
                f"estimated error of the reference ({reference_name})",
                "",
                f"{self.reference_error:.1e}",
            )
        )
        rows += [
            (f"drift of {name}", f"{d:.1e}", _drift_cell(self.reference_drift, name))
            for name, d in self.drift.items()
        ]
        rows += [
            (f"drift of {name} before projection", f"{d:.1e}", "")
            for name, d in self.drift_before.items()
        ]
        rows += [
            (f"d{name}/dt against the projected velocity", f"{d:.1e}", "")
            for name, d in self.slip.items()
        ]
        if not self.drift:
            rows.append(("no conserved quantity is known", "", ""))
        seconds = self.seconds
        rows += [
            ("seconds: compilation", f"{seconds['compile']:.2f}", ""),
            (
                "seconds: training | reference",
                f"{seconds['training']:.2f}",
                f"{seconds['reference']:.2f}",
            ),
        ]
        rows += [
            (name, str(value), "")
            for name, value in self.facts.items()
            if name not in ("reference", "integrator")
        ]
        header = ("", "network", integrator)
        widths = [max(len(row[i]) for row in (header, *rows)) for i in range(3)]
        lines = ["  ".join(_cells(row, widths)) for row in (header, *rows)]
        lines.insert(1, "  ".join("-" * width for width in widths))
        if not self.trustworthy:
            lines.append(
                "The error is within ten times of the reference's own: read it as an upper bound "
                "on both."
            )
        return "\n".join(line.rstrip() for line in lines)


def _cells(row: tuple[str, str, str], widths: list[int]) -> list[str]:
    return [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2])]


def compare(
    solution: Solution, against: Reference | None = None, *, samples: int | None = None
) -> Scores:
    """Score a solution on an even grid of points that training did not use.

    The errors and drifts are also noted in `solution.scores`, and saved with it.

    Args:
        solution: what to score, over the time that it is trained for.
        against: the reference; by default the problem's own.
        samples: how many times; over space, an even grid at each.
    """
    problem = _as_far_as_trained(solution)
    truth = against or reference(problem)
    integrator = _integrator(problem, truth)
    points = sample_points(problem, samples)
    mine, theirs = solution(*points), truth(*points)
    when = ledger_times(problem, samples)
    scores = Scores(
        {name: relative_l2(mine[name], theirs[name]) for name in problem.fields},
        drift(solution.trajectory, when),
        drift(integrator.trajectory, when) if integrator is not None else {},
        truth.error_estimate,
        {**solution.seconds, "reference": (integrator or truth).seconds},
        {
            "reference": truth.method.name,
            "integrator": integrator.method.name if integrator is not None else "none",
            "windows": solution.model.count,
            "parameters": solution.parameter_count,
            "steps": solution.steps,
            "device": solution.device,
            "precision": solution.recipe.precision,
        },
        drift(solution.unprojected, when) if solution.projected else {},
        slip(solution, when) if solution.projected and not problem.extent else {},
    )
    solution.scores.update(
        error=dict(scores.error),
        drift=dict(scores.drift),
        reference_error=scores.reference_error,
        drift_before=dict(scores.drift_before),
        slip=dict(scores.slip),
    )
    return scores


def _drift_cell(drifts: Mapping[str, float], name: str) -> str:
    return f"{drifts[name]:.1e}" if name in drifts else ""


def _as_far_as_trained(solution: Solution) -> Problem:
    """Return the problem, ended where training did: beyond, there may be nothing to compare to."""
    problem = solution.problem
    if solution.complete:
        return problem
    reached = replace(problem.interval, upper=solution.reached, breakpoints=())
    return replace(problem, axes={**problem.axes, problem.time: reached})


def _integrator(problem: Problem, truth: Reference) -> Reference | None:
    """Return an integration, whose drift is shown even where the error is to a closed form.

    None where there is no integrator that can do it.
    """
    if not isinstance(truth.method, Closed):
        return truth
    if problem.stationary:
        return None
    try:
        return reference(problem, method=Lines() if problem.extent else Adaptive())
    except PinnError:
        return None


def sample_points(problem: Problem, samples: int | None) -> tuple[np.ndarray, ...]:
    """Return an even grid over every axis, one broadcasting array a coordinate."""
    dimensions = len(problem.extent)
    lines = []
    for name, axis in problem.axes.items():
        count = PLACES[dimensions] if name in problem.extent else samples or TIMES[dimensions]
        lines.append(np.linspace(axis.lower, axis.upper, count))
    return tuple(np.meshgrid(*lines, indexing="ij", sparse=True))


def ledger_times(problem: Problem, samples: int | None) -> np.ndarray:
    """Return the times at which charges are read; over space, each reading is an integral."""
    if problem.stationary:
        return np.zeros(0)
    count = LEDGER if problem.extent else samples or TIMES[0]
    return np.linspace(problem.interval.lower, problem.interval.upper, count)


def drift(trajectory: Trajectory, times: np.ndarray) -> dict[str, float]:
    """Return max_t |I(t) − I(start) − ∫ rates| / scale of each charge along a trajectory.

    Of a stationary problem, |outflow − ∫ source| over the size of both.
    """
    if trajectory.problem.stationary:
        values, sizes = trajectory.charges(), trajectory.flows()
        return {n: float(np.max(np.abs(v)) / np.max(sizes[n])) for n, v in values.items()}
    return {name: float(np.max(gap)) for name, gap in departures(trajectory, times).items()}


def departures(trajectory: Trajectory, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return |I(t) − I(start) − ∫ rates| / scale of each charge, its worst component, in time."""
    begin = anchor(trajectory.problem)
    gained = _gained(trajectory, times)
    found = {}
    for name, value in trajectory.charges(times).items():
        expected = begin.charges[name][None] + gained.get(name, 0.0)
        gap = np.abs(np.asarray(value) - expected).reshape(len(times), -1)
        found[name] = np.max(gap, axis=1) / begin.scales[name]
    return found


def worst_departure(trajectory: Trajectory, times: np.ndarray) -> np.ndarray:
    """Return the departure of the worst law at each time, none where there is no law."""
    laws = departures(trajectory, times).values()
    return np.max(np.stack([*laws]), axis=0) if laws else np.zeros(0)


def slip(solution: Solution, times: np.ndarray) -> dict[str, float]:
    """Return ‖dq/dt − q_t‖ / ‖q_t‖ of each field whose velocity is part of the projected state."""
    dynamics = solution.problem.dynamics
    names = {f: dynamics.entry(f, 1) for f, order in dynamics.orders.items() if order > 1}
    if not names:
        return {}
    with arithmetic(solution.recipe.precision):
        at = jnp.asarray(times, solution.recipe.precision)
        rate = lambda t: jax.jvp(solution.trajectory.fields, (t,), (jnp.ones_like(t),))[1]  # noqa: E731
        rates = jax.tree.map(np.asarray, jax.jit(jax.vmap(rate))(at))
    jet = solution.jet(times, entries=tuple(names.values()))
    return {f: relative_l2(rates[f], jet[name]) for f, name in names.items()}


def _gained(trajectory: Trajectory, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return ∫ source dt from the first time, by Gauss–Legendre quadrature in small panels.

    The panels end at the times and where the trajectory's own pieces do, which are short where it
    is fast.
    """
    inside = (trajectory.joints > times[0]) & (trajectory.joints < times[-1])
    edges = np.union1d(times, trajectory.joints[inside])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    lengths = np.diff(edges)
    points = edges[:-1, None] + 0.5 * lengths[:, None] * (nodes + 1.0)
    gained = {}
    for name, rate in trajectory.sources(points.ravel()).items():
        rates = np.asarray(rate).reshape(*points.shape, *rate.shape[1:])
        panels = np.einsum("n,w,wn...->w...", weights, 0.5 * lengths, rates)
        total = np.concatenate([np.zeros_like(panels[:1]), np.cumsum(panels, axis=0)])
        gained[name] = total[np.searchsorted(edges, times)]
    return gained
