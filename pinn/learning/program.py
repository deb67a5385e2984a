"""A model's call as a list of equations, cut into layers where a single array carries everything.

A module that was not prepared for it is followed by naming the input of every module call
(`jax.ad_checkpoint.checkpoint_name`, an identity), on a copy of the model, and by reading the
names from the traced program: no code of the model is copied, and nothing is set in its classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun
from jaxtyping import Array

from pinn.learning.arguments import check_module, one_array, uncallable

_PREFIX = "pinn.learning:"
_INLINED = ("jit", "pjit", "closed_call")


@dataclass(frozen=True, eq=False)
class Call:
    """A module call that the program shows.

    Args:
        path: the module's path in the model, as in `layers/0`.
        module: the module of the original model.
        source: the variable that it was called with.
        inner: whether it is a part of a layer that Flax provides, as the query of an attention.
    """

    path: str
    module: nnx.Module
    source: Any
    inner: bool


@dataclass(frozen=True, eq=False)
class Program:
    """The equations of one call `model(inputs)`.

    Args:
        equations: in the order of evaluation, calls of compiled functions inlined.
        values: the known variables: constants, parameters and all other state.
        parameters: the variables that are parameters, with their paths.
        source: the variable of the inputs.
        target: the variable of the outputs.
        calls: the module calls, in order.
        template: the program as it was traced.
    """

    equations: Sequence[JaxprEqn]
    values: dict[Any, Array]
    parameters: dict[Any, tuple]
    source: Any
    target: Any
    calls: Sequence[Call]
    template: Jaxpr

    @cached_property
    def states(self) -> tuple[tuple[Any, str], ...]:
        """The arrays through which all dependence on the inputs passes, each with a layer's name.

        They are the inputs, the input of every module call that is such an array, and the outputs;
        the name is that of the outermost module called with it, or its part of the program.
        """
        found = {self.source}
        for call in self.calls:
            if call.inner or call.source is self.target:
                continue
            if self._carries_all(call.source):
                found.add(call.source)
        ordered = sorted(found, key=self._order.__getitem__)
        if len(ordered) > 1 and self._name_of(self.source) == "model":
            ordered.pop(1)  # what comes before the first module is part of its layer
        named = [(state, self._name_of(state)) for state in ordered]
        return (*named, (self.target, "output"))

    def _name_of(self, state: Any) -> str:
        paths = [c.path for c in self.calls if c.source is state and c.path]
        return min(paths, key=lambda p: (p.count("/"), len(p))) if paths else "model"

    @cached_property
    def _order(self) -> dict[Any, int]:
        order = dict.fromkeys(self.values, -1) | {self.source: -1}
        for place, equation in enumerate(self.equations):
            order |= dict.fromkeys(equation.outvars, place)
        return order

    def _carries_all(self, state: Any) -> bool:
        """Return whether the outputs depend on the inputs through this variable alone."""
        past = self._reached(blocked=state)
        return self.target not in past and state in self._reached(blocked=None)

    def _reached(self, blocked: Any) -> set[Any]:
        """Return the variables that depend on the inputs other than through one."""
        live = {self.source} - {blocked}
        for equation in self.equations:
            if any(v in live for v in equation.invars if not isinstance(v, Literal)):
                live |= {v for v in equation.outvars if v is not blocked}
        return live

    @cached_property
    def precision(self) -> np.dtype:
        """The coarsest real type on the way from the inputs to the outputs, parameters included."""
        reached, whole = self._reached(blocked=None), self.between(self.source, [self.target])
        passed = {v for e in whole.equations for v in e.outvars if v in reached}
        passed |= {v for v in self.parameters if v in whole.values}
        kinds = {
            np.dtype(getattr(v.aval, "dtype", bool)) for v in passed | {self.source, self.target}
        }
        real = [k for k in kinds if jnp.issubdtype(k, jnp.floating)]
        return max(real, key=lambda k: float(jnp.finfo(k).eps))

    @property
    def epsilon(self) -> float:
        """The round-off of that type."""
        return float(jnp.finfo(self.precision).eps)

    def between(self, start: Any, stops: Sequence[Any]) -> "Part":
        """Return the part of the program from one variable to others."""
        wanted, needed = set(stops), []
        for equation in reversed(self.equations):
            if any(v in wanted and v is not start for v in equation.outvars):
                needed.append(equation)
                wanted |= {v for v in equation.invars if not isinstance(v, Literal)}
        needed.reverse()
        used = {v: self.values[v] for v in self.values if v in wanted}
        return Part(needed, used, start, tuple(stops), self.template)


@dataclass(frozen=True, eq=False)
class Part:
    """A function of one array and of parameters, as equations.

    Args:
        equations: in order.
        values: the known variables that they read.
        start: the variable of the array.
        stops: the variables that are returned.
        template: a traced program, whose equations are replaced.
    """

    equations: Sequence[JaxprEqn]
    values: dict[Any, Array]
    start: Any
    stops: tuple[Any, ...]
    template: Jaxpr

    def __call__(self, state: Array, parameters: dict[Any, Array]) -> tuple[Array, ...]:
        """Return the arrays at the stops."""
        known = {self.start: state} | self.values | parameters | {self.start: state}
        return tuple(_run(self.template, self.equations, known, self.stops))

    @cached_property
    def compiled(self) -> Callable[[Array], tuple[Array, ...]]:
        """The function of the array alone."""
        return jax.jit(lambda state: self(state, {}))

    def pushing(self, moving: tuple[Any, ...]) -> Callable[..., tuple[Array, ...]]:
        """Return the compiled map from rates of the array and of some parameters to the results'.

        Args:
            moving: the variables of those parameters.
        """
        if moving not in self._pushing:

            def one(state: Array, own: list, move: Array, rates: list) -> Any:
                function = lambda s, p: self(s, dict(zip(moving, p, strict=True)))  # noqa: E731
                return jax.jvp(function, (state, own), (move, rates))[1]

            self._pushing[moving] = jax.jit(jax.vmap(one, in_axes=(None, None, 0, 0)))
        return self._pushing[moving]

    @cached_property
    def _pushing(self) -> dict[tuple, Callable[..., tuple[Array, ...]]]:
        return {}


def _run(template: Jaxpr, equations: Sequence[JaxprEqn], known: dict, stops: Sequence) -> list:
    inputs, outputs = list(known), list(stops)
    told = template.debug_info._replace(
        arg_names=("",) * len(inputs), result_paths=("",) * len(outputs)
    )
    program = template.replace(
        constvars=[], invars=inputs, outvars=outputs, eqns=list(equations), debug_info=told
    )
    return jaxpr_as_fun(ClosedJaxpr(program, ()))(*known.values())


def _inlined(closed: ClosedJaxpr, arguments: Sequence[Any]) -> list[Any]:
    """Evaluate a program, with the bodies of compiled functions in place of their calls."""
    jaxpr = closed.jaxpr
    known = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    known |= zip(jaxpr.invars, arguments, strict=True)
    read = lambda v: v.val if isinstance(v, Literal) else known[v]  # noqa: E731
    for equation in jaxpr.eqns:
        values = [read(v) for v in equation.invars]
        inner = equation.params.get("jaxpr")
        if equation.primitive.name in _INLINED and isinstance(inner, ClosedJaxpr):
            results = _inlined(inner, values)
        else:
            seen = {v: read(v) for v in equation.invars if not isinstance(v, Literal)}
            results = _run(jaxpr, [equation], seen, equation.outvars)
        known |= zip(equation.outvars, results, strict=True)
    return [read(v) for v in jaxpr.outvars]


def trace(model: nnx.Module, inputs: Array) -> Program:
    """Return the equations of `model(inputs)`; the model itself is left as it is.

    Raises:
        LearningError: it is no module, cannot be called with one array, or does not return one.
    """
    check_module(model)
    modules = {"/".join(map(str, p)): m for p, m in nnx.iter_modules(model)}
    graph, learned, rest = nnx.split(model, nnx.Param, ...)

    def run(learned: Any, rest: Any, x: Array) -> Any:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return _named(nnx.merge(graph, learned, rest))(x)

    try:
        closed, shape = jax.make_jaxpr(run, return_shape=True)(learned, rest, inputs)
    except (TypeError, ValueError, IndexError) as error:
        raise uncallable(model, inputs, error) from error
    one_array(model, shape)
    inline = lambda *leaves: _inlined(closed, leaves)  # noqa: E731
    leaves = jax.tree.leaves((learned, rest, inputs))
    flat = jax.make_jaxpr(inline)(*leaves)
    return _program(flat, leaves, _paths(learned), modules)


def _paths(learned: nnx.State) -> list[tuple]:
    return [path for path, _ in nnx.to_flat_state(learned)]


def _program(flat: Any, leaves: list, paths: list, modules: dict[str, nnx.Module]) -> Program:
    """Drop the names from the traced equations, and keep what they named."""
    same: dict[Any, Any] = {}
    calls, equations = [], []
    current = lambda v: v if isinstance(v, Literal) else same.get(v, v)  # noqa: E731
    for equation in flat.jaxpr.eqns:
        label = str(equation.params.get("name", ""))
        equation = equation.replace(invars=[current(v) for v in equation.invars])
        if label.startswith(_PREFIX):
            path = label.removeprefix(_PREFIX)
            calls.append(Call(path, modules[path], equation.invars[0], _inner(path, modules)))
            same[equation.outvars[0]] = equation.invars[0]
        else:
            equations.append(equation)
    values = dict(zip(flat.jaxpr.constvars, flat.consts, strict=True))
    values |= zip(flat.jaxpr.invars[:-1], leaves[:-1], strict=True)
    learned = dict(zip(flat.jaxpr.invars[: len(paths)], paths, strict=True))
    source, target = flat.jaxpr.invars[-1], current(flat.jaxpr.outvars[0])
    return Program(equations, values, learned, source, target, calls, flat.jaxpr)


def _inner(path: str, modules: dict[str, nnx.Module]) -> bool:
    parts = path.split("/") if path else []
    above = [modules.get("/".join(parts[:count])) for count in range(len(parts))]
    return any(type(m).__module__.startswith("flax.nnx.nn.") for m in above)


def _named(model: nnx.Module) -> nnx.Module:
    """Let every module of a fresh copy name the array that it is called with."""
    for path, module in nnx.iter_modules(model):
        if callable(module):
            kind = _naming(type(module), _PREFIX + "/".join(map(str, path)))
            object.__setattr__(module, "__class__", kind)
    return model


def _naming(kind: type, label: str) -> type:
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        if arguments and isinstance(arguments[0], jax.Array):
            arguments = (checkpoint_name(arguments[0], label), *arguments[1:])
        return kind.__call__(self, *arguments, **options)

    return type(kind.__name__, (kind,), {"__call__": call})
