"""Functions on jet space that know which entries they need."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.interpreters import partial_eval
from jaxtyping import Array, PyTree

from pinn.errors import FunctionError, PinnError, ProblemError, place, reason
from pinn.jets.jet import Jet
from pinn.jets.space import JetSpace
from pinn.precision import staged, unwarned


class Program(NamedTuple):
    """A traced and pruned function: which entries it reads, how to run it, what it returns.

    `constants` are the arrays that it captured.
    """

    needs: tuple[str, ...]
    run: Callable[..., list[Array]]
    result: PyTree[jax.ShapeDtypeStruct]
    constants: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class JetFunction:
    """A pure function of one jet, for one point, that finds out by tracing what it needs.

    Entries that the result does not depend on are pruned from the traced program, so that
    D_x ∂L/∂u_xx does not ask for u_t. The user's function runs once a precision; afterwards its
    program does.
    """

    space: JetSpace
    function: Callable[[Jet], Any]
    name: str = "function"
    _programs: dict[Any, Program] = field(default_factory=dict, repr=False)

    def __call__(self, jet: Jet) -> PyTree[Array]:
        """Evaluate at a jet that holds at least the entries in `needs`."""
        program = self._program
        values = program.run(*(jet[name] for name in program.needs))
        return jax.tree.unflatten(jax.tree.structure(program.result), values)

    @property
    def needs(self) -> tuple[str, ...]:
        """The entries that the result depends on, by canonical name, sorted."""
        if not self._programs:
            return self._program.needs
        return next(iter(self._programs.values())).needs  # the same in every precision

    @property
    def result(self) -> PyTree[jax.ShapeDtypeStruct]:
        """The shape and type of the result."""
        return self._program.result

    @property
    def constants(self) -> tuple[Any, ...]:
        """The arrays that the function captured from outside."""
        return self._program.constants

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a result that is one array."""
        return tuple(self.result.shape)

    @property
    def size(self) -> int:
        """How many numbers the result holds."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.result))

    def highest_order(self, name: str, coordinate: str) -> int:
        """Return the highest order of a derivative of a field along a coordinate, −1 for none."""
        index = self.space.coordinates.index(coordinate)
        parsed = [self.space.parse(n) for n in self.needs if not self.space.is_coordinate(n)]
        return max((e.orders[index] for e in parsed if e.field == name), default=-1)

    @property
    def _program(self) -> Program:
        precision = jnp.result_type(float)
        if precision not in self._programs:
            self._programs[precision] = self._trace()
        return self._programs[precision]

    def _trace(self) -> Program:
        try:
            with staged(), unwarned():
                names, closed, result = self._staged()
        except PinnError:
            raise
        except Exception as error:
            if (told := self._told(error)) is None:
                raise
            raise told from error
        pruned, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
        needs = tuple(n for n, u in zip(names, used, strict=True) if u)
        run = jaxpr_as_fun(ClosedJaxpr(pruned, closed.consts))
        return Program(needs, run, result, tuple(closed.consts))

    def _staged(self) -> tuple[tuple[str, ...], ClosedJaxpr, Any]:
        """Return the entries that the function reads, its program and its result."""
        # The entries are sorted, as are the leaves of a dictionary.
        names, real = self._accessed(), jnp.result_type(float)
        values = {n: jax.ShapeDtypeStruct(self.space.shape(n), real) for n in names}
        trace = jax.make_jaxpr(lambda v: self.function(Jet(self.space, v)), return_shape=True)
        return names, *trace(values)

    def _told(self, error: Exception) -> ProblemError | None:
        """Return what to say of an error in the function; None where it is the library's own."""
        where = place(error)
        if isinstance(error, TypeError | ValueError | IndexError | AttributeError):
            said = str(error).strip().splitlines() or [type(error).__name__]
            kind = FunctionError if where else ProblemError
            return kind(
                f"The {self.name} cannot be evaluated on a jet with fields {self.space.fields}: "
                f"{said[0].rstrip('.')}{where}; write it with jax.numpy for one point, with these "
                "shapes."
            )
        sentence = f"The {self.name} raises {reason(error)}{where}: mend it there."
        return FunctionError(sentence) if where else None

    def _accessed(self) -> tuple[str, ...]:
        """Return the entries that the function reads, whether they matter or not, sorted."""
        recorder = _Recorder(self.space)

        def probe(one: Array) -> PyTree[Array]:
            recorder.one = one
            return self.function(Jet(self.space, recorder))

        jax.eval_shape(probe, jax.ShapeDtypeStruct((), jnp.result_type(float)))
        return tuple(sorted(recorder.names))


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
