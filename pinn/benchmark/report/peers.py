"""Other libraries beside ours: the times at which both reach the same error."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pinn.benchmark.report.groups import Group, Record, gathered, grouped, stale_note
from pinn.benchmark.report.markdown import factor, grid, seconds, small
from pinn.benchmark.report.table import AbstractTable
from pinn.benchmark.store import Row

ERRORS = (1e-2, 1e-3, 1e-4)
HEADER = (
    "problem", "library", "its best recipe", "its error", "reached in s",
    *(f"to {error:.0e} in s" for error in ERRORS),
    "ours as good in s", "times faster", "our network as good in s", "times faster",
)  # fmt: skip
NEVER, UNTRACED = "never", "not traced"


@dataclass(frozen=True)
class AgainstPeers(AbstractTable):
    """One line for each problem and library, at the lowest error that any of its recipes reaches.

    Args:
        libraries: the name of each with the labels of its recipes.
        ours: the labels of our default recipe.
        networks: the labels of our recipes whose hidden layers are trained.
    """

    libraries: tuple[tuple[str, tuple[str, ...]], ...]
    ours: tuple[str, ...]
    networks: tuple[str, ...]

    def render(self, records: Sequence[Record]) -> str:
        """Return the table, and what its seconds are."""
        groups = grouped(records)
        lines = []
        for title, members in gathered(groups, lambda group: group.case.title).items():
            for library, labels in self.libraries:
                recipes = [group for group in members if group.label in labels]
                line = [title, library, *self._line(recipes, members)]
                lines.append([*line, *[""] * (len(HEADER) - len(line))])
        return f"{grid(HEADER, lines)}\n{_NOTE}\n{stale_note(groups)}"

    def _line(self, recipes: list[Group], members: list[Group]) -> list[str]:
        known = [group for group in recipes if group.error is not None]
        if not known:
            why = [reason for group in recipes for reason in group.failures]
            return [(why[0] if why else "not recorded yet").replace("|", "/")]
        best = min(known, key=lambda group: group.error or 0.0)
        error = best.error or 0.0
        took = time_to(best, error)
        passed = [_first(known, threshold) for threshold in ERRORS]
        return [
            best.label + best.mark,
            small(error),
            seconds(took) if took is not None else UNTRACED,
            *passed,
            *_versus(took, error, [g for g in members if g.label in self.ours]),
            *_versus(took, error, [g for g in members if g.label in self.networks]),
        ]


_NOTE = (
    "All seconds are from the imports to the step at which the error is first reached, with "
    "compilation and everything else in between, medians over the seeds, on one core; the looks at "
    "the error are left out. Times faster is the library's time to its own lowest error over ours "
    "to an error no larger, where an error of ours is no less than ten times the reference's own. "
    "Ours is only timed as a whole: it marches, and has no error over the whole time before its "
    "end. A time to an error is of the library's fastest recipe. Rows without a trace say when a "
    "budget ended, not when an error was reached: nothing is divided by them."
)


def reached(row: Row, error: float) -> float | None:
    """Return the seconds at which a row's trace first has an error no larger than this one.

    Infinite where it never has; None where the row has no trace.
    """
    trace = row.get("trace")
    if trace is None:
        return None
    pairs = zip(trace["seconds"], trace["error"], strict=True)
    return next((spent for spent, found in pairs if found <= error), float("inf"))


def time_to(group: Group, error: float) -> float | None:
    """Return the median over the seeds of the time to an error, None where one has no trace.

    Traces keep three digits, and so does the error that is looked for.
    """
    times = [reached(row, 1.01 * error) for row in group.runs]
    known = [spent for spent in times if spent is not None]
    return median(known) if known and len(known) == len(times) else None


def _first(recipes: Sequence[Group], error: float) -> str:
    times = [spent for group in recipes if (spent := time_to(group, error)) is not None]
    if not times:
        return UNTRACED
    return NEVER if min(times) == float("inf") else seconds(min(times))


def _versus(took: float | None, error: float, ours: list[Group]) -> list[str]:
    """Return our fastest time to an error no larger, and how many times it goes into theirs."""
    done = [
        group.whole_seconds
        for group in ours
        if group.credible_error is not None and group.credible_error <= error
    ]
    times = [spent for spent in done if spent is not None]
    if not times:
        known = any(group.error is not None for group in ours)
        return [NEVER if known else "not recorded yet" if ours else "", ""]
    fast = min(times)
    comparable = took is not None and took < float("inf")
    return [seconds(fast), factor(took / fast) if comparable and took is not None else ""]
