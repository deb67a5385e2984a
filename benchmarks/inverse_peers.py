"""Unknown constants by other libraries and by this one: the same data, guesses and core.

Every library trains for the same seconds by `peers/inverse.py`, in the way that it documents for
unknown constants; ours is one call of its estimation. Seconds are of the process's own time on one
core, compilation included, so that what else the machine had to do is nobody's loss. Where there is
noise, an error of one standard deviation is what the data allow: no estimate can be relied on to do
better, and a smaller one is chance.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pinn.benchmark import AbstractMethod, Case, Outside, Study
from pinn.benchmark.method import Order
from pinn.benchmark.report.groups import STALE, Record
from pinn.benchmark.report.markdown import grid, small
from pinn.benchmark.report.table import AbstractTable
from pinn.estimation.estimate import estimate
from pinn.estimation.fit import Optimum
from pinn.posterior import Posterior
from pinn.precision import arithmetic
from pinn.training.recipe import Recipe

BUDGETS = (60, 300)
HERE = Path(__file__).parent / "peers"
FILES = ("inverse", "inverse_measuring", "inverse_adapter", "inverse_statements", "adapter",
         "statements", "measuring", "environments")  # fmt: skip
MODULES = {
    "deepxde": ("deepxde", "inverse_deepxde"),
    "jinns": ("jinns_parts", "inverse_jinns"),
}
# What tables call a library's recipe, and the words that ask for it.
RECIPES = {
    "DeepXDE": ("deepxde", "example"),
    "DeepXDE, scaled": ("deepxde", "scaled"),
    "jinns, natural gradient": ("jinns", "scaled"),
    "jinns, SSBroyden": ("jinns_ssbroyden", "scaled"),
}
OURS = "pinn"


@dataclass(frozen=True)
class Once(AbstractMethod):
    """The estimate from the data as they are, one draw of the noise."""

    foreign: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return OURS

    def measure(self, order: Order) -> dict[str, Any]:
        """Estimate, and tell each constant's error and standard deviation."""
        begun = time.process_time()
        problem = order.problem()
        with arithmetic("float64"):
            found = estimate(problem, Recipe())
        fitting, fit = found.fitting, found.fit
        seconds = {"cpu": time.process_time() - begun, "total": order.elapsed()}
        posterior = Posterior(
            fitting.vector, fitting.observations, Optimum.of(fit), lambda: fitting.model
        )
        values = {name: float(np.asarray(posterior.estimate[name])) for name in problem.unknowns}
        return {
            "error": {n: relative(v, problem.parameters[n]) for n, v in values.items()},
            "drift": {},
            "seconds": seconds,
            "unknowns": values,
            "deviation": {
                n: float(posterior.std[n]) / abs(problem.parameters[n]) for n in problem.unknowns
            },
            "converged": bool(fit.converged),
        }


def relative(value: float, truth: float) -> float:
    """Return |value − truth| / |truth|."""
    return abs(value - truth) / abs(truth)


def theirs(name: str, budget: int) -> Outside:
    """Return the program that runs one recipe of a library for some seconds."""
    peer, recipe = RECIPES[name]
    module = peer.partition("_")[0]
    words = ("peers/inverse.py", peer, "{problem}", "--seconds", str(budget), "--recipe", recipe)
    return Outside(
        ("python", *words, "--seed", "{seed}", "--parameters", "{parameters}"),
        name=f"{name}, {budget} s",
        sources=(
            *(HERE / f"{file}.py" for file in (*FILES, *MODULES[module])),
            HERE / "requirements" / f"{module}.txt",
        ),
    )


@dataclass(frozen=True)
class Unknowns(AbstractTable):
    """Each unknown's error, and in standard deviations of our posterior where there is noise."""

    def render(self, records: Sequence[Record]) -> str:
        """Return Markdown."""
        deviations = {
            cell.group: row["deviation"] for cell, row in records if row and "deviation" in row
        }
        rows, stale = [], False
        for cell, row in records:
            if row is None:
                continue
            mark = STALE if row.get("stale") else ""
            stale |= bool(mark)
            about = (cell.case.title, cell.method.label + mark)
            if row["status"] != "done":
                rows.append((*about, str(row.get("reason", row["status"])), "", ""))
                continue
            noisy = deviations.get(cell.group, {}) if cell.parameters["noise"] else {}
            rows.append((*about, _errors(row, noisy), *_seconds(row)))
        header = ("problem", "library", "error of each unknown", "seconds", "until within 1 %")
        return f"{grid(header, rows)}\n{NOTE}{OLD if stale else ''}\n"


NOTE = (
    "Errors are |found − truth| / |truth|, and in brackets, where there is noise, in standard "
    "deviations of our posterior. Seconds are of the process's own time on one core, from the "
    "imports to the end. The last column has the first look from which on every unknown stayed "
    "within 1 % of the truth, for those who watch the truth; a practitioner cannot.\n"
)
OLD = "† is of other code than what is here.\n"


def _errors(row: dict[str, Any], deviations: dict[str, float]) -> str:
    def one(name: str, error: float) -> str:
        sigmas = f" ({error / deviations[name]:.1f})" if name in deviations else ""
        return f"{name} {small(error)}{sigmas}"

    return ", ".join(one(*item) for item in row["error"].items())


def _seconds(row: dict[str, Any]) -> tuple[str, str]:
    spent = row["seconds"]["cpu"]
    if "trace" not in row:
        within = f"{spent:.0f}" if max(row["error"].values()) <= 0.01 else "never"
        return f"{spent:.0f}", within
    when = settled(row["trace"]["seconds"], row["trace"]["error"], 0.01)
    return f"{spent:.0f}", "never" if when is None else f"{when:.0f}"


def settled(seconds: Sequence[float], errors: Sequence[float], bound: float) -> float | None:
    """Return the first time from which on errors stay within a bound, None where they do not."""
    found = None
    for when, error in zip(seconds, errors, strict=True):
        if not error <= bound:
            found = None
        elif found is None:
            found = when
    return found


MILD = {"sigma": 10.0, "rho": 15.0, "beta": 8.0 / 3.0, "count": 25, "noise": 0.0}
METHODS = (Once(), *(theirs(name, budget) for budget in BUDGETS for name in RECIPES))
STUDY = Study(
    title="Unknown constants: other libraries and this one",
    cases=(
        Case("lorenz_inverse", MILD, "ρ = 15, 25 states without noise", methods=METHODS),
        Case("lorenz_inverse", {}, "ρ = 28, 300 states, σ = 0.5", methods=METHODS),
        Case("burgers_inverse", {"noise": 0.0}, "without noise", methods=METHODS),
        Case("burgers_inverse", {"noise": 0.01}, "1 % of noise", methods=METHODS),
    ),
    limit=7200.0,
    tables=(Unknowns(),),
)
