"""A study's rows as files: Markdown, Parquet, figures, and the tables of a README."""

from collections.abc import Sequence
from pathlib import Path

from pinn.benchmark.report.groups import STALE, Record
from pinn.benchmark.report.plots import can_plot
from pinn.benchmark.standing import why_stale
from pinn.benchmark.store import (
    Row,
    has_parquet,
    known_rows,
    replaced,
    write_parquet,
    write_text,
)
from pinn.benchmark.study import Cell, Study
from pinn.errors import PinnError


def records_of(study: Study, results: Path) -> list[Record]:
    """Return every entry of a study with its row, or None; rows of other studies are left out.

    A cell's row may come from another study in the same folder. What a row says about its case is
    brought up to date: a target may have changed since it was measured. Where it is not what a run
    would say now, `stale` says why.
    """
    rows = known_rows(results)
    pairs = [(cell, rows.get(cell.key)) for cell in study.entries()]
    return [(cell, None if row is None else _shown(cell, row)) for cell, row in pairs]


def _shown(cell: Cell, row: Row) -> Row:
    return {**row, **cell.description(), "stale": why_stale(cell, row)}


def markdown(study: Study, records: Sequence[Record]) -> str:
    """Return all tables of a study."""
    return "\n".join(text for table in study.tables if (text := table.render(records)))


def write_report(study: Study, results: Path) -> list[str]:
    """Write the tables and figures beside the rows, and return what could not be written.

    Raises:
        OSError: nothing can be written there.
    """
    records = records_of(study, results)
    write_text(results.with_suffix(".md"), markdown(study, records))
    rows: dict[str, Row] = {}
    for cell, row in records:
        if row is not None:
            rows.setdefault(cell.key, row)
    missing = []
    if has_parquet():
        write_parquet(results.with_suffix(".parquet"), rows.values())
    else:
        missing.append("No Parquet file is written, for pyarrow is not installed")
    if study.plots and can_plot():
        _draw(study, records, results)
    elif study.plots:
        missing.append("No figure is drawn, for matplotlib is not installed")
    return [f"{text}: `pip install pinn[benchmark]`." for text in missing]


def _draw(study: Study, records: Sequence[Record], results: Path) -> None:
    for plot in study.plots:
        figure = plot.draw(records)
        if figure is not None:
            path = results.with_name(f"{results.stem}-{plot.name}.svg")
            replaced(
                path, lambda place, figure=figure: figure.savefig(place, metadata={"Date": None})
            )


def marks(name: str) -> tuple[str, str]:
    """Return the comments between which a README holds a study's tables."""
    return f"<!-- {name} table -->\n", f"<!-- end of {name} table -->\n"


def between_marks(text: str, name: str) -> str | None:
    """Return what a README holds of a study, None where it has no place for it."""
    begin, end = marks(name)
    if begin not in text or end not in text:
        return None
    return text.partition(begin)[2].partition(end)[0]


def unmarked(text: str) -> str:
    """Return tables without their marks of stale rows, which change whenever the code does."""
    lines = text.splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith(STALE.strip()))
    return kept.replace(STALE, "")


def update_readme(readme: Path, name: str, tables: str) -> None:
    """Put a study's tables into a README.

    Raises:
        PinnError: the README has no place for them.
    """
    text = readme.read_text()
    begin, end = marks(name)
    if between_marks(text, name) is None:
        raise PinnError(
            f"{str(readme)!r} has no place for the study {name!r}: add the lines {begin.strip()!r} "
            f"and {end.strip()!r}."
        )
    head, _, rest = text.partition(begin)
    write_text(readme, head + begin + tables + end + rest.partition(end)[2])
