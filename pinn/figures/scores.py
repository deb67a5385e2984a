"""The figure of scores: errors and drifts as bars on a log axis, beside the classical method's."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pinn.figures.style import COLOURS, FLOOR, drawn, tell_apart


def scores_figure(scores: Any) -> Any:
    """Return the figure of a solution's error by field and drift by charge.

    Raises:
        PinnError: matplotlib is not installed.
    """
    reference = {name: scores.reference_error for name in scores.error}
    panels = [lambda axes: _bars(axes, "relative L2 error", scores.error, reference)]
    if scores.drift:
        panels.append(lambda axes: _bars(axes, "drift", scores.drift, scores.reference_drift))
    return drawn(panels)


def _bars(axes: Any, title: str, ours: Mapping[str, float], theirs: Mapping[str, Any]) -> None:
    places = np.arange(len(ours))
    rows = (("network", ours, -0.2, COLOURS[0]), ("reference", theirs, 0.2, COLOURS[1]))
    for label, values, offset, colour in rows:
        lengths = [max(float(values.get(name) or 0.0), FLOOR) for name in ours]
        axes.barh(places + offset, lengths, 0.36, color=colour, label=label)
    axes.set(xscale="log", yticks=places, yticklabels=[*ours], title="", xlabel=title)
    axes.set_xlim(left=FLOOR)
    axes.invert_yaxis()
    tell_apart(axes)
