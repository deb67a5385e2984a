"""The study in benchmarks/README.md is one."""

import re
from pathlib import Path

from pinn.benchmark.loading import load_study

TEXT = (Path(__file__).parents[2] / "benchmarks" / "README.md").read_text()


def test_the_study_that_is_shown_can_be_loaded(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "own.py").write_text(block)
    study, _ = load_study(str(tmp_path / "own.py"))
    assert len(study.cells()) == 3 * 3 + 3
