"""A fingerprint of source code, which changes with what runs and not with comments."""

import hashlib
import io
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pinn

ROOT = Path(pinn.__file__).parent
ASIDE = ("cli", "learning", "benchmark", "doctor.py", "archive.py", "checkpoint.py", "export.py")
"""Parts of the library that no measurement goes through."""
MEASURING = ("child", "clock", "integrated", "judging", "scipy_check", "trained")
"""Modules of `pinn.benchmark` that decide what a row holds."""
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def fingerprint(files: Iterable[Path]) -> str:
    """Return ten hexadecimal digits of a hash over files, in the order of their names.

    Of Python only what runs counts: comments, docstrings and line breaks do not.
    """
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda path: path.as_posix()):
        text = file.read_text()
        words = running_words(text) if file.suffix == ".py" else text
        whole.update(f"{file.name}\0{words}\0".encode())
    return whole.hexdigest()[:10]


def running_words(text: str) -> str:
    """Return the tokens of a Python file without comments, docstrings and blank lines."""
    found: list[str] = []
    begins = True  # whether a statement begins here: a string there is a docstring
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        alone = after.type in (tokenize.NEWLINE, tokenize.ENDMARKER)
        if token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        if token.type in _LAYOUT:
            found.append(tokenize.tok_name[token.type])
            begins = True
        elif not (token.type == tokenize.STRING and begins and alone):
            found.append(token.string)
            begins = False
    return "\n".join(found)


def library_files() -> list[Path]:
    """Return the files of the library that solving and judging go through."""
    rooms = (path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in ASIDE)
    return [*rooms, *(ROOT / "benchmark" / f"{name}.py" for name in MEASURING)]


@cache
def library_code() -> str:
    """Return the fingerprint of the library as it is on disk."""
    return fingerprint(library_files())
