"""Who wins: each network beside the classical methods, at equal error and in equal time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pinn.benchmark.report.groups import Group, Record, grouped, stale_note
from pinn.benchmark.report.markdown import factor, grid, seconds, small
from pinn.benchmark.report.table import AbstractTable

HEADER = (
    "problem", "network", "error", "seconds", "compile s",
    "classical, at equal error", "seconds", "compile s", "times faster", "compiling too",
    "classical, in equal time", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Winners(AbstractTable):
    """Each network's row with two classical ones, and a sentence that says who wins.

    At equal error stands the fastest classical run whose error is no larger than the network's; in
    equal time the most accurate one that takes no longer, compilation left out on both sides.
    Errors within ten times the reference's own cannot be told apart and count as equal.
    """

    def render(self, records: Sequence[Record]) -> str:
        """Return the table and the verdict."""
        groups = [g for g in grouped(records) if g.error is not None and g.run_seconds is not None]
        networks = [group for group in groups if not group.classical]
        duels = [duel for network in networks if (duel := Duel.of(network, groups)).rivals]
        if not duels:
            return "No classical method is recorded beside a network yet: nothing can be said.\n"
        table = grid(HEADER, [duel.line() for duel in duels])
        return f"{table}\n{verdict(duels)}\n{stale_note(networks)}"


@dataclass(frozen=True)
class Duel:
    """A network, and the classical runs that match it best at equal error and in equal time.

    Args:
        network: the runs of a recipe.
        equal_error: the fastest classical method that is at least as accurate.
        equal_time: the most accurate one that is at least as fast.
        rivals: how many classical methods solve the same problem.
    """

    network: Group
    equal_error: Group | None
    equal_time: Group | None
    rivals: int

    @classmethod
    def of(cls, network: Group, groups: Sequence[Group]) -> "Duel":
        """Return the network's duel with those of the groups that solve the same problem."""
        rivals = [g for g in groups if g.classical and g.together == network.together]
        as_good = [g for g in rivals if _least(g.error) <= _least(network.credible_error)]
        as_fast = [g for g in rivals if _least(g.run_seconds) <= _least(network.run_seconds)]
        return cls(
            network,
            min(as_good, key=lambda g: _least(g.run_seconds), default=None),
            min(as_fast, key=lambda g: _least(g.error), default=None),
            len(rivals),
        )

    @property
    def faster(self) -> float | None:
        """How many times faster the classical method of equal error is."""
        other = self.equal_error
        return (
            None if other is None else _least(self.network.run_seconds) / _least(other.run_seconds)
        )

    @property
    def faster_compiling_too(self) -> float | None:
        """The same with compilation."""
        if self.equal_error is None:
            return None
        return _least(self.network.whole_seconds) / _least(self.equal_error.whole_seconds)

    @property
    def outclassed(self) -> bool:
        """Whether a classical method is more accurate in equal time, by more than round-off."""
        other = self.equal_time
        return other is not None and _least(other.credible_error) < _least(self.network.error)

    def line(self) -> list[str]:
        """Return the row of the table."""
        network, good, fast = self.network, self.equal_error, self.equal_time
        ratios = (self.faster, self.faster_compiling_too)
        return [
            network.case.title,
            network.label + network.mark,
            *(small(network.error), seconds(network.run_seconds), seconds(network.compile_seconds)),
            *(
                (good.label + good.mark, seconds(good.run_seconds), seconds(good.compile_seconds))
                if good
                else ("none is as accurate", "", "")
            ),
            *("" if ratio is None else factor(ratio) for ratio in ratios),
            *((fast.label + fast.mark, small(fast.error)) if fast else ("none is as fast", "")),
        ]


def verdict(duels: Sequence[Duel]) -> str:
    """Return who wins, in words."""
    lost = [duel for duel in duels if duel.faster is not None and duel.faster > 1.0]
    more_exact = [duel for duel in duels if duel.outclassed]
    unmatched = [duel for duel in duels if duel.equal_error is None]
    sentences = [f"Of {len(duels)} networks," if len(duels) > 1 else "Of 1 network,"]
    if lost:
        ratio = factor(median(duel.faster or 0.0 for duel in lost))
        whole = factor(median(duel.faster_compiling_too or 0.0 for duel in lost))
        are = "is" if len(lost) == 1 else "are"
        sentences.append(
            f"{len(lost)} {are} beaten: a classical method is at least as accurate in less time, "
            f"by a median factor of {ratio} without compilation and {whole} with it;"
        )
    else:
        sentences.append("none is beaten at equal error;")
    sentences.append(
        f"in equal time a classical method is more accurate in {len(more_exact)}; no recorded "
        f"classical run is as accurate in {len(unmatched)}."
    )
    return " ".join(sentences)


def _least(value: float | None) -> float:
    assert value is not None
    return max(value, 1e-300)
