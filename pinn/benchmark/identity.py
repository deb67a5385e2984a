"""What makes one measurement the same as another: the content of its configuration, hashed."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pinn.errors import ProblemError

PRESENTATION = {"identity": False}
"""The metadata of a dataclass field that says how a thing is shown, not what it is."""


def content(value: Any) -> Any:
    """Return a value as JSON knows it; of a dataclass, its name and what differs from the defaults.

    A field that a later version adds, with a default, thus leaves the content of old values alone.

    Raises:
        ProblemError: the value holds something that JSON does not know.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        stated = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if _counts(f)}
        usual = {f.name: _default(f) for f in dataclasses.fields(value)}
        chosen = {n: content(v) for n, v in stated.items() if not _same(v, usual[n])}
        return {"kind": type(value).__name__, **chosen}
    if isinstance(value, Mapping):
        return {str(key): content(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [content(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ProblemError(
        f"A study cannot hold {value!r} of type {type(value).__name__}: its configuration must be "
        "numbers, words, tuples, dictionaries and frozen dataclasses of them."
    )


def _counts(field: dataclasses.Field) -> bool:
    return field.metadata.get("identity", True)


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and content(value) == content(default)


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys in order, no spaces."""
    return json.dumps(
        content(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=True
    )


def key_of(value: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
