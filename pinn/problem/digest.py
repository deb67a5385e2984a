"""Hashes of values and of traced functions: the same in every process, different where they are.

A function's hash is that of its traced program with all its constants, never of a few of its
values: a source that two samples miss is seen. Names of variables and functions, memory addresses
and the devices in use are left out.
"""

import dataclasses
import dis
import enum
import hashlib
import re
from collections.abc import Callable, Mapping, Set
from types import CodeType, FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var

from pinn.jets import Jet, JetFunction
from pinn.precision import arithmetic, staged

# What a program's equations say beside what is computed.
_SILENT = {
    "compiler_options",
    "ctx_mesh",
    "donated_invars",
    "in_layouts",
    "in_shardings",
    "inline",
    "keep_unused",
    "mesh",
    "name",
    "out_layouts",
    "out_sharding",
    "out_shardings",
    "sharding",
}
# What bound methods, partial functions and wrappers are made of.
_INSIDE = ("__func__", "__self__", "__wrapped__", "func", "args", "keywords")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
DEEPEST = 150


def digest(*values: Any) -> str:
    """Return a hash of values: numbers, text, arrays, containers, dataclasses, functions of jets.

    A dataclass is hashed with its type and all its fields, so that a subclass differs from what it
    extends. A `JetFunction` is hashed by its traced program; any other function by its code and
    what that refers to, since what it would be called with is not known: trace it with `traced`.
    """
    running = hashlib.sha256()
    _Writer(running.update).value(values)
    return running.hexdigest()


def traced(function: Callable[..., Any], *shapes: tuple[int, ...]) -> str:
    """Return a hash of a function of real arrays of these shapes, as double precision traces it."""
    with arithmetic("float64"), staged(), jax.default_matmul_precision(None):
        arguments = [jax.ShapeDtypeStruct(shape, jnp.result_type(float)) for shape in shapes]
        program, result = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return digest(program, jax.tree.structure(result))


