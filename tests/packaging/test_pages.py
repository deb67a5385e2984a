"""The pages of the documentation run as written, and print what they say they print.

Three of them are run in the usual suite, and all by `pytest -m long`. Run as a program with names
of pages, this file writes what they print, and their pictures, into them.
"""

import contextlib
import io
import os
import re
import sys
import types
from pathlib import Path

import jax
import pytest

PAGES = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```(python|text)\n(.*?)```", re.DOTALL)
LINKS = re.compile(r"\]\((learning/[^)]+\.md)\)")
LEARNING = tuple(dict.fromkeys(LINKS.findall((PAGES / "learning.md").read_text())))
NAMES = (*LEARNING, "your-own-parts.md")
QUICK = ("learning/energy_descent.md", "learning/reversible.md", "your-own-parts.md")


@pytest.fixture
def _usual_promotion():
    """Pages are read by people whose JAX promotes as it does by default."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def printed(page: str) -> list[tuple[str, str]]:
    """Return what each block of a page should print, and what it prints."""
    module = types.ModuleType("page")
    sys.modules["page"] = module
    found, said = [], ""
    for kind, text in BLOCK.findall((PAGES / page).read_text()):
        if kind == "text":
            found.append((text, said))
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, page, "exec"), module.__dict__)
        said = out.getvalue()
    return found


@pytest.mark.parametrize(
    "page", [p if p in QUICK else pytest.param(p, marks=pytest.mark.long) for p in NAMES]
)
def test_every_number_is_produced_by_the_code_above_it(page, _usual_promotion):
    for due, said in printed(page):
        assert said == due


@pytest.mark.slow
def test_the_page_on_conditions_in_time(_usual_promotion):
    blocks = printed("both-ends.md")
    assert len(blocks) == 3
    for due, said in blocks:
        assert said == due


def test_pages_are_complete():
    assert set(QUICK) < set(NAMES)
    for page in NAMES:
        text = (PAGES / page).read_text()
        assert all(shown for kind, shown in BLOCK.findall(text) if kind == "text"), page
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
            assert f'savefig("{picture}"' in text
            assert (PAGES / page).parent.joinpath(picture).stat().st_size > 1000


def rewrite(page: str) -> None:
    """Write what a page prints into it, and its pictures beside it."""
    text, outputs = (PAGES / page).read_text(), iter(printed(page))
    fill = lambda m: m[0] if m[1] == "python" else f"```text\n{next(outputs)[1]}```"  # noqa: E731
    (PAGES / page).write_text(BLOCK.sub(fill, text))


if __name__ == "__main__":
    os.chdir(PAGES / "learning")
    for name in sys.argv[1:]:
        rewrite(name)


def test_how_it_works_names_files_that_are_there():
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", (PAGES / "how-it-works.md").read_text())
    rooms = PAGES.parent / "pinn"
    assert len(named) > 30
    for file in named:
        assert any(rooms.glob(f"**/{file}")), file
