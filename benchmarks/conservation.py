"""What holding the laws does to error, drift and time: every mode, a sweep of weights, few points.

The networks and windows are fixed and small, so that the number of points decides; the default
recipes reach round-off on mechanics, where no mode could differ. Weight 0 is among the modes. One
run trains every seed, since one compilation serves them all; each is judged on the interval [0, T]
that it was trained on and on [T, 2T], where the last window goes on by itself. Medians over the
seeds are shown, and every seed is kept in its row. `conservation.md` says what came of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pinn
from pinn.benchmark import AbstractMethod, Case, Study
from pinn.benchmark.identity import PRESENTATION
from pinn.benchmark.method import Order
from pinn.benchmark.report.groups import Group, Record, gathered, grouped, stale_note
from pinn.benchmark.report.markdown import grid, seconds, small
from pinn.benchmark.report.plots import AbstractPlot, figure_of
from pinn.benchmark.report.table import AbstractTable
from pinn.measure import worst_departure
from pinn.references.reference import Reference, reference, relative_l2

SEEDS = (0, 1, 2, 3, 4)
WEIGHTS = (0.0, 0.01, 1.0, 100.0)
SIZES = {"mechanics": (4, 8, 16), "fields": (128, 512, 1024)}
SAMPLES = {0: 401, 1: 21}
PLACES = 129

SMALL = pinn.Recipe(network=pinn.Network(width=10), windows=pinn.Uniform(6), steps=40)
OVER_SPACE = pinn.Recipe(
    network=pinn.Network(width=12, depth=2, spread=1.0, harmonics=2),
    windows=pinn.Uniform(3),
    steps=25,
    modes=65,
)

ONE_WINDOW = pinn.Recipe(
    network=pinn.Network(width=20, depth=2, spread=1.0, harmonics=3),
    windows=pinn.Uniform(1),
    points=1500,
    steps=100,
    modes=129,
)
TUNED = {
    "1500 points, 1 window": ONE_WINDOW,
    "1500 points, 8 windows": replace(ONE_WINDOW, windows=pinn.Uniform(8), steps=40),
}

MECHANICS = (
    ("pendulum", {}),
    ("kepler", {"eccentricity": 0.5}),
    ("henon_heiles", {}),
    ("three_body", {}),
    ("double_pendulum", {"end": 2.5}),
    ("toda", {}),
)
FIELDS = (
    ("kdv", {"delta": 0.1}),
    ("klein_gordon", {"end": 2.0}),
    ("nls", {"end": 0.6}),
    ("wave", {"end": 0.25}),
    ("mkdv", {"end": 0.5}),
    ("collision", {}),
    ("burgers", {}),
)
JUDGED = ("error", "drift", "drift before", "error beyond", "drift beyond")
HEADER = ("problem", "conservation", *JUDGED, "seconds")


@dataclass(frozen=True)
class Held(AbstractMethod):
    """Networks of several seeds, trained on [0, T] in one mode, judged there and on [T, 2T].

    Args:
        recipe: how they are trained.
        name: what tables call the mode.
        seeds: of the networks.
    """

    recipe: pinn.Recipe
    name: str = field(metadata=PRESENTATION)
    seeds: tuple[int, ...] = SEEDS

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name

    def measure(self, order: Order) -> dict[str, Any]:
        """Train every seed, and compare each with a reference over twice the time."""
        problem, runs = order.problem(), []
        interval = problem.interval
        longer = replace(interval, upper=interval.upper + interval.length)
        truth = reference(replace(problem, axes={**problem.axes, problem.time: longer}))
        for seed in self.seeds:
            solution = pinn.solve(problem, seed=seed, recipe=self.recipe, progress=False)
            runs.append(judged(solution, truth) | {"seconds": solution.seconds["training"]})
        middle = {name: median(run[name] for run in runs) for name in (*JUDGED, "seconds")}
        return {
            "seconds": {
                "run": middle["seconds"],
                "compile": solution.seconds["compile"],
                "total": order.elapsed(),
            },
            "parameter_count": solution.parameter_count,
            "points": solution.recipe.points,
            "precision": solution.recipe.precision,
            "steps": solution.steps,
            "error": {"fields": middle["error"]},
            "drift": {"laws": middle["drift"]},
            "judged": middle,
            "seeds": runs,
            "reference": {"name": truth.method.name, "error": truth.error_estimate},
        }


def judged(solution: pinn.Solution, truth: Reference) -> dict[str, float]:
    """Return the worst field's error and the worst law's drift, inside and beyond the interval."""
    problem = solution.problem
    start, end = problem.interval.lower, problem.interval.upper
    count = SAMPLES[len(problem.extent)]
    times = np.linspace(start, 2.0 * end - start, 2 * count - 1)
    mine, theirs = fields_at(solution, times), fields_at(truth, times)
    drifts = worst_departure(solution.trajectory.extrapolated, times)
    found = {"drift before": float(np.max(drifts[:count]))}
    if solution.projected:
        before = worst_departure(solution.unprojected, times[:count])
        found["drift before"] = float(np.max(before))
    for word, part in (("", slice(None, count)), (" beyond", slice(count - 1, None))):
        found["error" + word] = max(relative_l2(mine[n][part], theirs[n][part]) for n in mine)
        found["drift" + word] = float(np.max(drifts[part]))
    return found


def fields_at(solver: pinn.Solution | Reference, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return the fields at some times, over space on an even grid at each."""
    extent = solver.problem.extent.values()
    places = [np.linspace(axis.lower, axis.upper, PLACES) for axis in extent]
    points = np.meshgrid(times, *places, indexing="ij", sparse=True)
    values = solver(*points, extrapolate=True)
    return {name: np.asarray(value) for name, value in values.items()}


