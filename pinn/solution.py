"""A trained solver, the object that downstream code calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.networks.marching import MarchingState, marching_jet
from pinn.noether.charge import Charge, evaluate
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.training.machinery import machinery
from pinn.training.march import March
from pinn.training.recipe import Recipe

JetAt = Callable[[Any, Array], Jet]


class Evaluator:
    """Evaluates jets, fields and charges of something that knows its jet at one time.

    Concrete times are evaluated in the solver's own precision, whatever JAX is set to; inside a
    transformation such as `jax.jit` the caller's precision rules.

    Args:
        problem: what is solved.
        plan: from a tuple of entries to the function (state, t) ↦ jet at one time.
        state: the arrays that the function reads.
        precision: the arithmetic for concrete times.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Callable[[tuple[str, ...]], JetAt],
        state: Any,
        precision: str,
    ):
        self.problem, self.precision, self.state = problem, precision, state
        self._plan = lru_cache(maxsize=None)(plan)
        self._compiled = lru_cache(maxsize=None)(self._compile)

    def jet(self, t: ArrayLike, entries: tuple[str, ...]) -> Jet:
        """Return the jet at the times t: each entry has the shape of t, then of its field."""
        names = tuple(sorted({self.problem.space.canonical(name) for name in entries}))
        return self._evaluate(t, names, self._jet_function)

    def fields(self, t: ArrayLike) -> dict[str, Array]:
        """Return the fields at the times t."""
        jet = self.jet(t, tuple(self.problem.fields))
        return {name: jet[name] for name in self.problem.fields}

    def charges(self, t: ArrayLike, charges: Mapping[str, Charge]) -> dict[str, Array]:
        """Return the charges at the times t."""
        if not charges:
            return {}
        return self._evaluate(t, tuple(charges), self._charge_function)

    def _jet_function(self, names: tuple[str, ...]) -> Callable[[Any, Array], Any]:
        return self._plan(names)

    def _charge_function(self, names: tuple[str, ...]) -> Callable[[Any, Array], Any]:
        charges = {n: c for n, c in verified_charges(self.problem).items() if n in names}
        plan = self._plan(tuple(sorted({n for c in charges.values() for n in c.needs})))
        return lambda state, t: evaluate(charges, plan(state, t))

    def _compile(self, make: Callable, names: tuple[str, ...]) -> Callable[[Any, Array], Any]:
        return jax.jit(jax.vmap(make(names), in_axes=(None, 0)))

    def _evaluate(self, t: ArrayLike, names: tuple[str, ...], make: Callable) -> Any:
        if isinstance(t, jax.core.Tracer):
            state = jax.tree.map(lambda leaf: jnp.asarray(leaf, _ambient(leaf)), self.state)
            values = jax.vmap(make(names), in_axes=(None, 0))(state, _times(t).ravel())
            return jax.tree.map(lambda v: v.reshape(jnp.shape(t) + v.shape[1:]), values)
        with arithmetic(self.precision):
            times = jnp.asarray(_concrete(t), self.precision)
            values = self._compiled(make, names)(self.state, times.ravel())
            return jax.tree.map(lambda v: v.reshape(times.shape + v.shape[1:]), values)


def _concrete(t: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(t, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"Times must be numbers or arrays of numbers, got {t!r}.") from error


def _times(t: Array) -> Array:
    return t if jnp.issubdtype(t.dtype, jnp.floating) else t.astype(jnp.result_type(float))


def _ambient(leaf: Array) -> Any:
    floating = jnp.issubdtype(leaf.dtype, jnp.floating)
    return jnp.result_type(float) if floating else leaf.dtype


@dataclass(frozen=True, eq=False)
class Solution:
    """A trained solver: call it with times, ask it for derivatives and charges, save it.

    Args:
        problem: what it solves.
        recipe: how it was trained.
        march: the trained windows, and what is needed to train on.
        model: the trained windows as stacked arrays.
        seed: the seed it was trained with.
        seconds: wall time of `compile` and `training`.
        versions: the libraries it was trained with.
        device: what it was trained on.
        scores: accuracy and drift against a reference, once `pinn.compare` measured them.
    """

    problem: Problem
    recipe: Recipe
    march: March
    model: MarchingState
    seed: int
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    device: str
    scores: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def _evaluator(self) -> Evaluator:
        parts = machinery(self.problem, self.recipe)
        space, time = self.problem.space, self.problem.time

        def plan(entries: tuple[str, ...]) -> JetAt:
            return marching_jet(parts.graph, space, time, entries)

        return Evaluator(self.problem, plan, self.model, self.recipe.precision)

    def __call__(self, t: ArrayLike) -> dict[str, Float[Array, "..."]]:
        """Return each field at the times t, of the shape of t followed by the field's.

        Works under jit, vmap, grad and jvp.
        """
        return self._evaluator.fields(t)

    def jet(self, t: ArrayLike, entries: tuple[str, ...]) -> Jet:
        """Return derivatives by name, as in `solution.jet(t, entries=("q", "q_t"))["q_t"]`."""
        return self._evaluator.jet(t, entries)

    def charges(self, t: ArrayLike) -> dict[str, Float[Array, "..."]]:
        """Return each charge at the times t, by name."""
        return self._evaluator.charges(t, verified_charges(self.problem))

    @property
    def complete(self) -> bool:
        """Whether training reached the end of the interval."""
        return self.march.reached >= self.problem.interval.upper

    @property
    def reached(self) -> float:
        """The time up to which it is trained; beyond, the last window extrapolates."""
        return self.march.reached

    @property
    def parameter_count(self) -> int:
        """How many trained numbers there are, in all windows."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.model.parameters))

    @property
    def steps(self) -> int:
        """How many training steps were taken, in all windows."""
        return sum(record.steps for record in self.march.records)

    @property
    def residual(self) -> float:
        """The largest dimensionless residual on points that training did not see."""
        return max((record.residual for record in self.march.records), default=float("inf"))

    def save(self, path: Any, *, overwrite: bool = False) -> None:
        """Write the solver to a new folder, whole or not at all.

        Raises:
            CheckpointError: the folder exists, or the problem could not be rebuilt from what is
                saved.
        """
        from pinn.checkpoint import save

        save(self, path, overwrite=overwrite)

    def __repr__(self) -> str:
        return (
            f"Solution({self.problem.name}, {self.model.count} windows, "
            f"{self.parameter_count} parameters, residual {self.residual:.1e}"
            f"{'' if self.complete else f', trained to {self.reached:.6g} only'})"
        )
