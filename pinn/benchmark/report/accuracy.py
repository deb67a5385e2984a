"""Error, drift, time and size of every method on every problem, beside the targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pinn.benchmark.report.groups import (
    Group,
    Record,
    grouped,
    stale_note,
    worst_drift,
    worst_error,
)
from pinn.benchmark.report.markdown import count, grid, megabytes, seconds, small
from pinn.benchmark.report.table import AbstractTable

HEADER = (
    "problem", "method", "relative L2 error", "target", "worst drift", "target",
    "seconds", "compile s", "parameters", "steps", "peak MB",
)  # fmt: skip


@dataclass(frozen=True)
class Accuracy(AbstractTable):
    """One line for each problem and method: the median, and in brackets the worst of the seeds."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table and what its numbers are."""
        groups = grouped(records)
        known = [group for group in groups if group.runs or group.failures]
        if not known:
            return "Nothing is recorded yet.\n"
        lines = [_line(group) for group in known]
        notes = f"{_notes(known)}{_left_out(len(groups) - len(known))}\n{stale_note(known)}"
        return f"{grid(HEADER, lines)}\n{notes}"


def _left_out(count: int) -> str:
    told = "1 line is" if count == 1 else f"{count} lines are"
    return f" {told} left out: not recorded yet." if count else ""


def _line(group: Group) -> list[str]:
    if not group.runs:
        why = group.failures[0].replace("|", "/")
        return [group.case.title, group.label + group.mark, why, *[""] * (len(HEADER) - 3)]
    case, trained = group.case, not group.classical
    aim = f" (≤ {case.seconds:.0f})" if case.seconds and trained else ""
    return [
        group.case.title,
        group.label + group.mark,
        _spread(group.values(worst_error), group) + _doubt(group) + _failed(group),
        small(case.error, 0) if trained else "",
        _spread(group.values(worst_drift), group) or ("" if group.classical else "no law"),
        small(case.drift, 0) if trained else "",
        seconds(group.run_seconds) + aim,
        seconds(group.compile_seconds),
        count(group.middle(lambda row: row.get("parameter_count"))),
        count(group.middle(lambda row: row.get("steps"))),
        megabytes(group.middle(lambda row: row.get("peak_bytes"))),
    ]


def _spread(values: list[float], group: Group) -> str:
    if not values:
        return ""
    return small(median(values)) + (f" ({max(values):.0e})" if group.wanted > 1 else "")


def _doubt(group: Group) -> str:
    return "*" if group.error is not None and group.error < (group.credible_error or 0.0) else ""


def _failed(group: Group) -> str:
    lost = len(group.failures)
    return f"; {lost} of {group.wanted} failed" if lost else ""


def _notes(groups: Sequence[Group]) -> str:
    runs = [run for group in groups for run in group.runs]
    if not runs:
        return "No run has finished."
    several = max(group.wanted for group in groups) > 1
    told = lambda name: ", ".join(dict.fromkeys(str(r[name]) for r in runs if r.get(name)))  # noqa: E731
    jax = ", ".join(dict.fromkeys(r["versions"]["jax"] for r in runs if "jax" in r["versions"]))
    estimates = [r["reference"]["error"] for r in runs if (r.get("reference") or {}).get("error")]
    sentences = [
        "Median and, in brackets, worst over the seeds." if several else "",
        f"{told('precision')}, {told('machine')}, {told('device')}, jax {jax}"
        + (f", commit {told('commit')}" if told("commit") else "")
        + "; each run in a fresh process.",
        "Seconds are without compilation; drift is the largest of all laws, relative to each law's "
        "scale, at times that training did not use.",
        f"The references' own errors are estimated at {max(estimates):.0e} or less."
        if estimates
        else "",
        "* is within ten times of them: an upper bound on both."
        if any(map(_doubt, groups))
        else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)
