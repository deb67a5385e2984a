"""Text for people: aligned columns, and remarks beside the output."""

import sys
from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Return rows of cells as lines with aligned columns, under a ruled header if one is given."""
    rows = [list(row) for row in rows]
    extra = [header] if header else []
    widths = [max(map(len, cells)) for cells in zip(*rows, *extra, strict=True)]
    if header:
        rows = [list(header), ["-" * width for width in widths], *rows]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def remark(sentence: str) -> None:
    """Print a sentence beside the output, on standard error."""
    print(sentence, file=sys.stderr, flush=True)
