"""SciPy as a check from outside: another group's integrator on the same equation."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp

from pinn.benchmark.clock import compiled
from pinn.benchmark.environment import peak_bytes
from pinn.benchmark.identity import PRESENTATION
from pinn.benchmark.judging import judged
from pinn.benchmark.method import AbstractMethod, Order
from pinn.errors import PinnError, ProblemError
from pinn.measure import ledger_times, sample_points
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.references import Adaptive
from pinn.references.box import Box
from pinn.references.collocation import Radau
from pinn.references.evolution import Evolution
from pinn.references.integrate import Equation, Steps, between_steps
from pinn.references.panels import Panels, along_lines
from pinn.references.reference import reference
from pinn.spectral import Grid
from pinn.trajectory import Trajectory

PANELS, STAGES = 128, 14


@dataclass(frozen=True)
class Scipy(AbstractMethod):
    """SciPy's `solve_ivp`, which calls the compiled equation from Python.

    Over space the equation is the method of lines with a given number of points. Its seconds
    include the interpreter's, some 10 µs a call; its errors are what it is for.

    Args:
        method: of `solve_ivp`: `DOP853`, `RK45`, `Radau`, `BDF` or `LSODA`.
        rtol: the relative tolerance; the absolute one is a hundredth of it.
        modes: over space, points along each coordinate.
        name: what tables call it.
    """

    method: Literal["DOP853", "RK45", "Radau", "BDF", "LSODA"] = "DOP853"
    rtol: float = 1e-10
    modes: int = 129
    name: str = field(default="", metadata=PRESENTATION)
    classical: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name or f"SciPy {self.method} {self.rtol:.0e}"

    def measure(self, order: Order) -> dict[str, Any]:
        """Integrate, and judge at the points of the grid."""
        problem = order.problem()
        if problem.stationary:
            raise ProblemError(
                f"The problem {problem.name!r} is stationary: SciPy integrates none."
            )
        with arithmetic("float64"):
            make = over_space if problem.extent else in_time
            rate, start, trajectory_of = make(problem, self)
            program, compiling = compiled(rate, jnp.asarray(0.0), jnp.asarray(start))
            begun = time.perf_counter()
            result = self._integrate(problem, program, start)
            running, total = time.perf_counter() - begun, order.elapsed()
            peak = peak_bytes()
            trajectory = trajectory_of(result.sol)
        return {
            "peak_bytes": peak,
            "seconds": {"run": running, "compile": compiling, "total": total},
            "steps": len(result.t) - 1,
            "evaluations": int(result.nfev),
            "points": [self.modes] * len(problem.extent),
            "precision": "float64",
            **judged(problem, trajectory, reference(problem)),
        }

    def _integrate(self, problem: Problem, program: Callable, start: np.ndarray) -> Any:
        interval = problem.interval
        result = solve_ivp(
            lambda t, y: np.asarray(program(jnp.asarray(t), jnp.asarray(y))),
            (0.0, interval.length),
            start,
            self.method,
            rtol=self.rtol,
            atol=1e-2 * self.rtol * (float(np.max(np.abs(start))) or 1.0),
            dense_output=True,
        )
        if not result.success:
            raise PinnError(f"SciPy's {self.method} gave up: {result.message}")
        return result


Made = tuple[Callable, np.ndarray, Callable[[Callable], Trajectory]]


def in_time(problem: Problem, method: Scipy) -> Made:
    """Return a system of ordinary equations as SciPy takes it, and a trajectory of its answer.

    At the sampled times the trajectory holds SciPy's own values.
    """
    equation = Equation.of(problem, False)
    state = equation.pack({n: jnp.asarray(v) for n, v in problem.initial_state.items()})
    start, unravel = ravel_pytree(state)
    slope = equation.terms.vf

    def rate(t: jax.Array, flat: jax.Array) -> jax.Array:
        return ravel_pytree(slope(t, unravel(flat), None))[0]

    def trajectory(dense: Callable) -> Trajectory:
        begin = problem.interval.lower
        times = np.union1d(sample_points(problem, None)[0], ledger_times(problem, None)) - begin
        states = jax.vmap(unravel)(jnp.asarray(dense(times).T))
        plan = partial(between_steps, problem, Adaptive())
        return Trajectory(
            problem, plan, Steps(jnp.asarray(times), states), "float64", begin + times
        )

    return rate, np.asarray(start), trajectory


def over_space(problem: Problem, method: Scipy) -> Made:
    """Return the method of lines as SciPy takes it, and a trajectory of its answer.

    The trajectory is a series in space and, on 128 panels, a polynomial in time through SciPy's
    dense output.
    """
    box = Box.of(problem, (method.modes | 1,) * len(problem.extent))
    evolution = Evolution(box)
    shape = evolution.start.shape

    def rate(t: jax.Array, flat: jax.Array) -> jax.Array:
        return evolution.rate(t, flat.reshape(shape)).ravel()

    def trajectory(dense: Callable) -> Trajectory:
        interval, radau = problem.interval, Radau(STAGES)
        edges = np.linspace(0.0, interval.length, PANELS + 1)
        inside = np.concatenate([[0.0], radau.nodes])
        times = (edges[:-1, None] + np.diff(edges)[:, None] * inside).ravel()
        states = jnp.asarray(dense(times).T).reshape((-1, *shape))
        series = jax.jit(jax.vmap(evolution.coefficients))(jnp.asarray(times), states)
        nodal = np.asarray(series).reshape((PANELS, len(inside), *series.shape[1:]))
        coefficients = np.einsum("mn,pn...->pm...", radau.analysis, nodal)
        panels = Panels(jnp.asarray(edges), jnp.asarray(coefficients))
        grid = box.grid
        plan = lambda entries: along_lines(problem, grid, entries)  # noqa: E731
        joints = interval.lower + edges
        return Trajectory(problem, plan, panels, "float64", joints, quadrature(problem, grid))

    return rate, np.asarray(evolution.start).ravel(), trajectory


def quadrature(problem: Problem, grid: Grid) -> Grid:
    """Return a grid that integrates products of fields on a given one."""
    return Grid.of(
        problem.extent,
        {c: n + n // 2 + 4 for c, n in zip(grid.coordinates, grid.shape, strict=True)},
    )
