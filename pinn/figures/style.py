"""What all figures share: panels, colours and names."""

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from pinn.errors import PinnError

# Okabe and Ito's colours, which colour-blind readers tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
# The least that a bar shows, and the least error on a map.
FLOOR = 1e-17
WIDTH, HEIGHT = 4.4, 3.6
MOST = 6

# Draws one panel into a matplotlib Axes.
Panel = Callable[[Any], None]


def drawn(panels: Sequence[Panel], title: str = "") -> Any:
    """Return a matplotlib figure of at most six panels, up to three in a row.

    Raises:
        PinnError: matplotlib is not installed.
    """
    need("matplotlib", "plot")
    from matplotlib.figure import Figure

    shown = panels[:MOST]
    columns = min(3, len(shown)) if len(shown) != 4 else 2
    rows = math.ceil(len(shown) / columns)
    size = (WIDTH * columns, HEIGHT * rows + (0.4 if title else 0.0))
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    for index, panel in enumerate(shown):
        panel(figure.add_subplot(rows, columns, index + 1))
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def need(package: str, extra: str) -> None:
    """Refuse where a package that is not always installed is missing.

    Raises:
        PinnError: it is.
    """
    if find_spec(package) is None:
        raise PinnError(f"This needs {package}, which is not installed: install pinn[{extra}].")


def component(name: str, index: Sequence[int]) -> str:
    """Return the name of a component: q₁, or A₁₂."""
    return name + "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for i in index for d in str(i + 1))


def tell_apart(axes: Any) -> None:
    """Put a legend above the panel, where it covers no curve, if there is more than one curve."""
    labels = axes.get_legend_handles_labels()[1]
    if len(labels) > 1:
        columns = 2 if max(map(len, labels)) > 12 else 3
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0)}
        axes.legend(fontsize=7, ncols=columns, frameon=False, borderaxespad=0.2, **place)


def positive(values: np.ndarray) -> np.ndarray:
    """Return values for a log axis, on which nothing stands where they are zero."""
    return np.where(values > 0.0, values, np.nan)
