"""What a claimed law comes to, from its tests on many jets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet
from pinn.noether.gradient import LEAST, differences, direction, has_slope, mismatch
from pinn.noether.rounding import Columns, Defect, Sums, defect_of
from pinn.problem.problem import Problem

TOLERANCE = 1e-6
COUNTS = ((8, 4096), (24, 2048))
FEWEST = 512
CLEARLY = 1e-6

Test = Callable[[Jet], dict[str, tuple[Array, Array]]]


@dataclass(frozen=True)
class Verdict:
    """How well a claim holds on jets.

    Args:
        claim: the charge's name.
        kind: `symmetry` (Δ ≡ 0 off shell), `first integral` (dI/dt ≡ 0 on shell), `multiplier`
            (E(Λ·residual) ≡ 0 off shell) or `balance law`; `wall` or `seam` where a true local law
            does not give a conserved total; `flux` where the one found is not one; `no gradient`,
            `wrong gradient`, `divergence` or `not finite` where a density is none.
        defect: the largest |Σ terms| / Σ |terms| beyond rounding, else that of the whole; for a
            wall, the largest flux through it relative to that without boundary conditions.
        where: the face or the coordinate of a wall or seam, else the worst jet.
        real: whether the defect is more than rounding.
    """

    claim: str
    kind: str
    defect: float
    where: str = ""
    real: bool = False

    @property
    def holds(self) -> bool:
        """Whether the claim is kept: its defect is rounding, or at most 1e-6."""
        return self.kind not in FATAL and self.defect <= TOLERANCE

    @property
    def nearly(self) -> bool:
        """Whether it holds, but for a defect that is more than rounding."""
        return self.holds and self.real


FATAL = ("no gradient", "divergence", "not finite", "nowhere finite")


@dataclass(frozen=True, eq=False)
class JetTests:
    """Tests of several charges at jets, compiled once for a number of them.

    Args:
        entries: that the jets hold.
        count: how many jets are tested at once.
        run: from that many jets to what each charge shows on each, under its name.
    """

    entries: tuple[str, ...]
    count: int
    run: Callable[[Columns], dict[str, Any]]

    @classmethod
    def of(
        cls,
        problem: Problem,
        tests: Mapping[str, tuple[Test, set[str]]],
        equation: Callable[[Jet], Array],
        needs: set[str],
    ) -> "JetTests":
        """Compile tests.

        Args:
            problem: whose jets.
            tests: by charge, what is evaluated at one jet, and the entries that this needs.
            equation: what is finite where a state is one that the problem may reach.
            needs: the entries of the jet that it reads.
        """
        names = tuple(sorted(needs.union(*(more for _, more in tests.values()))))

        def every(values: Mapping[str, Array]) -> dict[str, Any]:
            jet = Jet(problem.space, values)
            found: dict[str, Any] = {name: test(jet) for name, (test, _) in tests.items()}
            value = equation(jet)
            return {"laws": found, "fine": jnp.all(jnp.isfinite(value)), "equation": value}

        compiled = jax.jit(jax.vmap(every))

        def run(points: Columns) -> dict[str, Any]:
            columns = {n: jnp.asarray(points[n]) for n in names}
            return jax.tree.map(np.asarray, compiled(columns))

        numbers = sum(int(np.prod(problem.space.shape(n))) for n in names)
        count = next((count for most, count in COUNTS if numbers <= most), FEWEST)
        return cls(names, count, run)


class Motion(NamedTuple):
    """A direction at jets along which each charge's derivative is known.

    Args:
        velocity: of each entry that moves.
        stated: the derivative that differentiation finds.
        lengths: of each coordinate's axis.
    """

    velocity: Mapping[str, np.ndarray]
    stated: Callable[["Seen"], np.ndarray]
    lengths: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a charge showed on jets.

    Args:
        tests: which.
        name: of the charge.
        points: the jets.
        known: what the tests gave on them.
    """

    tests: JetTests
    name: str
    points: Columns
    known: Mapping[str, Any]

    def sums(self, what: str, known: Mapping[str, Any] | None = None) -> Sums:
        """Return a test's sum and size, infinite where the equation itself is not finite."""
        known = self.known if known is None else known
        total, size = known["laws"][self.name][what]
        fine = known["fine"].reshape(-1, *[1] * (np.ndim(total) - 1))
        return np.where(fine, total, np.inf), np.where(fine, size, np.inf)

    def defect(self, what: str) -> Defect:
        """Return how far one of the tests is from zero."""
        again = lambda points: self.sums(what, self.tests.run(points))  # noqa: E731
        return defect_of(again, self.points, known=self.sums(what))

    @property
    def finite(self) -> np.ndarray:
        """Whether all of a claim is finite at each jet."""
        pairs = [*self.sums("claim"), *self.sums("value")]
        return np.all([np.all(np.isfinite(_rows(p)), axis=1) for p in pairs], axis=0)

    def place(self, index: int) -> str:
        """Return where a jet lies, as `t = 2.5, q = 1`, fields and coordinates first."""
        names = sorted(self.points, key=lambda n: ("_" in n, n))[:3]
        text = lambda v: np.array2string(np.asarray(v), precision=3, separator=", ")  # noqa: E731
        return ", ".join(f"{n} = {text(self.points[n][index])}" for n in names)


