"""A classical method of `pinn.references`, timed with and without compilation."""

import time
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import jax

from pinn.benchmark.clock import compilation, compiled, covered, fastest
from pinn.benchmark.environment import peak_bytes
from pinn.benchmark.identity import PRESENTATION
from pinn.benchmark.judging import history, judged_integration
from pinn.benchmark.method import AbstractMethod, Order
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.references import Adaptive, Collocation, Fixed, Lines
from pinn.references.integrate import stepping
from pinn.references.method import AbstractMethod as Stepping
from pinn.references.reference import reference

AGAIN = 20.0
"""Seconds below which a method over space is run twice, for the first run dispatches anew too."""


@dataclass(frozen=True)
class Integrated(AbstractMethod):
    """A classical method: diffrax in time, the method of lines or collocation over space.

    Args:
        method: one of `pinn.references`: `Adaptive`, `Fixed`, `Lines`, `Collocation`.
        name: what tables call it; by default the method with its tolerance or steps.
        history: at how many times the drift is kept, for a curve.
    """

    method: Adaptive | Fixed | Lines | Collocation
    name: str = field(default="", metadata=PRESENTATION)
    history: int = 0
    classical: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name or _described(self.method)

    def measure(self, order: Order) -> dict[str, Any]:
        """Integrate, judge, and time the integration alone."""
        problem = order.problem()
        # A solution kept on disk would be no measurement.
        method = (
            replace(self.method, cache=False) if isinstance(self.method, Lines) else self.method
        )
        solved, running, compiling = _timed(problem, method)
        total, peak = order.elapsed(), peak_bytes()
        row = {
            "peak_bytes": peak,
            "seconds": {"run": running, "compile": compiling, "total": total},
            "steps": solved.steps,
            "points": list(solved.counts),
            "precision": "float64",
            **judged_integration(solved),
            **history(solved.trajectory, self.history),
        }
        if isinstance(method, Stepping):
            row["seconds"] |= _alone(problem, method)
        elif running < AGAIN:
            row["seconds"]["run"] = min(running, _timed(problem, method)[1])
        return row


def _timed(problem: Problem, method: Stepping | Lines | Collocation) -> tuple[Any, float, float]:
    """Return a solution, and the seconds that it took without and for compilation."""
    started = time.perf_counter()
    with compilation() as spans:
        solved = reference(problem, method=method)
    whole, compiling = time.perf_counter() - started, covered(spans)
    return solved, whole - compiling, compiling


def _alone(problem: Problem, method: Stepping) -> dict[str, float]:
    """Return the seconds to compile and to run a program that does nothing but integrate.

    Room is made for as many steps as it takes, not for the most that it might.
    """
    with arithmetic("float64"):
        if isinstance(method, Adaptive):
            _, march, state = stepping(problem, method)
            taken = int(jax.jit(march)(state).stats["num_steps"])
            method = replace(method, max_steps=taken + 1)
        _, march, state = stepping(problem, method)
        program, compiling = compiled(march, state)
        return {"run": fastest(lambda: program(state)), "compile": compiling}


def _described(method: Adaptive | Fixed | Lines | Collocation) -> str:
    match method:
        case Adaptive():
            return f"{method.name} {method.rtol:.0e}"
        case Fixed(name="GaussLegendre"):
            return f"{method.name}({method.stages}), {method.steps} steps"
        case Fixed():
            return f"{method.name}, {method.steps} steps"
        case Lines():
            return f"method of lines{_modes(method.modes)}, {method.rtol:.0e}"
        case _:
            return f"collocation{_modes(method.modes)}"


def _modes(modes: int | tuple[int, ...] | None) -> str:
    return "" if modes is None else f", {modes} modes"
