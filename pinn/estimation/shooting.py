"""Predictions of a mechanics problem by integrating its equation from the start: shooting."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.estimation.model import AbstractModel, Predictions
from pinn.estimation.observations import Request
from pinn.jets import JetFunction
from pinn.problem.problem import Problem
from pinn.references.clock import jumps
from pinn.references.equation import Equation

TOLERANCE = 1e-11


@dataclass(frozen=True, eq=False)
class Shooting(AbstractModel):
    """What the equation predicts, by integration with diffrax and its forward derivatives.

    Args:
        vector: the unknowns.
        observations: what was measured.
        guess: the problem at a guess of the unknowns.
        stiff: integrate by an implicit method.
        steps: the most steps.
    """

    guess: Problem
    stiff: bool = False
    steps: int = 16384
    _programs: dict[Any, Any] = field(default_factory=dict, repr=False)

    def predictions(
        self, z: Float[np.ndarray, " size"], requests: Sequence[Request]
    ) -> Predictions:
        """Return the values of every function, and their derivatives; NaN where steps run out."""
        key = tuple(request.key for request in requests)
        if key not in self._programs:
            self._programs[key] = self._program(requests)
        values, slopes = self._programs[key](jnp.asarray(z))
        return [np.asarray(v) for v in values], [np.asarray(s) for s in slopes]

    @property
    def accuracy(self) -> float:
        """Some times the tolerance of a step."""
        return 10.0 * TOLERANCE

    def traced(self, z: Array) -> list[Array]:
        """Return what every column of the data should be, as a function that JAX transforms."""
        requests = self.observations.requests
        found = self._values(z, requests, _times(requests, self._time), self._controller(requests))
        return self.observations.chosen(found)

    @property
    def _time(self) -> int:
        problem = self.vector.problem
        return list(problem.axes).index(problem.time)

    def _program(self, requests: Sequence[Request]) -> Any:
        times, controller = _times(requests, self._time), self._controller(requests)
        values = lambda z: self._values(z, requests, times, controller)  # noqa: E731

        def both(z: Array) -> tuple[list[Array], list[Array]]:
            return values(z), jax.jacfwd(values)(z)

        return jax.jit(both)

    def _values(
        self,
        z: Array,
        requests: Sequence[Request],
        times: np.ndarray,
        controller: diffrax.AbstractStepSizeController,
    ) -> list[Array]:
        known, found = self.vector.values(z), []
        problem, space = self.vector.problem.traced(known), self.vector.problem.closed_space
        states = self._states(problem, times, controller)
        for request in requests:
            index = np.searchsorted(times, request.points[self._time])
            here = jax.tree.map(lambda leaf, i=index: leaf[i], states)
            for function in request.functions:
                bound = self.vector.problem.bound_function(function, known)
                asked = JetFunction(space, bound, "what was measured")

                def at(state: dict[str, Array], t: Array, asked=asked) -> Array:
                    given: dict[str, Array] = {**state, problem.time: t}
                    return asked(problem.dynamics.on_shell(given, asked.needs))

                found.append(jax.vmap(at)(here, jnp.asarray(times[index])))
        return found

    def _states(
        self, problem: Problem, times: np.ndarray, controller: diffrax.AbstractStepSizeController
    ) -> dict[str, Array]:
        """Return the state at every time."""
        equation, interval = Equation.of(problem, separable=False), problem.interval
        elapsed = times - interval.lower
        solved = diffrax.diffeqsolve(
            equation.terms,
            diffrax.Kvaerno5() if self.stiff else diffrax.Dopri8(),
            0.0,
            max(float(elapsed[-1]), 1e-9 * interval.length),
            None,
            equation.pack(problem.initial_state),
            saveat=diffrax.SaveAt(ts=jnp.asarray(elapsed)),
            stepsize_controller=controller,
            max_steps=self.steps,
            adjoint=diffrax.ForwardMode(),
            throw=False,
        )
        # What was not reached is infinite, which least squares would take for a number.
        finite = lambda leaf: jnp.where(jnp.isfinite(leaf), leaf, jnp.nan)  # noqa: E731
        return equation.unpack(jax.tree.map(finite, solved.ys))

    def _controller(self, requests: Sequence[Request]) -> diffrax.AbstractStepSizeController:
        """Return what chooses the steps; every one ends where something is asked for.

        Between steps, dense output would be less accurate than the steps are.
        """
        guess = self.guess
        sizes = [float(np.max(np.abs(v), initial=0.0)) for v in guess.initial_state.values()]
        absolute = 1e-2 * TOLERANCE * (max(sizes) or 1.0)
        control = diffrax.PIDController(rtol=TOLERANCE, atol=absolute, pcoeff=0.2, icoeff=0.4)
        restarts = jumps(guess)
        inside = _times(requests, self._time) - guess.interval.lower
        return diffrax.ClipStepSizeController(
            control,
            step_ts=jnp.asarray(np.setdiff1d(inside, restarts)),
            jump_ts=jnp.asarray(restarts) if restarts.size else None,
        )


def _times(requests: Sequence[Request], place: int) -> np.ndarray:
    """Return the times at which anything is asked for, each once."""
    return np.unique(np.concatenate([request.points[place] for request in requests]))