@dataclass(frozen=True)
class Modes(AbstractTable):
    """One line for each problem, number of points and mode."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table."""
        groups = [group for group in grouped(records) if group.runs]
        lines = [
            [g.case.title, g.label + g.mark]
            + [small(g.middle(lambda row, n=name: row["judged"][n])) for name in JUDGED]
            + [seconds(g.run_seconds)]
            for g in groups
        ]
        return grid(HEADER, lines) + (
            f"\nMedians over {len(SEEDS)} seeds: relative L2 error, worst drift, the same before "
            f"projection, and both on [T, 2T]; seconds of training, compiled.\n{stale_note(groups)}"
        )


@dataclass(frozen=True)
class Helps(AbstractTable):
    """One line for each problem and number of points: the error of each mode over that of none."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table."""
        cases: dict[str, dict[str, Group]] = {}
        for group in grouped(records):
            if group.error is not None:
                cases.setdefault(group.case.title, {})[group.label] = group
        names = dict.fromkeys(name for modes in cases.values() for name in modes if name != "off")
        lines = []
        for title, modes in cases.items():
            if "off" in modes:
                base = modes["off"].error or 0.0
                ratios = [_ratio(modes.get(name), base) for name in names]
                lines.append([title, small(base), *ratios])
        return grid(("problem", "error, off", *names), lines) + (
            "\nError as a multiple of the error without conservation: below 1 a mode helps.\n"
        )


def _ratio(group: Group | None, base: float) -> str:
    return "" if group is None or group.error is None else f"{group.error / base:.2g}"


@dataclass(frozen=True)
class ByPoints(AbstractPlot):
    """Error, inside and beyond the interval, against the points, a curve for each mode."""

    @property
    def name(self) -> str:
        """What its file is called after the study's name."""
        return "points"

    def draw(self, records: Sequence[Record]) -> Any:
        """Return the figure."""
        swept = [group for group in grouped(records) if group.runs and group.case.sweep]
        problems = gathered(swept, lambda group: group.case.problem)
        if not problems:
            return None
        figure = figure_of(2, len(problems))
        for row, (problem, groups) in enumerate(problems.items()):
            for column, what in enumerate(("error", "error beyond")):
                axes = figure.axes[2 * row + column]
                for mode in dict.fromkeys(group.label for group in groups):
                    points = [g for g in groups if g.label == mode]
                    values = [g.middle(lambda r, n=what: r["judged"][n]) for g in points]
                    counts = [g.middle(lambda row: row["points"]) for g in points]
                    axes.loglog(counts, values, ".-", label=mode)
                axes.set(title=problem, xlabel="points in a window", ylabel=what)
                axes.set_xticks(counts, [f"{count:g}" for count in counts])
                axes.xaxis.minorticks_off()
            axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.02, 0.5))
        return figure


@pinn.register
def collision(speeds: tuple[float, float] = (2.0, 0.7), end: float = 8.0) -> pinn.Problem:
    """Two solitons of u_t + 6 u u_x + u_xxx = 0, the fast one behind, that pass through each other.

    u = 2 ∂²/∂x² log F, F = 1 + e^a + e^b + ((k − m)/(k + m))² e^{a + b}, a = k(x + 10) and
    b = m(x + 3), with the speeds k² and m² (Hirota 1971, doi:10.1103/PhysRevLett.27.1192). The
    circle is so long that their tails end below the errors that are studied.
    """
    k, m = (speed**0.5 for speed in speeds)

    def logarithm(x):
        a, b = k * (x + 10.0), m * (x + 3.0)
        return jnp.log1p(jnp.exp(a) + jnp.exp(b) + ((k - m) / (k + m)) ** 2 * jnp.exp(a + b))

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-24.0, 24.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t + 6.0 * j.u * j.u_x + j.u_xxx,
        initial={"u": lambda x: 2.0 * jax.grad(jax.grad(logarithm))(x)},
        conserved={
            "mass": lambda j: j.u,
            "momentum": lambda j: 0.5 * j.u**2,
            "energy": pinn.Multiplier(
                lambda j: 3.0 * j.u**2 + j.u_xx, density=lambda j: j.u**3 - 0.5 * j.u_x**2
            ),
        },
    )


def modes(recipe: pinn.Recipe, names: tuple[str, ...]) -> tuple[Held, ...]:
    """Return the weights and the modes by name, of one recipe."""
    weighted = [
        Held(replace(recipe, conservation=w), "off" if w == 0.0 else f"weight {w:g}")
        for w in WEIGHTS
    ]
    return (*weighted, *(Held(replace(recipe, conservation=name), name) for name in names))


def cases() -> tuple[Case, ...]:
    """Return every problem with every number of points."""
    found = []
    for group, recipe, listed, names in (
        ("mechanics", SMALL, MECHANICS, ("augmented", "exact")),
        ("fields", OVER_SPACE, FIELDS, ("augmented", "exact")),
    ):
        for name, parameters in listed:
            for count in SIZES[group]:
                methods = modes(replace(recipe, points=count), names)
                sweep = ("points", float(count))
                found.append(
                    Case(name, parameters, f"{count} points", sweep=sweep, methods=methods)
                )
    for setting, recipe in TUNED.items():
        found.append(Case("kdv", {}, setting, methods=modes(recipe, ("exact",))))
    return tuple(found)


STUDY = Study(
    title="When does it help to hold the laws, and when does it hurt?",
    cases=cases(),
    limit=900.0,
    tables=(Helps(), Modes()),
    plots=(ByPoints(),),
)
