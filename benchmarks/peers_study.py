"""Other libraries and this one: the same problems, core, budget, test grid and reference.

Every peer trains for the same seconds by `peers/run.py`. Ours runs at several tolerances, so that
the time at which it reaches a peer's error can be read off. A problem is run by one library after
the other, then the next problem; seeds are the outer order.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import pinn
from pinn.benchmark import Case, Outside, Study, Trained
from pinn.benchmark.report import Accuracy
from pinn.benchmark.report.groups import Group, Record, grouped
from pinn.benchmark.report.markdown import factor, grid, seconds, small
from pinn.benchmark.report.table import AbstractTable
from pinn.problem.registry import factory

SECONDS, SEEDS = 60, (0,)
PEERS = ("deepxde", "jinns", "jinns_ssbroyden", "pina", "scimba", "jno")
PROBLEMS = (
    "harmonic_oscillator", "pendulum", "kepler", "burgers", "wave", "kdv", "nls", "allen_cahn",
)  # fmt: skip
HEADER = (
    "problem", "peer", "its error", "its s", "ours as good in s", "times faster", "once compiled",
    "our error in its time", "times smaller", "why there is none",
)  # fmt: skip


@dataclass(frozen=True)
class AgainstPeers(AbstractTable):
    """One line for each problem and peer: how much faster, and how much more accurate, we are."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table."""
        groups = grouped(records)
        ours = [g for g in groups if g.label not in PEERS]
        rows = [
            self._line(g, [o for o in ours if o.case.title == g.case.title])
            for g in groups
            if g.label in PEERS
        ]
        return grid(HEADER, rows) + (
            "\nSeconds are of training and compilation, without imports; medians over the seeds. "
            "Once compiled, the seconds of training alone are compared. "
            "An error of ours is no less than ten times the reference's own.\n"
        )

    def _line(self, peer: Group, ours: list[Group]) -> list[str]:
        error, spent = peer.error, peer.whole_seconds
        if error is None or spent is None:
            reason = peer.failures[0].replace("|", "/") if peer.failures else "not recorded yet"
            return [peer.case.title, peer.label, *[""] * 7, reason]
        done = [run for group in ours if (run := reached(group)) is not None]
        fast = min((run for run in done if run[1] <= error), default=None)
        close = min((run[1] for run in done if run[0] <= spent), default=None)
        return [
            peer.case.title,
            peer.label,
            small(error),
            seconds(spent),
            "never" if fast is None else seconds(fast[0]),
            "" if fast is None else factor(spent / fast[0]),
            "" if fast is None or peer.run_seconds is None else factor(peer.run_seconds / fast[2]),
            "none yet" if close is None else small(close),
            "" if close is None else factor(error / close),
            "",
        ]


def reached(group: Group) -> tuple[float, float, float] | None:
    """Return the seconds with compilation, the error, and the seconds without; None where none."""
    whole, error, run = group.whole_seconds, group.credible_error, group.run_seconds
    return None if whole is None or error is None or run is None else (whole, error, run)


def defaults(name: str) -> dict[str, float]:
    """Return every parameter of a problem, so that peers and ours are known to solve the same."""
    signature = inspect.signature(factory(name).function)
    return {n: p.default for n, p in signature.parameters.items()}


def peer(name: str) -> Outside:
    """Return the program that runs a peer."""
    words = ("peers/run.py", name, "{problem}", "--seconds", str(SECONDS))
    return Outside(
        ("python", *words, "--seed", "{seed}", "--parameters", "{parameters}"), name=name
    )


# Where a corner of the initial data wants more than the default gives.
FINER = {
    "nls": {"pinn 60 windows": pinn.Recipe(windows=pinn.Uniform(60))},
    "allen_cahn": {"pinn 128 waves": pinn.Recipe(network=pinn.Separable(waves=128))},
}


def ours(name: str) -> tuple[Trained, ...]:
    """Return the default recipe, coarser ones, and finer ones."""
    if factory(name)().extent:
        coarser = {
            f"pinn {waves} waves": pinn.Recipe(
                network=pinn.Separable(4, waves), windows=pinn.Controlled(tolerance, order=3)
            )
            for waves, tolerance in ((12, 1e-1), (24, 1e-2), (48, 1e-3))
        }
    else:
        coarser = {
            f"pinn {tolerance:.0e}": pinn.Recipe(windows=pinn.Adaptive(tolerance))
            for tolerance in (1e-3, 1e-6, 1e-9)
        }
    others = coarser | FINER.get(name, {})
    return (Trained(), *(Trained(recipe, name=title) for title, recipe in others.items()))


def methods(name: str) -> tuple[Trained | Outside, ...]:
    """Return what solves a problem: ours, then every peer."""
    return (*ours(name), *(peer(other) for other in PEERS))


STUDY = Study(
    title="How do other libraries do in the same time?",
    cases=tuple(
        Case(name, defaults(name), seeds=(seed,), methods=methods(name))
        for seed in SEEDS
        for name in PROBLEMS
    ),
    limit=SECONDS + 480.0,
    tables=(AgainstPeers(), Accuracy()),
)
