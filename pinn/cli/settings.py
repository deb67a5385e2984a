"""Values of a problem's parameters from `--set name=value`, of the type that its factory states."""

import ast
import inspect
import math
from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pinn.errors import ProblemError
from pinn.fitting import fit

_WORDS = {"true": True, "false": False, "none": None, "inf": math.inf, "-inf": -math.inf}


def read_settings(name: str, function: Callable, settings: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that `name=value` words give, converted to the types of a function.

    A parameter that the function does not have is passed on as text, for the function to refuse.

    Raises:
        ProblemError: a word is not of that form, a parameter comes twice, or a value does not fit.
    """
    known = _signature(function).parameters
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not key or not equals:
            raise ProblemError(f"--set takes NAME=VALUE, as in --set end=5, got {setting!r}.")
        if key in values:
            raise ProblemError(f"--set gives {key!r} twice: leave one of them out.")
        values[key] = _read(text, known[key], name) if key in known else text
    return values


def _signature(function: Callable) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except Exception:  # an annotation may name what exists for type checkers only
        return inspect.signature(function)


def _read(text: str, parameter: inspect.Parameter, name: str) -> Any:
    kind = _kind(parameter)
    for value in (_literal(text), text):
        try:
            return fit(value, kind)
        except ValueError:
            continue
    example = "" if parameter.default is parameter.empty else f": for example {_example(parameter)}"
    raise ProblemError(
        f"The parameter {parameter.name!r} of {name!r} takes {_describe(kind)}, got "
        f"{text!r}{example}."
    )


def _kind(parameter: inspect.Parameter) -> Any:
    """Return the annotated type, else the default's, where any number may stand for a number."""
    if parameter.annotation is not parameter.empty and not isinstance(parameter.annotation, str):
        return parameter.annotation
    if parameter.default is parameter.empty or parameter.default is None:
        return object
    kind = type(parameter.default)
    return int | float if kind in (int, float) else kind


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError):
        return _WORDS.get(text.strip().lower(), text)


def _example(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}={parameter.default}"
    return f'--set "{text}"' if set(text) & set(" ()[]*?'") else f"--set {text}"


def _describe(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_describe(one) for one in get_args(kind))
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return names.get(kind) or ("none" if kind in (None, NoneType) else _items(kind))


def _items(kind: Any) -> str:
    kinds = get_args(kind)
    if get_origin(kind) is tuple and kinds[1:] != (...,):
        return f"{len(kinds)} values, {kind}"
    return f"a {kind.__name__}" if isinstance(kind, type) and not kinds else f"a {kind}"
