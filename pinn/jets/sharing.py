"""Common subexpressions, found before differentiation instead of by the compiler after it."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

_COMMUTATIVE = ("add", "add_any", "mul")


def shared(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return `function(*arguments)`, with equal subexpressions computed once.

    Nested forward mode writes the rate of a value as often as it is nested. The compiler merges the
    copies of a value, but not the cotangents of copies, Wᵀa + Wᵀb, which reverse mode makes of
    them: they are merged here, so that a reverse pass through n lifts costs n + 1 products with
    each weight instead of up to 2ⁿ. The results do not change, since a + b = b + a to the last bit.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    program = ClosedJaxpr(_merged(closed.jaxpr), closed.consts)
    values = jaxpr_as_fun(program)(*jax.tree.leaves(arguments))
    return jax.tree.unflatten(jax.tree.structure(shape), values)


def _merged(jaxpr: Jaxpr) -> Jaxpr:
    reads = {id(v) for v in (*jaxpr.outvars, *(v for e in jaxpr.eqns for v in e.invars))}
    same: dict[Any, Any] = {}
    seen: dict[Hashable, JaxprEqn] = {}
    kept = []
    current = lambda v: v if isinstance(v, Literal) else same.get(v, v)  # noqa: E731
    for equation in jaxpr.eqns:
        equation = equation.replace(invars=[current(v) for v in equation.invars])
        key = _key(equation)
        # An output that nobody reads has no name that another equation could take over.
        named = all(id(v) in reads for v in equation.outvars)
        if key is None or not named or key not in seen:
            kept.append(equation)
            if key is not None and named:
                seen[key] = equation
        else:
            same.update(zip(equation.outvars, seen[key].outvars, strict=True))
    return jaxpr.replace(eqns=kept, outvars=[current(v) for v in jaxpr.outvars])


def _key(equation: JaxprEqn) -> Hashable | None:
    """Return what an equation computes, or nothing where that cannot be compared."""
    inputs = [_name(v) for v in equation.invars]
    if equation.primitive.name in _COMMUTATIVE:
        inputs.sort()
    key = (equation.primitive, tuple(inputs), tuple(sorted(equation.params.items())))
    try:
        hash(key)
    except TypeError:
        return None
    return None if equation.effects else key


def _name(variable: Any) -> tuple[str, bytes]:
    if isinstance(variable, Literal):
        return str(variable.aval), np.asarray(variable.val).tobytes()
    return str(id(variable)), b""
