"""What the spec of a saved solver must look like, checked before anything is built from it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, get_type_hints

from pinn.errors import CheckpointError
from pinn.training.march import Record
from pinn.training.windows import Attempt

Check = Callable[[Any, str], None]
DEEPEST, LARGEST = 16, 2**40
KINDS = ("catalogue", "package", "file")
NUMBERS = ("bool", "float64", "float32", "int64", "int32", "int16", "int8")
TYPES = (*NUMBERS, "uint64", "uint32", "uint16", "uint8", "bfloat16", "float16")


def check_spec(spec: Any) -> None:
    """Refuse a spec that `describe` could not have written.

    Raises:
        CheckpointError: where it differs, what is there, and what was expected.
    """
    _check_depth(spec)
    SPEC(spec, "spec.json")


def _refuse(where: str, value: Any, expected: str) -> None:
    raise CheckpointError(
        f"The solver is damaged: {where} is {value!r:.60}, expected {expected}; restore the folder "
        "or save it again."
    )


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        inner = [list(v.values()) if isinstance(v, Mapping) else v for v in level]
        level = [item for v in inner if isinstance(v, list) for item in v]
    if level:
        _refuse("spec.json", level[0], f"at most {DEEPEST} levels of nesting")


def _whole(least: int = 0, most: int = LARGEST) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not int or not least <= value <= most:
            _refuse(where, value, f"a whole number from {least} to {most}")

    return check


def _number(value: Any, where: str) -> None:
    if type(value) not in (int, float) or (abs(value) > 1e308 and not math.isinf(value)):
        _refuse(where, value, "a number")


def _finite(value: Any, where: str) -> None:
    _number(value, where)
    if not math.isfinite(value):
        _refuse(where, value, "a finite number")


def _between(low: float, high: float) -> Check:
    def check(value: Any, where: str) -> None:
        _finite(value, where)
        if not low < value < high:
            _refuse(where, value, f"a number between {low:g} and {high:g}")

    return check


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        _refuse(where, value, "text")


def _name(value: Any, where: str) -> None:
    if not isinstance(value, str) or not value.isidentifier():
        _refuse(where, value, "a name")


def _truth(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        _refuse(where, value, "true or false")


def _anything(value: Any, where: str) -> None:
    """Take any plain data, which what is built from it checks."""


def _one_of(*known: Any) -> Check:
    def check(value: Any, where: str) -> None:
        if not any(value == one and type(value) is type(one) for one in known):
            _refuse(where, value, "one of " + ", ".join(map(str, known)))

    return check


def _optional(inner: Check) -> Check:
    return lambda value, where: None if value is None else inner(value, where)


def _list(inner: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            _refuse(where, value, "a list")
        for index, item in enumerate(value):
            inner(item, f"{where}[{index}]")

    return check


def _mapping(inner: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            _refuse(where, value, "an object")
        for name, item in value.items():
            inner(item, f"{where}.{name}")

    return check


def _record(**inner: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping) or {*value} != {*inner}:
            names = [*value] if isinstance(value, Mapping) else value
            _refuse(where, names, "an object with " + ", ".join(inner))
        for name, part in inner.items():
            part(value[name], f"{where}.{name}")

    return check


def _arrays(value: Any, where: str) -> None:
    """Check a tree of arrays, each by its shape and type."""
    if isinstance(value, Mapping) and set(value) == {"shape", "dtype"}:
        _list(_whole())(value["shape"], f"{where}.shape")
        _one_of(*TYPES)(value["dtype"], f"{where}.dtype")
        if math.prod(value["shape"]) > LARGEST:
            _refuse(f"{where}.shape", value["shape"], "fewer numbers")
        return
    _mapping(_arrays)(value, where)


def _recipe(value: Any, where: str) -> None:
    if not isinstance(value, Mapping) or value.get("kind") != "Recipe":
        _refuse(where, value, "an object of kind Recipe")


def _dataclass(kind: Any) -> Check:
    """Return the check of a dataclass's fields as an object; those with defaults may be missing."""
    plain = {float: _number, int: _whole(), str: _text, bool: _truth}
    hints = get_type_hints(kind)
    fields = kind.__dataclass_fields__
    inner = {name: plain.get(hints[name], _anything) for name in fields}
    needed = {n for n, f in fields.items() if MISSING is f.default is f.default_factory}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping) or not needed <= {*value} <= {*inner}:
            names = [*value] if isinstance(value, Mapping) else value
            _refuse(where, names, "an object with " + ", ".join(inner))
        for name, item in value.items():
            inner[name](item, f"{where}.{name}")

    return check


def _smoothness(value: Any, where: str) -> None:
    kinds = {"spline": _whole(1, 9), "decay": _between(1.0, 100.0)}
    if not (isinstance(value, list) and len(value) == 2 and value[0] in [*kinds]):
        _refuse(where, value, "a kind of smoothness and its number")
    kinds[value[0]](value[1], where)


_PROBLEM = _record(
    kind=_one_of(*KINDS),
    factory=_name,
    parameters=_mapping(_anything),
    values=_mapping(_anything),
    statement=_mapping(_text),
    samples=_mapping(_list(_number)),
    mirrors=_optional(_mapping(_mapping(_one_of(-1, 1)))),
    bandwidth=_optional(_number),
)
_POSTERIOR = _record(
    z=_list(_finite),
    factor=_list(_list(_finite)),
    loss=_finite,
    chi_squared=_finite,
    effective=_finite,
    noise=_mapping(_finite),
    scales=_mapping(_finite),
    evaluations=_whole(),
    left=_number,
    converged=_truth,
    smoothness=_mapping(_smoothness),
    exponential=_truth,
)
SPEC = _record(
    format=_whole(1),
    problem=_PROBLEM,
    recipe=_recipe,
    seed=_whole(-LARGEST),
    seconds=_mapping(_finite),
    versions=_mapping(_text),
    device=_text,
    scores=_mapping(_anything),
    complete=_truth,
    next_length=_finite,
    steps=_whole(),
    records=_list(_dataclass(Record)),
    attempts=_list(_dataclass(Attempt)),
    posterior=_optional(_POSTERIOR),
    open=_truth,
    witness=_record(points=_list(_list(_finite)), values=_mapping(_list(_number))),
    arrays=_mapping(_arrays),
)
