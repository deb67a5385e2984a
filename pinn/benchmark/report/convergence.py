"""Which runs converge, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinn.benchmark.report.groups import Group, Record, grouped, stale_note, worst_drift
from pinn.benchmark.report.markdown import grid, small
from pinn.benchmark.report.table import AbstractTable

HEADER = (
    "problem", "verdict", "residual", "relative L2 error", "reference's own", "worst drift",
)  # fmt: skip
WRONG = 1e-4
"""A relative error above which a run that calls itself converged is told apart."""
LOOSE = 1e-4
"""A dimensionless residual above which it is told apart too."""
CONVERGES = "converges"


@dataclass(frozen=True)
class Convergence(AbstractTable):
    """One line for each case, with a verdict in words."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table, and how many of the runs converge."""
        groups = grouped(records)
        known = [group for group in groups if group.runs or group.failures]
        if not known:
            return "Nothing is recorded yet.\n"
        good = sum(verdict(group) == CONVERGES for group in known)
        left = len(groups) - len(known)
        told = (
            f"{good} of {len(known)} runs converge"
            + (f"; {left} more are not recorded yet" if left else "")
            + ". Residuals are dimensionless, on points that training did not see. A verdict is "
            f"withheld where the error exceeds {WRONG:.0e} or the residual {LOOSE:.0e}, or where "
            "the reference cannot tell."
        )
        return f"{grid(HEADER, [_line(group) for group in known])}\n{told}\n{stale_note(known)}"


def verdict(group: Group) -> str:
    """Return whether a group's runs converge, or why not, in a few words."""
    if group.failures:
        return group.failures[0]
    residual = group.middle(lambda row: row.get("residual"))
    if any("converged" not in row for row in group.runs):
        return "whether it converged was not recorded"
    if not all(row.get("converged") for row in group.runs):
        return "not converged" + ("" if residual is None else f": residual {residual:.1e}")
    if residual is not None and not residual <= LOOSE:
        return f"called converged, but the residual is {residual:.1e}"
    error, own = group.error, _own(group)
    if error is None:
        return "converged, but not compared with anything"
    if own is not None and own > WRONG:
        return f"converged, but the reference itself is only good to {own:.1e}"
    if not error <= WRONG:
        return f"called converged, but the error is {error:.1e}"
    return CONVERGES


def _own(group: Group) -> float | None:
    return group.middle(lambda row: (row.get("reference") or {}).get("error"))


def _line(group: Group) -> list[str]:
    return [
        group.case.title,
        verdict(group).replace("|", "/") + group.mark,
        small(group.middle(lambda row: row.get("residual"))),
        small(group.error),
        small(_own(group)),
        small(group.middle(worst_drift)),
    ]
