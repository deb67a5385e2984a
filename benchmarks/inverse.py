"""How well unknowns are found from noisy data, and whether the intervals tell the truth.

Over many draws of the noise: the root mean square error of each unknown in units of the Cramér–Rao
bound, which no unbiased estimate can go below, and how often its 95 % interval holds the truth.
From many first guesses: how often the truth is found, beside shooting from the same guess, which is
least squares through diffrax alone.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from pinn.benchmark import AbstractMethod, Case, Study
from pinn.benchmark.method import Order, built
from pinn.benchmark.report.groups import Record
from pinn.benchmark.report.markdown import grid
from pinn.benchmark.report.table import AbstractTable
from pinn.estimation.estimate import estimate, guessed, laid_out, solver_of
from pinn.estimation.fit import Optimum
from pinn.estimation.fitting import Fitting
from pinn.estimation.vector import Vector
from pinn.posterior import Posterior
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.training.recipe import Recipe

LEVEL = 0.95
# A guess has led to the truth where every unknown is within so many standard deviations of it.
NEAR = 5.0


@dataclass(frozen=True)
class Draws(AbstractMethod):
    """The estimate of a problem for many draws of its noise.

    Args:
        count: how many, with the seeds 0, 1, and so on.
    """

    count: int
    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{self.count} draws of the noise"

    def measure(self, order: Order) -> dict[str, Any]:
        """Estimate from every draw; the first tells where the others start."""
        with arithmetic("float64"):
            first = estimate(order.problem(), Recipe())
            found = list(self._found(order, first))
        truth, bound = found[0][0], found[0][1]
        values, inside = (np.array([one[i] for one in found]) for i in (2, 3))
        ratio = np.sqrt(np.mean((values - truth) ** 2, axis=0)) / bound
        names = first.fitting.vector.names
        return {
            "error": {},
            "drift": {},
            "seconds": {"total": order.elapsed()},
            "efficiency": dict(zip(names, ratio.tolist(), strict=True)),
            "coverage": dict(zip(names, np.mean(inside, axis=0).tolist(), strict=True)),
            "converged": float(np.mean([one[4] for one in found])),
        }

    def _found(self, order: Order, first: Any) -> Iterator[tuple]:
        model = first.fitting.model
        for seed in range(self.count):
            order.note(f"draw {seed}")
            problem = built(order.name, {**order.parameters, "seed": seed})
            vector, observations = laid_out(problem)
            fitting = Fitting(replace(model, vector=vector, observations=observations))
            truth = true_values(vector)
            fit = fitting.fit(first.fit.z, {})
            posterior = Posterior(vector, observations, Optimum.of(fit), lambda f=fitting: f.model)
            ends = [posterior.interval(part.name, LEVEL) for part in vector.parts]
            low, high = (np.concatenate([np.ravel(e[i]) for e in ends]) for i in (0, 1))
            value = np.asarray(vector.flat(jnp.asarray(fit.z)))
            bound = bounds(fitting, truth) if not seed else None
            yield truth, bound, value, (low <= truth) & (truth <= high), fit.converged


@dataclass(frozen=True)
class Starts(AbstractMethod):
    """The estimate of a problem from many first guesses, log-uniform in a range about the truth.

    Args:
        count: how many guesses.
        reach: they lie between the truth over this and the truth times this.
    """

    count: int
    reach: float = 3.3
    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{self.count} first guesses within a factor of {self.reach:g}"

    def measure(self, order: Order) -> dict[str, Any]:
        """Estimate from every guess, and by shooting alone."""
        problem, seconds = order.problem(), []
        success: dict[str, list[bool]] = {"pinn": [], "shooting": []}
        with arithmetic("float64"):
            for draw in range(self.count):
                order.note(f"guess {draw}")
                stated = self._guessing(problem, draw)
                began = time.perf_counter()
                found = estimate(stated, Recipe())
                seconds.append(time.perf_counter() - began)
                success["pinn"].append(_reached(found.fitting, found.fit))
                success["shooting"].append(_shot(stated))
        return {
            "error": {},
            "drift": {},
            "seconds": {"total": order.elapsed(), "one": float(np.median(seconds))},
            "success": {name: int(np.sum(found)) for name, found in success.items()},
        }

    def _guessing(self, problem: Problem, draw: int) -> Problem:
        generator = np.random.default_rng(draw)
        unknowns = {}
        for name, unknown in problem.unknowns.items():
            share = self.reach ** generator.uniform(-1.0, 1.0)
            unknowns[name] = replace(unknown, guess=share * problem.parameters[name])
        return replace(problem, unknowns=unknowns)


def true_values(vector: Vector) -> np.ndarray:
    """Return the truth of every unknown, which is the problem's parameter of its name."""
    given = vector.problem.parameters
    return np.concatenate([np.ravel(given[part.name]).astype(float) for part in vector.parts])