def verdict_of(seen: Seen, kind: str, strict: np.ndarray, law: Defect | None = None) -> Verdict:
    """Return what a charge comes to.

    Args:
        seen: on jets.
        kind: of law.
        strict: at which jets the claim must be finite if the equation is.
        law: the defect of its law, where another test than that on jets decides.
    """
    finite, name = seen.finite, seen.name
    if not finite.any():
        return Verdict(name, "nowhere finite", np.inf)
    broken = strict & seen.known["fine"] & ~finite
    if broken.any():
        return Verdict(name, "not finite", np.inf, seen.place(int(np.argmax(broken))))
    where = ""
    if law is None:
        law = seen.defect("claim")
        where = seen.place(law.place) if law.real else ""
    return Verdict(name, kind, law.size, where, law.real)


def gradient_verdict(
    seen: Seen, found: Verdict, motion: Motion, slope: Callable[[Columns], np.ndarray]
) -> Verdict:
    """Return a verdict, after a look at whether the density has a gradient, and the right one.

    Args:
        seen: a charge on jets.
        found: what its law came to.
        motion: along which its derivative is known.
        slope: its derivative along some direction, for what differences cannot see.
    """
    values = lambda points: _rows(seen.sums("value", seen.tests.run(points))[0])  # noqa: E731
    moving = {n: v for n, v in seen.points.items() if n not in motion.lengths}
    across = {n: direction(n, v, v.shape[1:], None) for n, v in moving.items()}
    change, unsure, size = differences(values, seen.points, across)
    value = np.abs(values(seen.points))[: len(change)]
    with np.errstate(invalid="ignore"):
        clear = np.isfinite(value) & (np.abs(change) > unsure + CLEARLY * value)
    known = seen.known["laws"][seen.name]
    # A step, where it is crossed often enough, has differences but no derivative; a velocity that
    # does not change has a derivative, but no rate.
    part = known.get("slope", known["claim"])[1]
    flat = found.kind != "symmetry" and np.any(np.all(_rows(part) == 0.0, axis=0))
    suspect = flat or not np.all(np.any(clear, axis=0))
    if suspect and not has_slope(slope, seen.points):
        return Verdict(found.claim, "no gradient", 0.0)
    along, unknown, _ = differences(values, seen.points, motion.velocity)
    stated = _rows(motion.stated(seen))[: len(along)]
    missed = mismatch(along, unknown, stated, size)
    if missed > max(found.defect if found.real else 0.0, LEAST):
        return Verdict(found.claim, "wrong gradient", missed, found.where, True)
    return found


def _rows(values: np.ndarray) -> np.ndarray:
    return np.reshape(values, (len(values), -1))
