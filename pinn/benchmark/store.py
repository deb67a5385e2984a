"""The tidy table of a study: one row a run, as JSON lines and as Parquet."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pinn.errors import PinnError

Row = dict[str, Any]


def read_rows(path: Path) -> dict[str, Row]:
    """Return the rows of a file by their keys; none where there is no file.

    Raises:
        PinnError: a line is not JSON.
    """
    if not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except ValueError as error:
        raise PinnError(
            f"The results {str(path)!r} are no JSON lines ({error}): move the file away to start "
            "anew."
        ) from error
    return {row["key"]: row for row in rows if "key" in row}


def known_rows(results: Path) -> dict[str, Row]:
    """Return the rows of a study and of those beside it: a run of one may be a run of another.

    Of two rows of one run the later counts; failures of other studies do not.
    """
    found = read_rows(results)
    for path in sorted(results.parent.glob("*.jsonl")):
        for key, row in read_rows(path).items():
            if row["status"] == "done" and (key not in found or _when(row) > _when(found[key])):
                found[key] = row
    return found


def _when(row: Row) -> str:
    return row.get("recorded", "")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON lines, whole or not at all."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    replaced(path, lambda place: place.write_text(text))


def replaced(path: Path, write: Callable[[Path], Any]) -> None:
    """Let a function write a file in a temporary place, and move it where it belongs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, place = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        Path(place).chmod(0o644)
        write(Path(place))
        Path(place).replace(path)
    except BaseException:
        Path(place).unlink(missing_ok=True)
        raise


def flat(row: Mapping[str, Any]) -> Row:
    """Return a row with one column a number or word: `error.q`, `parameters.eccentricity`.

    Lists, and the configuration, become JSON text.
    """
    columns: Row = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and name not in ("configuration", "recipe", "outside"):
            columns |= {f"{name}.{inner}": _cell(item) for inner, item in value.items()}
        else:
            columns[name] = _cell(value)
    return columns


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def has_parquet() -> bool:
    """Tell whether Parquet can be written."""
    return find_spec("pyarrow") is not None


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as Parquet by pyarrow, whole or not at all; every column has one type."""
    import pyarrow
    from pyarrow import parquet

    flats = [flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flats for name in row))
    columns = {name: _of_one_type([row.get(name) for row in flats]) for name in names}
    table = pyarrow.table(columns)
    replaced(path, lambda place: parquet.write_table(table, place))


def _of_one_type(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    return values if len(kinds) < 2 else [None if v is None else str(v) for v in values]
