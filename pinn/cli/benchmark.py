"""`pinn benchmark`: run a study, go on with it, check it, and write its tables."""

import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinn.cli.text import remark
from pinn.errors import PinnError

if TYPE_CHECKING:
    from pinn.benchmark.study import Cell, Study


def benchmark(arguments: Namespace) -> int:
    """Run what a study lacks, write its tables, and print them."""
    from pinn.benchmark.loading import load_study

    if arguments.jobs < 1 or (arguments.limit is not None and not arguments.limit > 0.0):
        raise PinnError(
            f"--jobs must be 1 or more, and --limit more than 0 seconds, got {arguments.jobs} and "
            f"{arguments.limit}."
        )
    study, file = load_study(arguments.study)
    study = replace(study, limit=arguments.limit or study.limit)
    results = Path(arguments.out or file.parent / "results") / f"{file.stem}.jsonl"
    cells = _chosen(study, arguments)
    if arguments.list:
        print("\n".join(f"{cell.key}  {cell.title}" for cell in cells))
        return 0
    if arguments.check:
        return _check(study, file, results, cells, arguments)
    return _run(study, file, results, cells, arguments)


def _chosen(study: "Study", arguments: Namespace) -> "tuple[Cell, ...]":
    """Return the cells whose titles hold every word asked for."""
    words = [word.lower() for word in arguments.only]
    cells = study.cells()
    found = tuple(c for c in cells if all(word in c.title.lower() for word in words))
    if not found:
        raise PinnError(
            f"No run of this study has {' and '.join(map(repr, arguments.only))} in its title: "
            "`--list` shows all."
        )
    return found


def _run(
    study: "Study", file: Path, results: Path, cells: "Sequence[Cell]", arguments: Namespace
) -> int:
    from pinn.benchmark.report.files import markdown, records_of, update_readme, write_report

    try:
        if not arguments.render:
            left = _left(study, cells, results, arguments)
            _measure(study, file, results, left, arguments)
    except KeyboardInterrupt as interrupt:
        count = len(_left(study, cells, results, arguments))
        raise KeyboardInterrupt(
            f"Interrupted with {count} of {len(cells)} runs left; the others are kept, and the "
            "same command goes on."
        ) from interrupt
    for sentence in write_report(study, results):
        remark(sentence)
    records = records_of(study, results)
    tables = markdown(study, records)
    if arguments.readme is not None:
        update_readme(Path(arguments.readme), file.stem, tables)
    print(f"{study.title}\n\n{tables}")
    chosen = {cell.key for cell in cells}
    failed = any(row and row["status"] != "done" for c, row in records if c.key in chosen)
    return 1 if failed and not arguments.render else 0


def _left(
    study: "Study", cells: "Sequence[Cell]", results: Path, arguments: Namespace
) -> "tuple[Cell, ...]":
    """Return the cells that are still to be measured."""
    from pinn.benchmark.running import missing
    from pinn.benchmark.store import known_rows

    return missing(
        cells,
        known_rows(results),
        study.limit,
        stale=arguments.stale,
        retry=arguments.retry,
    )


def _check(
    study: "Study", file: Path, results: Path, cells: "Sequence[Cell]", arguments: Namespace
) -> int:
    """Measure everything anew, and compare with the committed rows, which stay as they are."""
    from pinn.benchmark.regression import regressions
    from pinn.benchmark.store import read_rows

    before = read_rows(results)
    with tempfile.TemporaryDirectory(prefix="pinn-check-") as folder:
        rows = _measure(study, file, Path(folder) / results.name, cells, arguments)
    found = regressions(before, rows)
    for sentence in found:
        print(sentence)
    print(
        f"{len(found)} of what was measured is more than ten times worse than {results}."
        if found
        else f"Nothing is ten times worse than {results}."
    )
    return 1 if found else 0


def _measure(
    study: "Study", file: Path, results: Path, cells: "Sequence[Cell]", arguments: Namespace
) -> list[dict[str, Any]]:
    """Run cells with a line for each and, on a terminal, a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from pinn.benchmark.running import run_cells

    rows: list[dict[str, Any]] = []
    bar = Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("", total=len(cells))

    def told(row: dict[str, Any]) -> None:
        rows.append(row)
        bar.advance(task)
        if not arguments.quiet:
            remark(line_of(row))

    with bar:
        run_cells(
            cells,
            file,
            results,
            limit=study.limit,
            jobs=arguments.jobs,
            told=told,
            begun=lambda cell: bar.update(task, description=cell.title),
        )
    return rows


def line_of(row: dict[str, Any]) -> str:
    """Return one line on a run: error, drift, seconds, and seconds in matrix products."""
    title = f"{row['problem']}{', ' + row['setting'] if row['setting'] else ''}: {row['method']}"
    if row["status"] != "done":
        return f"{title}: {row['reason']}"
    parts = [f"{title}, seed {row['seed']}"]
    for kind in ("error", "drift"):
        if row.get(kind):
            parts.append(f"{kind} {max(row[kind].values()):.1e}")
    seconds = {name: value for name, value in row["seconds"].items() if value is not None}
    product = row["matrix_product_seconds"]
    parts += [f"{name} {s:.3g} s = {s / product:.3g} products" for name, s in seconds.items()]
    return "  ".join(parts)
