"""A function of time that knows its jets and charges: what a solver and a reference share."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.noether.charge import Charge, evaluate
from pinn.noether.verify import verified_charges
from pinn.precision import Precision, arithmetic
from pinn.problem.problem import Problem

JetAt = Callable[[Any, Array], Jet]


class Trajectory:
    """Evaluates fields, jets and charges of anything that knows its jet at one time.

    Concrete times are evaluated in the trajectory's own precision, whatever JAX is set to, and come
    back as NumPy arrays where JAX's own arithmetic would round them; inside a transformation such
    as `jax.jit` the caller's precision rules.

    Args:
        problem: whose fields these are.
        plan: from a tuple of entries to the function (state, t) ↦ jet at one time.
        state: the arrays that the function reads.
        precision: the arithmetic for concrete times.
        joints: the times at which its pieces join.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Callable[[tuple[str, ...]], JetAt],
        state: Any,
        precision: Precision,
        joints: ArrayLike | tuple[float, ...] = (),
    ):
        self.problem, self._plan = problem, plan
        self._state, self._precision = state, precision
        self.joints = np.asarray(joints, dtype=float)
        self._compiled = lru_cache(maxsize=None)(self._compile)

    @property
    def _charges(self) -> Mapping[str, Charge]:
        return verified_charges(self.problem)

    def fields(self, t: ArrayLike) -> dict[str, Array]:
        """Return the fields at the times t, each of the shape of t followed by the field's."""
        jet = self.jet(t, tuple(self.problem.fields))
        return {name: jet[name] for name in self.problem.fields}

    def jet(self, t: ArrayLike, entries: tuple[str, ...]) -> Jet:
        """Return the jet at the times t, with the entries asked for."""
        names = (entries,) if isinstance(entries, str) else entries
        space = self.problem.space
        return self._evaluate(t, tuple(sorted({space.canonical(name) for name in names})), False)

    def charges(self, t: ArrayLike) -> dict[str, Array]:
        """Return every charge at the times t."""
        needs = {n for charge in self._charges.values() for n in charge.needs}
        return self._evaluate(t, tuple(sorted(needs)), True) if self._charges else {}

    def sources(self, t: ArrayLike) -> dict[str, Array]:
        """Return, at a list of times, the rate of change of each charge that is not conserved."""
        balanced = {n: c.source for n, c in self._charges.items() if c.source is not None}
        needs = tuple(sorted({n for source in balanced.values() for n in source.needs}))
        rates = jax.jit(jax.vmap(lambda j: {n: source(j) for n, source in balanced.items()}))
        with arithmetic(self._precision):
            return _unrounded(rates(self.jet(np.ravel(t), needs))) if balanced else {}

    def _function(self, names: tuple[str, ...], charges: bool) -> Callable[[Any, Array], Any]:
        jet_at = self._plan(names)
        if not charges:
            return jet_at
        return lambda state, t: evaluate(self._charges, jet_at(state, t))

    def _compile(self, names: tuple[str, ...], charges: bool) -> Callable[[Any, Array], Any]:
        return jax.jit(jax.vmap(self._function(names, charges), in_axes=(None, 0)))

    def _evaluate(self, t: ArrayLike, names: tuple[str, ...], charges: bool) -> Any:
        if isinstance(t, Tracer):
            state = jax.tree.map(_in_callers_precision, self._state)
            times = _in_callers_precision(t)
            values = jax.vmap(self._function(names, charges), in_axes=(None, 0))(
                state, times.ravel()
            )
            return jax.tree.map(lambda v: v.reshape(times.shape + v.shape[1:]), values)
        with arithmetic(self._precision):
            times = jnp.asarray(_concrete(t), self._precision)
            values = self._compiled(names, charges)(self._state, times.ravel())
            shaped = jax.tree.map(lambda v: v.reshape(times.shape + v.shape[1:]), values)
        return _unrounded(shaped)


def _unrounded(values: Any) -> Any:
    """Return double-precision values as NumPy arrays where JAX computes in single precision."""
    if jnp.result_type(float) == jnp.float64:
        return values
    return jax.tree.map(np.asarray, values)


def _concrete(t: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(t, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"Times must be numbers or arrays of numbers, got {t!r}.") from error


def _in_callers_precision(leaf: Array) -> Array:
    """Return real numbers in JAX's present default precision, integers as floats where a time."""
    if isinstance(leaf, Tracer) and jnp.issubdtype(leaf.dtype, jnp.integer):
        return leaf.astype(jnp.result_type(float))
    return jnp.asarray(leaf, jnp.result_type(float))
