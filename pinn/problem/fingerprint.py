"""A hash of everything that a problem's solution depends on."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import singledispatchmethod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from pinn.errors import PinnError
from pinn.jets import Jet, JetFunction
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value


class Untraceable(PinnError):
    """A function of a problem calls back into Python, where no hash can follow it."""


def fingerprint(problem: Problem) -> str:
    """Return a hash of a problem's equation, axes, fields, initial data and conditions.

    Functions enter as what they compute: their traced programs, with the bytes of every constant
    that they have captured. Names, claims and closed forms do not enter.

    Raises:
        Untraceable: a function calls back into Python.
    """
    digest = Digest()
    with arithmetic("float64"):
        digest.add("axes", dict(problem.axes))
        digest.add("fields", dict(problem.fields))
        digest.add("equation", _on_jets(problem.dynamics.residual))
        for name, value in sorted(problem.initial_state.items()):
            given = _traced(value, problem.extent) if callable(value) else np.asarray(value)
            digest.add(f"initial {name}", given)
        for condition in problem.boundary:
            digest.add("condition", condition)
            digest.add("left side", _on_jets(condition.operator(problem.space)))
            for end in condition.ends:
                demanded = face_value(problem.space, tuple(problem.axes), condition, end)
                others = [c for c in problem.axes if c != condition.axis]
                digest.add(f"right side {end}", _traced(demanded, others))
    return digest.hexdigest()


def _on_jets(function: JetFunction) -> ClosedJaxpr:
    space = function.space
    shapes = {n: jax.ShapeDtypeStruct(space.shape(n), float) for n in function.needs}
    return jax.make_jaxpr(lambda values: function(Jet(space, values)))(shapes)


def _traced(function: Callable[..., Any], coordinates: Iterable[str]) -> ClosedJaxpr:
    scalar = jax.ShapeDtypeStruct((), jnp.result_type(float))
    return jax.make_jaxpr(function)(*(scalar for _ in coordinates))


class Digest:
    """A hash that values, arrays, dataclasses and traced programs are added to by label."""

    def __init__(self):
        self._hash = hashlib.sha256()

    def hexdigest(self) -> str:
        """Return the hash of all that was added."""
        return self._hash.hexdigest()

    def add(self, label: str, value: Any) -> None:
        """Add a value under a label."""
        self._write(label)
        self._value(value)

    def _write(self, *words: Any) -> None:
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            self._hash.update(len(data).to_bytes(8) + data)

    @singledispatchmethod
    def _value(self, value: Any) -> None:
        """Add by kind; an object without a stable form by its type, a function not at all.

        What functions compute enters through their traced programs.
        """
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            self._write(type(value).__module__, type(value).__qualname__)
            for field in dataclasses.fields(value):
                self.add(field.name, getattr(value, field.name))
        elif hasattr(value, "__array__"):
            self._array(np.asarray(value))
        elif callable(value):
            self._write("function")
        else:
            text = repr(value)
            self._write(type(value).__qualname__, "" if " at 0x" in text else text)

    def _array(self, array: np.ndarray) -> None:
        self._write("array", array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())

    @_value.register(str)
    @_value.register(bytes)
    @_value.register(int)
    @_value.register(float)
    @_value.register(complex)
    def _(self, value: Any) -> None:
        self._write(type(value).__qualname__, value if isinstance(value, bytes) else repr(value))

    @_value.register(tuple)
    @_value.register(list)
    def _(self, values: Any) -> None:
        self._write("sequence", len(values))
        for value in values:
            self._value(value)

    @_value.register(Mapping)
    def _(self, values: Mapping) -> None:
        self._write("mapping", len(values))
        for name in sorted(values, key=str):
            self.add(str(name), values[name])

    @_value.register(Jaxpr)
    @_value.register(ClosedJaxpr)
    def _(self, program: Jaxpr | ClosedJaxpr) -> None:
        """Add a program and its constants, with its variables numbered, whose names mean nothing.

        In some releases of JAX both classes are one.
        """
        self._value([np.asarray(constant) for constant in getattr(program, "consts", ())])
        jaxpr = getattr(program, "jaxpr", program)
        numbers: dict[Any, int] = {}
        number = lambda v: numbers.setdefault(v, len(numbers))  # noqa: E731
        for variable in (*jaxpr.constvars, *jaxpr.invars):
            self._write("input", number(variable), variable.aval)
        for equation in jaxpr.eqns:
            if "callback" in equation.primitive.name:
                raise Untraceable("A function of the problem calls back into Python.")
            self._write("equation", equation.primitive.name)
            self._value(dict(equation.params))
            for read in equation.invars:
                self._atom(read, number)
            for written in equation.outvars:
                self._write("output", number(written), written.aval)
        for read in jaxpr.outvars:
            self._atom(read, number)

    def _atom(self, atom: Any, number: Callable[[Any], int]) -> None:
        if isinstance(atom, Literal):
            self._write("literal")
            self._array(np.asarray(atom.val))
        else:
            self._write("variable", number(atom))
