"""Measured numbers, as arrays and in files of comma-separated values."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from pinn.errors import ProblemError
from pinn.problem.functions import is_traced, traced_sentence


def read_table(path: Path) -> dict[str, Float[np.ndarray, " rows"]]:
    """Return the columns of a file whose first line names them; an empty cell is NaN.

    Blank lines, and those that begin with `#`, are left out.

    Raises:
        ProblemError: there is no such file, a cell is not a number, or a name is missing or twice.
    """
    rows = _rows(path)
    if len(rows) < 2:
        raise ProblemError(
            f"The data file {str(path)!r} holds no rows: its first line names the columns, the "
            "others hold numbers."
        )
    names = [name.strip() for name in rows[0][1]]
    for index, name in enumerate(names):
        if not name:
            raise ProblemError(f"In the data file {str(path)!r} column {index + 1} has no name.")
        if name in names[:index]:
            raise ProblemError(
                f"The data file {str(path)!r} names the column {name!r} twice: rename one."
            )
    if all(_number(name) is not None for name in names):
        raise ProblemError(
            f"The first line of the data file {str(path)!r} holds numbers, expected the names of "
            "the columns."
        )
    return {name: _column(path, name, rows, index) for index, name in enumerate(names)}


def numbers(value: Any, name: str) -> Float[np.ndarray, "rows ..."]:
    """Return measured values as an array in double precision, masked ones as NaN.

    Raises:
        ProblemError: they are traced, not real numbers, or infinite.
    """
    if is_traced(value):
        raise ProblemError(traced_sentence(f"The data of {name!r}"))
    if isinstance(value, np.ma.MaskedArray):
        value = value.astype(float).filled(np.nan)
    try:
        given = np.asarray(value)
        kind = given.dtype.kind
        array = given.astype(float) if kind not in "cMm" else np.zeros(0)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"The data of {name!r} are not numbers.") from error
    if kind in "cMm":
        what = "complex numbers" if kind == "c" else "dates or durations"
        raise ProblemError(f"The data of {name!r} are {what}: give real numbers.")
    if np.any(np.isinf(array)):
        raise ProblemError(f"The data of {name!r} hold infinite numbers: use NaN for missing ones.")
    return np.atleast_1d(array)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that holds some, with the line's number."""
    if not path.is_file():
        raise ProblemError(f"There is no data file {str(path)!r}: check the path.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        kept = [(n, t) for n, t in enumerate(lines, 1) if t.strip() and not t.startswith("#")]
        cells = csv.reader((text for _, text in kept), skipinitialspace=True)
        return [(number, row) for (number, _), row in zip(kept, cells, strict=True)]
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ProblemError(
            f"The data file {str(path)!r} is not text with comma-separated values."
        ) from error


def _column(
    path: Path, name: str, rows: list[tuple[int, list[str]]], index: int
) -> Float[np.ndarray, " rows"]:
    found = []
    for line, row in rows[1:]:
        if len(row) != len(rows[0][1]):
            raise ProblemError(
                f"Line {line} of {str(path)!r} has {len(row)} cells for {len(rows[0][1])} columns."
            )
        cell = row[index].strip()
        number = _number(cell) if cell else np.nan
        if number is None:
            raise ProblemError(
                f"Line {line} of {str(path)!r} has {cell!r} for {name!r}, which is not a number."
            )
        found.append(number)
    return np.array(found)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
