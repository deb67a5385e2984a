"""Plain values as annotated types ask for them."""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin


def fit(value: Any, kind: Any) -> Any:
    """Return a value as a type asks for it; a whole number may stand for a real one.

    Args:
        value: of plain data: numbers, text, truth values, None, lists and tuples of these.
        kind: a type, or a union, a literal, a tuple or a list of types.

    Raises:
        ValueError: it does not fit.
    """
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _first_fit(value, get_args(kind))
    if origin is Literal:
        return _accept(value, value in get_args(kind))
    if kind is float:
        return float(_accept(value, isinstance(value, int | float) and not isinstance(value, bool)))
    if kind is int:
        return _accept(value, isinstance(value, int) and not isinstance(value, bool))
    if kind in (None, NoneType):
        return _accept(value, value is None)
    if (origin or kind) in (tuple, list):
        return _fit_items(value, origin or kind, get_args(kind))
    return _accept(value, kind is Any or not isinstance(kind, type) or isinstance(value, kind))


def _accept(value: Any, fits: bool) -> Any:
    if not fits:
        raise ValueError
    return value


def _first_fit(value: Any, kinds: Sequence[Any]) -> Any:
    for kind in kinds:
        try:
            return fit(value, kind)
        except ValueError:
            continue
    raise ValueError


def _fit_items(value: Any, container: type, kinds: tuple[Any, ...]) -> Any:
    items = list(_accept(value, isinstance(value, tuple | list)))
    if not kinds:
        return container(items)
    if container is list or kinds[1:] == (...,):
        kinds = (kinds[0],) * len(items)
    _accept(items, len(items) == len(kinds))
    return container(fit(item, kind) for item, kind in zip(items, kinds, strict=True))
