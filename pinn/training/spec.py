"""Recipes as plain data, for checkpoints: parts of the library by name, others by path."""

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

from pinn.errors import CheckpointError, PinnError, RecipeError, reason
from pinn.fitting import fit
from pinn.networks.mlp import Network
from pinn.networks.module import Module
from pinn.networks.separable import Separable
from pinn.training.conservation import Augmented, Exact, Penalty
from pinn.training.first_order import Optax
from pinn.training.gauss_newton import GaussNewton
from pinn.training.own_rows import Rows
from pinn.training.recipe import Recipe
from pinn.training.windows import Adaptive, Controlled, Joint, Uniform

_ALL = (
    Recipe,
    Network,
    Separable,
    Module,
    GaussNewton,
    Optax,
    Adaptive,
    Controlled,
    Joint,
    Uniform,
)
_KINDS = {kind.__name__: kind for kind in (*_ALL, Penalty, Augmented, Exact, Rows)}
CARRIED = "problem.py"
"""What stands for the module of the problem's own file, which a run carries."""


def to_spec(choice: Any, carried: str = "") -> Any:
    """Return a recipe or a part of one as dictionaries, lists, strings and numbers.

    A part that is not the library's own is stored by its import path and the values of its fields,
    a function or class by its path.

    Args:
        choice: the recipe, or a part.
        carried: the module of the problem's own file, which is saved with the solver.

    Raises:
        RecipeError: a part cannot be found again by a path, or has fields that are no plain data.
    """
    if choice is None or isinstance(choice, bool | int | float | str):
        return choice
    if hasattr(choice, "init") and hasattr(choice, "update"):
        raise RecipeError(
            "The recipe holds an Optax transformation, whose functions a saved solver could not "
            "find again: name it with its options, as in step=pinn.Optax('optax.adam', "
            "{'learning_rate': 1e-3})."
        )
    if isinstance(choice, tuple | list):
        return [to_spec(item, carried) for item in choice]
    if isinstance(choice, Mapping):
        return {str(name): to_spec(item, carried) for name, item in choice.items()}
    if isinstance(choice, FunctionType | type):
        return {"kind": "path", "path": _path(choice, carried)}
    if not dataclasses.is_dataclass(choice):
        raise RecipeError(
            f"The recipe holds {_named(choice)}, which cannot be saved: make its class a dataclass "
            "of numbers, text and such, at the top level of a module."
        )
    kind = type(choice)
    values = {
        field.name: to_spec(getattr(choice, field.name), carried)
        for field in dataclasses.fields(choice)
        if field.init
    }
    if _KINDS.get(kind.__name__) is kind:
        return {"kind": kind.__name__, **values}
    return {"kind": "own", "path": _path(kind, carried), "values": values}


def check_saveable(recipe: Recipe, carried: str = "") -> None:
    """Refuse a recipe that could be trained with but not saved, before the training is done.

    Raises:
        RecipeError: a part of it cannot be found again from another process.
    """
    to_spec(recipe, carried)


def from_spec(spec: Any, trust: bool = False, carried: ModuleType | None = None) -> Any:
    """Rebuild what `to_spec` described.

    Args:
        spec: plain data.
        trust: allow importing parts that are not the library's own.
        carried: the module of the problem's own file.

    Raises:
        CheckpointError: it names what this version does not have, what cannot be imported, or what
            does not fit; or it needs trust that is not given.
    """
    if isinstance(spec, list):
        return tuple(from_spec(item, trust, carried) for item in spec)
    if not isinstance(spec, Mapping) or "kind" not in spec:
        plain = isinstance(spec, Mapping)
        return {n: from_spec(v, trust, carried) for n, v in spec.items()} if plain else spec
    if spec["kind"] in ("own", "path"):
        return _own(spec, trust, carried)
    kind = _KINDS.get(spec["kind"]) if isinstance(spec["kind"], str) else None
    if kind is None:
        raise CheckpointError(
            f"The recipe uses {spec['kind']!r}, which this version of pinn does not know: load it "
            "with the version that saved it."
        )
    given = {n: from_spec(value, trust, carried) for n, value in spec.items() if n != "kind"}
    return _built(kind, given)


def own_parts(spec: Any) -> Iterator[str]:
    """Return the import paths of the parts that are not the library's own."""
    if isinstance(spec, Mapping):
        if spec.get("kind") in ("own", "path"):
            yield str(spec.get("path"))
        spec = list(spec.values())
    if isinstance(spec, list):
        for item in spec:
            yield from own_parts(item)


def _built(kind: Any, given: Mapping[str, Any]) -> Any:
    """Build one of the library's parts from values of the types that its fields have."""
    hints = get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    if strange := [name for name in given if name not in known]:
        raise CheckpointError(
            f"The recipe gives {kind.__name__} a {strange[0]!r}, which this version of pinn does "
            "not know: load it with the version that saved it."
        )
    values = {}
    for name, value in given.items():
        try:
            # Of a recipe, what is left open is None whatever its type.
            values[name] = (
                value if value is None and kind is Recipe else _fitted(value, hints[name])
            )
        except ValueError:
            raise CheckpointError(
                f"The recipe gives {kind.__name__} {name}={value!r:.40}, expected {hints[name]}: "
                "the spec was edited or is damaged."
            ) from None
    try:
        return kind(**values)
    except Exception as error:
        said = str(error) if isinstance(error, PinnError) else f"{reason(error)}."
        raise CheckpointError(f"The recipe cannot be rebuilt: {said}") from error


def _fitted(value: Any, hint: Any) -> Any:
    """Return a value of the annotated type; what is not plain is checked by its class alone."""
    origin = getattr(hint, "__origin__", hint)
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return value if isinstance(value, Mapping) else fit(value, int | None)
    return fit(value, hint)


def _own(spec: Mapping[str, Any], trust: bool, carried: ModuleType | None) -> Any:
    path = spec.get("path")
    if not trust:
        raise CheckpointError(
            f"The recipe uses {path!r}, which is not this library's own: look at it, then pass "
            "trust=True to import it."
        )
    found = _found(path, carried)
    if spec["kind"] == "path":
        return found
    values = from_spec(spec.get("values"), trust, carried)
    try:
        return found(**values)
    except Exception as error:
        raise CheckpointError(
            f"The recipe's {path!r} cannot be built with {values!r:.80} ({error}): it has changed "
            "since the solver was saved."
        ) from error


def _found(path: Any, carried: ModuleType | None) -> Any:
    home, _, name = str(path).partition(":")
    try:
        found = carried if home == CARRIED else importlib.import_module(home)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise CheckpointError(
            f"The recipe's {path!r} cannot be imported ({type(error).__name__}: {error}): put its "
            "module where Python finds it."
        ) from error
    return found


def _path(thing: FunctionType | type, carried: str) -> str:
    """Return `module:name`, after trying that it leads to the thing.

    Raises:
        RecipeError: it does not, as for a lambda or what is defined inside a function.
    """
    home, name = thing.__module__, thing.__qualname__
    if home == carried:
        return f"{CARRIED}:{name}"
    if home == "__main__" or "<" in name:
        raise RecipeError(
            f"The recipe holds {_named(thing)}, which a saved solver could not find again: define "
            "it at the top level of a module that can be imported, or of the problem's own file."
        )
    return f"{home}:{name}"


def _named(thing: Any) -> str:
    """Return what to call a part, with where it is defined."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    code = getattr(thing, "__code__", None)
    where = f" (file {code.co_filename!r}, line {code.co_firstlineno})" if code else ""
    return f"{named.__module__}.{named.__qualname__}{where}"
