"""The code of the README and of each page for users runs as written, block after block."""

import re
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    *(f"docs/{n}.md" for n in ("solutions", "problems", "data", "recipes", "conservation")),
)
LINK = re.compile(r"\]\((?!http)([^)#]+)[^)]*\)")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_in_order(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")
    sys.modules["page"] = module
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), module.__dict__)
    if "README" in page:
        assert "relative L2 error of q" in capsys.readouterr().out
        assert Path("runs/kepler/spec.json").is_file()


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    for target in LINK.findall((ROOT / page).read_text()):
        assert (folder / target).exists(), target
