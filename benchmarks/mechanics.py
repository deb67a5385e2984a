"""Accuracy, drift and time of the default recipe on mechanics, against targets and diffrax.

Run `uv run python benchmarks/mechanics.py` (all seeds), or with `--seeds 1 --only kepler`. Every
run is in a fresh process, so that compilation is counted. It writes `results/mechanics.jsonl`, one
line a run, and `results/mechanics.md`, the table that the README shows.
"""

import argparse
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from runs import in_own_process, measured

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- mechanics table -->\n", "<!-- end of mechanics table -->\n"


@dataclass(frozen=True)
class Case:
    """A problem in a published setting, with the error, drift and seconds it must reach."""

    problem: str
    parameters: dict = field(default_factory=dict)
    setting: str = ""
    error: float | None = None
    drift: float | None = None
    seconds: float | None = None


CASES = (
    Case("harmonic_oscillator", {}, "t ≤ 20", 1e-10, 1e-10, 10.0),
    Case("pendulum", {}, "from 2 rad, t ≤ 10", 1e-10, 1e-10, 10.0),
    Case("kepler", {"eccentricity": 0.5}, "e = 0.5, one period", 1e-9, 1e-9, 15.0),
    Case("kepler", {"eccentricity": 0.6, "periods": 10.0}, "e = 0.6, 10 periods", 1e-7, 1e-8, 60.0),
    Case("henon_heiles", {}, "t ≤ 12π", 1e-8, 1e-8, 60.0),
    Case("three_body", {}, "figure eight, one period", 1e-8, 1e-9, 60.0),
    Case("double_pendulum", {}, "t ≤ 5", 1e-7, 1e-8, 60.0),
    Case("lotka_volterra", {}, "from (1.5, 1), t ≤ 12", 1e-9, 1e-9, 20.0),
    *(
        Case(name)
        for name in (
            "charged_particle",
            "damped_oscillator",
            "fermat_ray",
            "fput",
            "isotropic_oscillator",
            "lorenz",
            "point_vortices",
            "rigid_body",
            "rotating_frame",
            "struck_oscillator",
            "toda",
            "two_body",
            "van_der_pol",
        )
    ),
)


def run_one(case: Case, seed: int) -> dict:
    """Solve and score one case in this process."""
    row = measured(case.problem, case.parameters, seed, {})
    return {**asdict(case), "diffrax_drift": row.pop("reference_drift"), **row}


def run_apart(case: Case, seed: int) -> dict:
    """Solve and score one case in a process of its own."""
    return in_own_process(__file__, CASES.index(case), seed)


def table(runs: list[dict]) -> str:
    """Return the median over the seeds of each case, with targets where there are any."""
    lines = [
        "| problem | relative L2 error | target | worst drift | diffrax | target "
        "| training s | compile s | diffrax s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    cases = {(r["problem"], r["setting"]): [] for r in runs}
    for run in runs:
        cases[run["problem"], run["setting"]].append(run)
    lines += [_row(*case, group) for case, group in cases.items()]
    last = runs[-1]
    lines += [
        "",
        "Median and, in brackets, worst over the seeds: five where there is a target, two "
        f"elsewhere. {last['facts']['precision']}, {last['machine']}, "
        f"jax {last['versions']['jax']}; each run in a fresh process. Drift is before any "
        "projection, the largest of all charges, "
        "on 2,001 times that training did not use; diffrax is Dopri8 with tolerances at round-off, "
        "its seconds with compilation. The references' own errors are estimated at "
        f"{max(r['reference_error'] for r in runs):.0e} or less.",
        "",
    ]
    return "\n".join(lines)


def _row(problem: str, setting: str, runs: list[dict]) -> str:
    def middle(pick) -> str:
        values = [pick(run) for run in runs]
        return f"{median(values):.1e} ({max(values):.0e})"

    first = runs[0]
    drifts = bool(first["reached_drift"])
    cells = [
        f"{problem}{', ' + setting if setting else ''}",
        middle(lambda r: max(r["reached_error"].values())),
        f"{first['error']:.0e}" if first["error"] else "",
        middle(lambda r: max(r["reached_drift"].values())) if drifts else "no law",
        middle(lambda r: max(r["diffrax_drift"].values())) if drifts else "",
        f"{first['drift']:.0e}" if first["drift"] else "",
        f"{median(r['seconds_spent']['training'] for r in runs):.1f}"
        + (f" (≤ {first['seconds']:.0f})" if first["seconds"] else ""),
        f"{median(r['seconds_spent']['compile'] for r in runs):.1f}",
        f"{median(r['seconds_spent']['reference'] for r in runs):.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Run the study, and write its results and the README's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", help="one problem")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        order = json.loads(options.run)
        print(json.dumps(run_one(CASES[order["index"]], order["seed"])))
        return
    chosen = [case for case in CASES if options.only in (None, case.problem)]
    runs = []
    for case in chosen:
        for seed in range(options.seeds if case.error else min(options.seeds, 2)):
            runs.append(run_apart(case, seed))
            error = max(runs[-1]["reached_error"].values())
            print(f"{case.problem} {case.setting} seed {seed}: {error:.1e}", flush=True)
    if options.only:
        print(table(runs))
        return
    RESULTS.mkdir(exist_ok=True)
    lines = "".join(json.dumps(run, ensure_ascii=False) + "\n" for run in runs)
    (RESULTS / "mechanics.jsonl").write_text(lines)
    (RESULTS / "mechanics.md").write_text(table(runs))
    text = README.read_text()
    head, _, rest = text.partition(BEGIN)
    README.write_text(head + BEGIN + table(runs) + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
