"""The pages on learning run as written, and print what they say they print."""

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
NAMES = sorted(str(p.relative_to(PAGES)) for p in PAGES.glob("learning/*.md"))


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


@pytest.mark.slow
@pytest.mark.parametrize("page", NAMES)
def test_every_number_is_produced_by_the_code_above_it(page, _usual_promotion):
    for due, said in printed(page):
        assert said == due


@pytest.mark.slow
def test_figures_are_made_by_the_pages():
    assert NAMES
    for page in NAMES:
        text = (PAGES / page).read_text()
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