class _Writer:
    """Writes values as unambiguous bytes."""

    def __init__(self, write: Callable[[bytes], None]):
        self._write, self._depth, self._open = write, 0, set()

    def word(self, *words: Any) -> None:
        for word in words:
            text = str(word).encode()
            self._write(b"%d:" % len(text) + text)

    def value(self, value: Any) -> None:
        """Write anything, with what it is."""
        if id(value) in self._open or self._depth > DEEPEST:
            return self.word("again", type(value).__qualname__)
        self._open.add(id(value))
        self._depth += 1
        self._kind(value)
        self._depth -= 1
        self._open.discard(id(value))
        return None

    def _kind(self, value: Any) -> None:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self.word(type(value).__name__, repr(value))
        elif isinstance(value, np.ndarray | np.generic | jax.Array):
            self._array(value)
        elif isinstance(value, enum.Enum):
            self.word("enum", type(value).__qualname__, value.name)
        elif isinstance(value, ClosedJaxpr):
            self._program(value.jaxpr, value.consts)
        elif isinstance(value, Jaxpr):
            self._program(value, ())
        elif isinstance(value, JetFunction):
            self._jet_function(value)
        elif isinstance(value, Mapping):
            self.word("mapping", len(value))
            for key, item in sorted(value.items(), key=lambda pair: repr(pair[0])):
                self.value(key)
                self.value(item)
        elif isinstance(value, Set):
            self.word("set", *sorted(map(digest, value)))
        elif isinstance(value, tuple | list):
            self.word("sequence", len(value))
            for item in value:
                self.value(item)
        else:
            self._object(value)

    def _array(self, value: Any) -> None:
        keys = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(value) if keys else value)
        self.word("array", array.dtype, array.shape)
        self.word(hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest())

    def _object(self, value: Any) -> None:
        if isinstance(value, type):
            self.word("type", value.__module__, value.__qualname__)
        elif dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            self.word("dataclass", type(value).__qualname__, len(fields))
            for field in fields:
                self.word(field.name)
                self.value(getattr(value, field.name))
        elif callable(value):
            self._code(value)
        else:
            self.word("object", type(value).__qualname__, _ADDRESS.sub("", repr(value)))

    def _jet_function(self, function: JetFunction) -> None:
        space = function.space
        with arithmetic("float64"):
            needs = function.needs
            shapes = tuple(space.shape(name) for name in needs)
        flat = lambda *a: function(Jet(space, dict(zip(needs, a, strict=True))))  # noqa: E731
        self.word("function of a jet", *needs, traced(flat, *shapes))

    def _code(self, function: Callable[..., Any]) -> None:
        """Write a function's instructions, constants, defaults and what it closes over."""
        if not isinstance(function, FunctionType):
            inner = [getattr(function, name, None) for name in _INSIDE]
            name = getattr(function, "__qualname__", type(function).__qualname__)
            self.word("callable", getattr(function, "__module__", ""), name)
            self.value(inner)
            return
        self.word("function")
        self._instructions(function.__code__)
        self.value({n: v for n, v in reached(function).items() if not from_library(v)})

    def _instructions(self, code: CodeType) -> None:
        self.word("code", code.co_code.hex(), *code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._instructions(constant)
            else:
                self.value(constant)

    def _program(self, program: Jaxpr, constants: Any) -> None:
        """Write a traced program, its variables numbered as they come."""
        numbers: dict[Var, int] = {}

        def place(variable: Any) -> None:
            if isinstance(variable, Literal):
                self.word("literal", variable.aval)
                self.value(variable.val)
            elif type(variable).__name__ == "DropVar":
                self.word("dropped")
            else:
                self.word(numbers.setdefault(variable, len(numbers)), variable.aval)

        self.word("program", len(program.eqns))
        self.value(tuple(constants))
        for variable in (*program.constvars, *program.invars):
            place(variable)
        for equation in program.eqns:
            self.word(equation.primitive.name)
            for name, value in sorted(equation.params.items()):
                if name not in _SILENT:
                    self.word(name)
                    # A call back into Python is told by its code, as far as that tells.
                    back = name == "callback"
                    self.value(value) if back else self._parameter(value)
            for variable in (*equation.invars, "gives", *equation.outvars):
                self.word(variable) if isinstance(variable, str) else place(variable)
        for variable in program.outvars:
            place(variable)

    def _parameter(self, value: Any) -> None:
        """Write a parameter of a primitive; rules of differentiation are functions without hash."""
        if isinstance(value, tuple | list):
            self.word("sequence", len(value))
            for item in value:
                self._parameter(item)
        elif callable(value) and not isinstance(value, type | ClosedJaxpr | Jaxpr):
            self.word("rule")
        else:
            self.value(value)


def reached(function: FunctionType) -> dict[str, Any]:
    """Return what a function refers to by name: its closure, the globals it reads, its defaults."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    known = function.__globals__
    found = {name: cell.cell_contents for name, cell in cells if _filled(cell)}
    found |= {name: known[name] for name in sorted(_globals(function.__code__)) if name in known}
    defaults = {f"default {i}": value for i, value in enumerate(function.__defaults__ or ())}
    return {**found, **defaults, **(function.__kwdefaults__ or {})}


def _globals(code: CodeType) -> set[str]:
    """Return the names of globals that instructions read; an attribute `j.t` is no global `t`."""
    reads = ("LOAD_GLOBAL", "LOAD_NAME")
    found = {i.argval for i in dis.get_instructions(code) if i.opname in reads}
    return found.union(*(_globals(c) for c in code.co_consts if isinstance(c, CodeType)))


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def from_library(value: Any) -> bool:
    """Tell whether a value is no data of a problem: a module, or a function of a library."""
    home = getattr(value, "__module__", None) or type(value).__module__
    library = str(home).partition(".")[0] in ("jax", "jaxlib", "numpy", "scipy", "math", "pinn")
    return type(value).__name__ == "module" or (library and callable(value))
