"""The tables of README and pages are those that follow from the recorded rows."""

from pathlib import Path

import pytest

from pinn.benchmark.loading import load_study
from pinn.benchmark.report.files import between_marks, markdown, records_of, unmarked
from pinn.benchmark.report.groups import STALE
from pinn.problem.registry import load_module

ROOT = Path(__file__).parents[2]


PAGES = {
    "mechanics": "docs/results.md",
    "fields": "docs/results.md",
    "modes": "docs/conservation.md",
    "conservation_page": "benchmarks/conservation.md",
    "conservation": None,  # only in its own file
    "long_time": None,
    "peers_study": "benchmarks/peers/README.md",
    "published": "benchmarks/costs.md",
    "work_precision": "benchmarks/costs.md",
    "scaling": "benchmarks/costs.md",
}


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_follow_from_the_rows(name):
    """But for the marks of stale rows: a page keeps those of the day when it was rendered."""
    study, file = load_study(str(ROOT / "benchmarks" / f"{name}.py"))
    results = file.parent / "results" / f"{name}.jsonl"
    records = records_of(study, results)
    tables = markdown(study, records)
    told = f"run `pinn benchmark {name} --render --readme {PAGES[name]}`"
    pages = [results.with_suffix(".md").read_text()]
    if PAGES[name] is not None:
        pages.append(between_marks((ROOT / PAGES[name]).read_text(), name))
    unknown = any(row and not row.get("identity") for _, row in records)
    for page in pages:
        assert page is not None and unmarked(page) == unmarked(tables), told
        assert not unknown or STALE.strip() in page, told


def test_the_summary_follows_from_the_rows_too():
    summary = load_module(ROOT / "benchmarks" / "summary.py")
    assert summary.written() == (ROOT / "README.md").read_text(), "run benchmarks/summary.py"
    assert len(summary.PROBLEMS) == 10


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
