"""Markdown tables, and numbers in them."""

from collections.abc import Sequence


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|\n" for line in lines
    )


def small(value: float | None, digits: int = 1) -> str:
    """Return an error or a drift, as in 1.9e-14."""
    return "" if value is None else f"{value:.{digits}e}"


def seconds(value: float | None) -> str:
    """Return seconds with two significant digits."""
    if value is None:
        return ""
    return f"{value:.1e}" if value < 0.01 else f"{value:.2f}" if value < 1.0 else f"{value:.1f}"


def count(value: float | None) -> str:
    """Return a whole number with commas."""
    return "" if value is None else f"{value:,.0f}"


def megabytes(value: float | None) -> str:
    """Return bytes in megabytes."""
    return "" if value is None else f"{value / 1e6:.0f}"


def factor(value: float) -> str:
    """Return how many times, to one or two digits."""
    if value >= 1e5:
        return f"{value:.0e}"
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.2g}"
