"""What a demonstration shows: a table, curves, and what they say, good or bad."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pinn.errors import near_matches
from pinn.learning.errors import LearningError

_MODULES = {
    "layers": "layers",
    "charges": "charges",
    "noether-networks": "noether_networks",
    "noether-video": "noether_video",
    "tailoring": "tailored_solver",
    "energy-descent": "energy_descent",
    "reversible": "reversible",
    "quantised": "quantised",
    "probes": "probes",
    "spectra": "spectra",
}


@dataclass(frozen=True)
class Curve:
    """One curve of a figure.

    Args:
        panel: the axes that it belongs to, by title.
        label: what it is.
        x: its abscissae.
        y: its values.
        axes: what the two axes measure.
        log: whether y is drawn logarithmically.
        law: whether it is a law, or what was, of the curve before it: drawn dotted over it.
    """

    panel: str
    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    axes: tuple[str, str] = ("", "")
    log: bool = False
    law: bool = False


@dataclass(frozen=True)
class Strip:
    """A row of pictures for a figure.

    Args:
        label: what they are.
        pictures: brightness from 0 to 1, rows of pixels from the top.
    """

    label: str
    pictures: tuple[tuple[tuple[float, ...], ...], ...]


@dataclass(frozen=True)
class Demonstration:
    """What a demonstration found.

    Args:
        title: what it asks.
        rows: the answer, a table of rows with one set of columns.
        notes: what the table says, sentences with numbers that were measured.
        curves: for the figure.
        strips: pictures for the figure.
    """

    title: str
    rows: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    strips: tuple[Strip, ...] = ()

    @property
    def cells(self) -> list[list[str]]:
        """The table as text, its header first."""
        header = list(self.rows[0])
        return [header, *[[_shown(row[name]) for name in header] for row in self.rows]]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        return asdict(self) | {"rows": [dict(row) for row in self.rows]}

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any]) -> "Demonstration":
        """Return what `as_dict` described."""
        curves = tuple(
            Curve(**c | {name: tuple(c[name]) for name in ("x", "y", "axes")})
            for c in stated["curves"]
        )
        strips = tuple(
            Strip(s["label"], tuple(tuple(map(tuple, p)) for p in s["pictures"]))
            for s in stated["strips"]
        )
        rows, notes = tuple(stated["rows"]), tuple(stated["notes"])
        return cls(stated["title"], rows, notes, curves, strips)


def demonstrations() -> dict[str, str]:
    """Return the demonstrations by name, each with what it asks."""
    return {name: _module(name).TITLE for name in _MODULES}


def demonstrate(name: str, seed: int = 0) -> Demonstration:
    """Run a demonstration, in about a minute.

    Args:
        name: one of `demonstrations()`.
        seed: of all that is random in it.

    Raises:
        LearningError: there is none of this name.
    """
    if name not in _MODULES:
        raise LearningError(
            f"There is no demonstration {name!r}{near_matches(name, _MODULES)}: choose one of "
            f"{', '.join(_MODULES)}."
        )
    return _module(name).run(seed)


def _module(name: str) -> Any:
    return importlib.import_module(f"pinn.learning.demonstrations.{_MODULES[name]}")


def numbers(values: Any, most: int = 200) -> tuple[float, ...]:
    """Return numbers to six digits, thinned out for a figure."""
    found: Sequence[float] = [float(f"{float(v):.6g}") for v in values]
    step = max(1, -(-len(found) // most))
    return tuple(found[::step])


def shade(picture: Any) -> tuple[tuple[float, ...], ...]:
    """Return a picture to two digits."""
    return tuple(tuple(round(float(v), 2) for v in row) for row in picture)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2e}" if isinstance(value, float) else str(value)
