"""The README's tables are those that follow from the recorded rows."""

from pathlib import Path

import pytest

from pinn.benchmark.loading import load_study
from pinn.benchmark.report.files import between_marks, markdown, records_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["mechanics", "fields", "modes"])
def test_the_tables_follow_from_the_rows(name):
    study, file = load_study(str(ROOT / "benchmarks" / f"{name}.py"))
    results = file.parent / "results" / f"{name}.jsonl"
    tables = markdown(study, records_of(study, results))
    told = f"run `pinn benchmark {name} --render --readme README.md`"
    assert between_marks((ROOT / "README.md").read_text(), name) == tables, told
    assert results.with_suffix(".md").read_text() == tables, told
