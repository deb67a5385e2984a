"""Accuracy and drift as numbers, and as a table in plain text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scores:
    """How good a solver is: error against a reference, and drift of every charge, both.

    Args:
        error: relative L2 error of each field over the interval, and over space; empty where the
            reference was not had in time.
        drift: max_t |I(t) − I(start) − ∫ sources| / scale of each charge, against the exact initial
            data.
        drift_before: the same before any projection, where charges are held exactly; every window
            starts on the level set, so that it tells what a window loses.
        slip: relative L2 difference of d/dt of each projected field from the velocity of its jet.
        reference_drift: the same of a diffrax integration.
        reference_error: the reference's own estimated error; the errors mean something where they
            are ten times larger. NaN where it was not had in time.
        seconds: wall time to compile, train, and compute the reference.
        facts: parameters, windows, steps, device, precision, methods.
        converged: whether the solution is complete with the residual that was asked for.
        settled: whether the errors and drifts stayed as points were added.
        notes: what a reader of the numbers must know, in sentences.
    """

    error: Mapping[str, float]
    drift: Mapping[str, float]
    reference_drift: Mapping[str, float]
    reference_error: float
    seconds: Mapping[str, float]
    facts: Mapping[str, str | int]
    drift_before: Mapping[str, float] = field(default_factory=dict)
    slip: Mapping[str, float] = field(default_factory=dict)
    converged: bool = True
    settled: bool = True
    notes: tuple[str, ...] = ()

    @property
    def trustworthy(self) -> bool:
        """Whether the numbers say how good the solver is.

        It has converged, the measures have settled, and the reference is at least ten times better
        than what it judges.
        """
        better = bool(self.error) and 10.0 * self.reference_error <= max(self.error.values())
        return better and self.converged and self.settled

    def plot(self) -> Any:
        """Return a matplotlib figure of errors and drifts, beside the reference's.

        Raises:
            PinnError: matplotlib is not installed.
        """
        from pinn.figures.scores import scores_figure

        return scores_figure(self)

    def table(self) -> str:
        """Return the scores as a table in plain text."""
        reference_name = str(self.facts["reference"])
        integrator = str(self.facts["integrator"])
        rows = [(f"relative L2 error of {n}", f"{e:.1e}", "") for n, e in self.error.items()]
        if not self.error:
            rows.append(("relative L2 error", "not had in time", ""))
        own = "not had in time" if np.isnan(self.reference_error) else f"{self.reference_error:.1e}"
        rows.append((f"estimated error of the reference ({reference_name})", "", own))
        rows += [
            (f"drift of {name}", f"{d:.1e}", _drift_cell(self.reference_drift, name))
            for name, d in self.drift.items()
        ]
        rows += [
            (f"drift of {name} before projection", f"{d:.1e}", "")
            for name, d in self.drift_before.items()
        ]
        rows += [
            (f"d{name}/dt against the projected velocity", f"{d:.1e}", "")
            for name, d in self.slip.items()
        ]
        if not self.drift:
            rows.append(("no conserved quantity is known", "", ""))
        seconds = self.seconds
        rows += [
            ("seconds: compilation", f"{seconds['compile']:.2f}", ""),
            (
                "seconds: training | reference",
                f"{seconds['training']:.2f}",
                f"{seconds['reference']:.2f}",
            ),
        ]
        rows += [
            (name, str(value), "")
            for name, value in self.facts.items()
            if name not in ("reference", "integrator")
        ]
        header = ("", "network", integrator)
        widths = [max(len(row[i]) for row in (header, *rows)) for i in range(3)]
        lines = ["  ".join(_cells(row, widths)) for row in (header, *rows)]
        lines.insert(1, "  ".join("-" * width for width in widths))
        lines += self._remarks()
        return "\n".join(line.rstrip() for line in lines)

    def _remarks(self) -> list[str]:
        found = [] if self.converged else ["The solution is not converged."]
        if self.error and not 10.0 * self.reference_error <= max(self.error.values()):
            known = not np.isnan(self.reference_error)
            found.append(
                "The error is within ten times of the reference's own: read it as an upper bound "
                "on both."
                if known
                else "How good the reference is was not measured: the error may be its own."
            )
        return [*found, *self.notes]


def _cells(row: tuple[str, str, str], widths: list[int]) -> list[str]:
    return [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2])]


def _drift_cell(drifts: Mapping[str, float], name: str) -> str:
    return f"{drifts[name]:.1e}" if name in drifts else ""
