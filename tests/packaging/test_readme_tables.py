"""The tables of README and pages are those that follow from the recorded rows."""

from pathlib import Path

import pytest

from pinn.benchmark.loading import load_study
from pinn.benchmark.report.files import between_marks, markdown, records_of

ROOT = Path(__file__).parents[2]


PAGES = {
    "mechanics": "README.md",
    "fields": "README.md",
    "modes": "README.md",
    "conservation": "benchmarks/conservation.md",
    "long_time": "benchmarks/conservation.md",
    "peers_study": "benchmarks/peers/README.md",
    "published": "benchmarks/costs.md",
    "work_precision": "benchmarks/costs.md",
    "scaling": "benchmarks/costs.md",
}


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_follow_from_the_rows(name):
    study, file = load_study(str(ROOT / "benchmarks" / f"{name}.py"))
    results = file.parent / "results" / f"{name}.jsonl"
    tables = markdown(study, records_of(study, results))
    told = f"run `pinn benchmark {name} --render --readme {PAGES[name]}`"
    assert between_marks((ROOT / PAGES[name]).read_text(), name) == tables, told
    assert results.with_suffix(".md").read_text() == tables, told
