"""What the laws of a class of models are worth, where the model is not known.

The same noisy places of a body are explained twice: by a Lagrangian with an unknown potential V(r),
whose energy and angular momentum are conserved whatever V is, and by a free force F(q). Then both
orbits go on for as long again, beyond the data, and the true energy is looked at.

Where the equation is known up to constants, laws cannot help an estimate: the equation that is
enforced implies them. The third row is that: Kepler's problem with its laws and as a bare residual.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.integrate import solve_ivp

import pinn
from pinn.benchmark import AbstractMethod, Case, Study
from pinn.benchmark.method import Order
from pinn.benchmark.report.groups import Record
from pinn.benchmark.report.markdown import grid
from pinn.benchmark.report.table import AbstractTable
from pinn.estimation.estimate import Estimate, estimate
from pinn.estimation.fit import Optimum
from pinn.posterior import Posterior
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.training.recipe import Recipe

# The free force is a polynomial of two variables below this degree; V has its default, ten.
COUNT = 6


@dataclass(frozen=True)
class Force(AbstractMethod):
    """The estimate of an unknown force, and the orbit beyond the data.

    Args:
        free: a force F(q) in place of −∇V(r).
    """

    free: bool
    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return "free force F(q)" if self.free else "potential V(r), with its laws"

    def measure(self, order: Order) -> dict[str, Any]:
        """Estimate, and go on."""
        problem = order.problem()
        stated = _freed(problem) if self.free else problem
        with arithmetic("float64"):
            found = estimate(stated, Recipe()).problem
            seconds = order.elapsed()
            truth, force = _true_force(problem), jax.jit(_force_of(found, self.free))
            places = jnp.asarray(_orbit(truth, problem, problem.parameters, 80)[:, :2])
            expected = np.asarray(jax.vmap(truth)(places))
            error = np.linalg.norm(np.asarray(jax.vmap(force)(places)) - expected)
            begin = {name: np.asarray(value) for name, value in found.initial.items()}
            beyond = _orbit(force, problem, begin, 400)[200:]
            energy = _energy(problem, beyond)
            start = _energy(problem, _orbit(truth, problem, problem.parameters, 2)[:1])
        return {
            "error": {"force": float(error / np.linalg.norm(expected))},
            "drift": {"energy": float(np.max(np.abs(energy / start - 1.0)))},
            "seconds": {"total": seconds},
        }


@dataclass(frozen=True)
class Known(AbstractMethod):
    """How far an estimate moves, in standard deviations, when the laws are not claimed."""

    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return "constants only, with laws and without"

    def measure(self, order: Order) -> dict[str, Any]:
        """Estimate twice."""
        problem = order.problem()
        bare = replace(problem, lagrangian=None, symmetries=(), residual=_kepler)
        with arithmetic("float64"):
            whole, other = (estimate(p, Recipe()) for p in (problem, bare))
        seconds = order.elapsed()
        deviation = np.sqrt(np.diag(_posterior(whole).covariance))
        values = [np.asarray(e.fitting.vector.flat(jnp.asarray(e.fit.z))) for e in (whole, other)]
        moved = float(np.max(np.abs(values[0] - values[1]) / deviation))
        return {"error": {"moved": moved}, "drift": {}, "seconds": {"total": seconds}}


def _posterior(found: Estimate) -> Posterior:
    vector, observations = found.fitting.vector, found.fitting.observations
    return Posterior(vector, observations, Optimum.of(found.fit), lambda: found.fitting.model)


def _kepler(j: Any) -> Array:
    return j.q_tt + j.mu * j.q / jnp.linalg.norm(j.q) ** 3


def _freed(problem: Problem) -> Problem:
    """Return a problem with a free force in place of a Lagrangian."""
    places = problem.data[0].values["q"]
    lower, upper = np.min(places, axis=0), np.max(places, axis=0)
    margin = 0.1 * (upper - lower)
    force = pinn.Function(2, 2, tuple(lower - margin), tuple(upper + margin), COUNT)
    free: dict[str, Any] = {"lagrangian": None, "symmetries": (), "functions": {"F": force}}
    return replace(problem, residual=lambda j: j.q_tt - j.F(j.q), **free)


def _true_force(problem: Problem) -> Callable[[Array], Array]:
    potential = _potential(problem)
    return lambda q: -jax.grad(lambda q: potential(jnp.linalg.norm(q)))(q)


def _potential(problem: Problem) -> Callable[[Array], Array]:
    known = problem.parameters
    return lambda r: -known["mu"] / jnp.sqrt(r**2 + known["core"] ** 2) + known["pull"] * r


def _force_of(found: Problem, free: bool) -> Callable[[Array], Array]:
    if free:
        return found.values["F"]
    return lambda q: -jax.grad(lambda q: found.values["V"](jnp.linalg.norm(q)))(q)


def _energy(problem: Problem, states: np.ndarray) -> np.ndarray:
    r = jnp.asarray(np.linalg.norm(states[:, :2], axis=1))
    return 0.5 * np.sum(states[:, 2:] ** 2, axis=1) + np.asarray(_potential(problem)(r))


def _orbit(force: Any, problem: Problem, begin: Any, count: int) -> np.ndarray:
    """Return positions and velocities at even times up to twice the end of the data.

    Outside its box a free force goes on linearly, so that nothing runs away in finite time.
    """
    end = 2.0 * problem.interval.upper if count > 100 else problem.interval.upper

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        return np.append(y[2:], np.asarray(force(jnp.asarray(y[:2]))))

    state, times = np.append(begin["q"], begin["q_t"]), np.linspace(0.0, end, count)
    return solve_ivp(rate, (0.0, end), state, "DOP853", times, rtol=1e-10, atol=1e-10).y.T


@dataclass(frozen=True)
class Worth(AbstractTable):
    """The median over the draws of the noise, by statement."""

    def render(self, records: Sequence[Record]) -> str:
        """Return Markdown."""
        by_label: dict[tuple[str, str], list] = {}
        for cell, row in records:
            if row is not None and row["status"] == "done":
                by_label.setdefault((cell.case.problem, cell.method.label), []).append(row)
        rows = []
        for (problem, label), found in by_label.items():
            force, moved, drift, seconds = (
                _middle(found, *names)
                for names in (
                    ("error", "force"),
                    ("error", "moved"),
                    ("drift", "energy"),
                    ("seconds", "total"),
                )
            )
            rows.append((problem, label, str(len(found)), force, drift, moved, seconds))
        header = (
            "problem",
            "statement",
            "draws",
            "error of the force",
            "energy beyond the data",
            "estimate moved by, in sd",
            "seconds",
        )
        return grid(header, rows) + "\n"


def _middle(rows: list, kind: str, name: str) -> str:
    values = [row[kind][name] for row in rows if name in row[kind]]
    return f"{median(values):.2g}" if values else ""


SEEDS = range(5)
STUDY = Study(
    title="An unknown force with its laws and without",
    cases=(
        *(
            Case("central_force", {"seed": s}, f"draw {s}", methods=(Force(False), Force(True)))
            for s in SEEDS
        ),
        Case("kepler_inverse", methods=(Known(),)),
    ),
    limit=1200.0,
    tables=(Worth(),),
)