def bounds(fitting: Fitting, truth: np.ndarray) -> np.ndarray:
    """Return the Cramér–Rao bound of each unknown's standard deviation, at the truth."""
    vector, start = fitting.vector, 0
    values = {}
    for part in vector.parts:
        size = int(np.prod(part.shape))
        values[part.name] = truth[start : start + size].reshape(part.shape)
        start += size
    z = vector.free(values)
    noise = {i: 1.0 for i in fitting.observations.estimated}
    rows, jacobian = fitting._rows(z, noise, {})
    fit = Optimum(
        z, np.linalg.qr(jacobian, mode="r"), 0.0, 0.0, 0.0, {}, {}, 0, 0.0, bool(rows.size)
    )
    posterior = Posterior(vector, fitting.observations, fit, lambda: fitting.model)
    return np.sqrt(np.diag(posterior.covariance))


def _reached(fitting: Fitting, fit: Any) -> bool:
    vector, observations = fitting.vector, fitting.observations
    posterior = Posterior(vector, observations, Optimum.of(fit), lambda: fitting.model)
    value = np.asarray(vector.flat(jnp.asarray(fit.z)))
    deviation = np.sqrt(np.diag(posterior.covariance))
    return bool(fit.converged and np.all(np.abs(value - true_values(vector)) < NEAR * deviation))


def _shot(problem: Problem) -> bool:
    vector, observations = laid_out(problem)
    fitting = Fitting(solver_of(vector, observations, guessed(problem), Recipe()))
    if not fitting.solvable(vector.start):
        return False
    return _reached(fitting, fitting.fit(vector.start, {}))


@dataclass(frozen=True)
class Efficiency(AbstractTable):
    """RMSE over the Cramér–Rao bound and coverage of each unknown."""

    def render(self, records: Sequence[Record]) -> str:
        """Return Markdown."""
        rows = []
        for cell, row in records:
            if row is None or row["status"] != "done" or "efficiency" not in row:
                continue
            for name, ratio in row["efficiency"].items():
                covered = f"{100 * row['coverage'][name]:.1f} %"
                seconds = f"{row['seconds']['total']:.0f}"
                rows.append(
                    (cell.case.title, cell.method.label, name, f"{ratio:.2f}", covered, seconds)
                )
        header = ("problem", "", "unknown", "RMSE / bound", "coverage of 95 %", "seconds in all")
        return grid(header, rows) + "\n"


@dataclass(frozen=True)
class Success(AbstractTable):
    """How many first guesses led to the truth."""

    def render(self, records: Sequence[Record]) -> str:
        """Return Markdown."""
        rows = []
        for cell, row in records:
            if row is None or row["status"] != "done" or "success" not in row:
                continue
            found, one = row["success"], f"{row['seconds']['one']:.0f}"
            rows.append(
                (
                    cell.case.title,
                    cell.method.label,
                    str(found["pinn"]),
                    str(found["shooting"]),
                    one,
                )
            )
        header = ("problem", "", "found", "found by shooting alone", "seconds for one")
        return grid(header, rows) + "\n"


MANY, SOME = (Draws(200),), (Draws(40),)
STUDY = Study(
    title="Unknowns from noisy data: efficiency, coverage, and first guesses",
    cases=(
        Case("pendulum_inverse", methods=MANY),
        Case("lorenz_inverse", methods=(*SOME, Starts(30))),
        Case("fitzhugh_nagumo_inverse", methods=SOME),
        Case("lotka_volterra_inverse", methods=SOME),
        Case("kepler_inverse", methods=SOME),
        Case("burgers_inverse", {"noise": 0.01}, "1 % of noise", methods=SOME),
        Case("burgers_inverse", {"noise": 0.05}, "5 % of noise", methods=SOME),
        Case("burgers_inverse", {"noise": 0.1}, "10 % of noise", methods=SOME),
    ),
    limit=3600.0,
    tables=(Efficiency(), Success()),
)
