"""The README's code runs as written, block after block in one namespace."""

import re
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_every_block_runs_in_order(capsys):
    module = types.ModuleType("readme")
    sys.modules["readme"] = module
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), module.__dict__)
    assert "relative L2 error of q" in capsys.readouterr().out
    assert Path("runs/kepler/spec.json").is_file()
