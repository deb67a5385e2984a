"""Functions on jet space that know which entries they need."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import partial_eval
from jaxtyping import Array, PyTree

from pinn.errors import PinnError, ProblemError
from pinn.jets.jet import Jet
from pinn.jets.space import JetSpace


@dataclass(frozen=True, eq=False)
class JetFunction:
    """A pure function of one jet, for one point, that finds out by tracing what it needs.

    Entries that the result does not depend on are pruned from the traced program, so that
    D_x ∂L/∂u_xx does not ask for u_t.
    """

    space: JetSpace
    function: Callable[[Jet], Any]
    name: str = "function"

    def __call__(self, jet: Jet) -> PyTree[Array]:
        """Evaluate at a jet that holds at least the entries in `needs`."""
        return self.function(Jet(self.space, {n: self._value(jet, n) for n in self._accessed}))

    def _value(self, jet: Jet, name: str) -> Array:
        # A pruned entry's value cannot matter; one keeps 1/r and log r finite.
        return jet[name] if name in self.needs else jnp.ones(self.space.shape(name))

    @cached_property
    def _accessed(self) -> tuple[str, ...]:
        recorder = _Recorder(self.space)

        def probe(one: Array) -> PyTree[Array]:
            recorder.one = one
            return self.function(Jet(self.space, recorder))

        self._trace(lambda: jax.eval_shape(probe, jnp.ones(())))
        return tuple(sorted(recorder.names))

    @cached_property
    def _jaxpr(self):
        values = {n: jnp.ones(self.space.shape(n)) for n in self._accessed}
        trace = jax.make_jaxpr(lambda v: self.function(Jet(self.space, v)), return_shape=True)
        return self._trace(lambda: trace(values))

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The entries that the result depends on, by canonical name, sorted."""
        jaxpr = self._jaxpr[0].jaxpr
        # The names are sorted, as are the leaves of a dictionary.
        _, used = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
        return tuple(n for n, u in zip(self._accessed, used, strict=True) if u)

    @cached_property
    def result(self) -> PyTree[jax.ShapeDtypeStruct]:
        """The shape and type of the result."""
        return self._jaxpr[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a result that is one array."""
        return tuple(self.result.shape)

    @cached_property
    def size(self) -> int:
        """How many numbers the result holds."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.result))

    def highest_order(self, field: str, coordinate: str) -> int:
        """Return the highest order of a derivative of `field` along `coordinate`, −1 for none."""
        index = self.space.coordinates.index(coordinate)
        parsed = [self.space.parse(n) for n in self.needs if not self.space.is_coordinate(n)]
        return max((e.orders[index] for e in parsed if e.field == field), default=-1)

    def _trace(self, trace: Callable[[], Any]) -> Any:
        try:
            return trace()
        except PinnError:
            raise
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ProblemError(
                f"The {self.name} cannot be evaluated on a jet with fields {self.space.fields}: "
                f"{reason}; write it with jax.numpy for one point, with these shapes."
            ) from error


class _Recorder(Mapping[str, Array]):
    """Stands in for a jet's values, hands out traced ones and remembers their names."""

    def __init__(self, space: JetSpace):
        self.space, self.names, self.one = space, set(), jnp.ones(())

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Array:
        self.names.add(name)
        return jnp.broadcast_to(self.one, self.space.shape(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def on_jets(space: JetSpace, function: Callable[[Jet], Any], name: str = "function") -> JetFunction:
    """Return `function` as a JetFunction, unchanged when it already is one."""
    return function if isinstance(function, JetFunction) else JetFunction(space, function, name)
