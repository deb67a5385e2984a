"""The README's table: ours, the best other library and the classical method, from recorded rows.

python benchmarks/summary.py             # write it between the marks of README.md
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from pinn.benchmark.report.markdown import grid
from pinn.benchmark.store import Row
from pinn.problem.registry import factory

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
PROBLEMS = (
    "harmonic_oscillator", "pendulum", "kepler", "three_body", "burgers", "wave", "kdv", "nls",
    "allen_cahn", "taylor_green",
)  # fmt: skip
OPEN, CLOSE = "<!-- summary -->\n", "<!-- end of summary -->"
HEADER = (
    "problem", "our error", "drift", "seconds", "best other library in 60 s", "classical method",
    "seconds",
)  # fmt: skip
NOTE = (
    "Relative L2 errors against a closed form or a reference; the largest drift of all laws; "
    "seconds with compilation, on one core, without imports. Rows were recorded by earlier "
    "versions of the code, and those of other libraries once; what is empty was not run."
)


def table() -> str:
    """Return the table, a line for each problem with its default parameters."""
    ours, others = _rows("mechanics", "fields"), _rows("peers_study")
    return f"{grid(HEADER, [_line(name, ours, others) for name in PROBLEMS])}\n{NOTE}\n"


def written() -> str:
    """Return the README with the table between its marks."""
    before, rest = README.read_text().split(OPEN)
    return f"{before}{OPEN}{table()}{CLOSE}{rest.split(CLOSE)[1]}"


def _rows(*studies: str) -> list[Row]:
    """Return the finished rows of some studies whose parameters are the problems' defaults."""
    lines = [
        line
        for study in studies
        for line in (HERE / "results" / f"{study}.jsonl").read_text().splitlines()
    ]
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["status"] == "done" and _default(row)]


def _default(row: Row) -> bool:
    if row["problem"] not in PROBLEMS:
        return False
    signature = inspect.signature(factory(row["problem"]).function).parameters
    defaults = json.loads(json.dumps({n: p.default for n, p in signature.items()}))
    return row["parameters"] == defaults


def _line(name: str, ours: list[Row], others: list[Row]) -> tuple[str, ...]:
    network = [r for r in ours if r["problem"] == name and r["method"] == "pinn"]
    classical = [r for r in ours if r["problem"] == name and not r["method"].startswith("pinn")]
    peers = [r for r in others if r["problem"] == name and not r["method"].startswith("pinn")]
    found = [_middle(network, pick) for pick in (_error, _drift, _seconds)]
    if peers:
        best = min(peers, key=_error)
        rival = f"{_error(best):.1e} ({best['method'].replace('_', ' by ')})"
    else:
        rival = ""
    best = min(classical, key=lambda row: (_credible(row), _seconds(row)))
    return name, *found, rival, f"{_credible(best):.1e} ({best['method']})", f"{_seconds(best):.1f}"


def _middle(rows: list[Row], pick: Callable[[Row], float]) -> str:
    value = median(pick(row) for row in rows)
    return f"{value:.1f}" if pick is _seconds else f"{value:.1e}"


def _error(row: Row) -> float:
    errors: dict[str, Any] = row["error"]
    return max(errors.values())


def _credible(row: Row) -> float:
    """Return the error, or the estimated error of what it is judged by where that is more."""
    return max(_error(row), (row.get("reference") or {}).get("error") or 0.0)


def _drift(row: Row) -> float:
    return max(value for value in row["drift"].values() if value is not None)


def _seconds(row: Row) -> float:
    return row["seconds"]["compile"] + row["seconds"]["run"]


if __name__ == "__main__":
    README.write_text(written())
