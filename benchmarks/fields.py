"""Accuracy, drift and time of the default recipe on fields, against targets and the reference.

Run `uv run python benchmarks/fields.py`, or with `--only kdv`. Every run is in a fresh process, so
that compilation is counted. It writes `results/fields.jsonl`, one line a run, and
`results/fields.md`.
"""

import argparse
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runs import in_own_process, measured

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- fields table -->\n", "<!-- end of fields table -->\n"
LIMIT = 330.0


@dataclass(frozen=True)
class Case:
    """A problem in a published setting, with the error and drift it should reach."""

    problem: str
    error: float
    drift: float
    parameters: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)


CASES = (
    Case("heat", 1e-7, 1e-7),
    Case("kdv", 1e-4, 1e-6),
    Case("wave", 1e-7, 1e-7),
    Case("nls", 1e-4, 1e-5),
    Case("klein_gordon", 1e-6, 1e-6),
    Case("burgers", 1e-5, 1e-7, recipe={"modes": 1025}),
    Case("sine_gordon", 1e-7, 1e-7),
    Case("allen_cahn", 1e-4, 1e-4),
    Case("advection", 1e-4, 1e-5),
    Case("taylor_green", 1e-6, 1e-6),
)


def run_one(case: Case, seed: int) -> dict:
    """Solve and score one case in this process."""
    return {**asdict(case), **measured(case.problem, case.parameters, seed, case.recipe)}


def run_apart(case: Case, seed: int) -> dict:
    """Solve and score one case in a process of its own; a failure is a row that says why."""
    try:
        return in_own_process(__file__, CASES.index(case), seed, LIMIT)
    except subprocess.TimeoutExpired:
        return {**asdict(case), "seed": seed, "failed": f"not finished in {LIMIT:.0f} s"}
    except subprocess.CalledProcessError as error:
        return {**asdict(case), "seed": seed, "failed": error.stderr.strip().splitlines()[-1]}


def table(runs: list[dict]) -> str:
    """Return one row a run, with its targets."""
    lines = [
        "| problem | relative L2 error | target | worst drift | reference's | target "
        "| training s | compile s | reference s | its error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(run) for run in runs]
    good = next((run for run in runs if "facts" in run), None)
    if good is not None:
        lines += [
            "",
            f"One seed. {good['facts']['precision']}, {good['machine']}, jax "
            f"{good['versions']['jax']}; each run in a fresh process, two processes at a time. "
            "Drift is the largest of all laws, relative to each law's scale.",
        ]
    return "\n".join([*lines, ""])


def _row(run: dict) -> str:
    if "failed" in run:
        return f"| {run['problem']} | {run['failed']} |" + " |" * 8
    drift, theirs = run["reached_drift"], run["reference_drift"]
    seconds = run["seconds_spent"]
    cells = [
        run["problem"],
        f"{max(run['reached_error'].values()):.1e}",
        f"{run['error']:.0e}",
        f"{max(drift.values()):.1e}" if drift else "no law",
        f"{max(theirs.values()):.1e}" if theirs else "",
        f"{run['drift']:.0e}",
        *(f"{seconds[part]:.1f}" for part in ("training", "compile", "reference")),
        f"{run['reference_error']:.0e}",
    ]
    return "| " + " | ".join(cells) + " |"


def _publish(text: str) -> None:
    """Write the table beside the results and into the README."""
    (RESULTS / "fields.md").write_text(text)
    head, _, rest = README.read_text().partition(BEGIN)
    README.write_text(head + BEGIN + text + END + rest.partition(END)[2])


def main() -> None:
    """Run the study and write its results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one problem")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        order = json.loads(options.run)
        print(json.dumps(run_one(CASES[order["index"]], order["seed"])))
        return
    chosen = [case for case in CASES if options.only in (None, case.problem)]
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = []
        for run in pool.map(lambda case: run_apart(case, 0), chosen):
            runs.append(run)
            print(table([run]).splitlines()[2], flush=True)
            if options.only is None:
                lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in runs)
                (RESULTS / "fields.jsonl").write_text(lines)
                _publish(table(runs))


if __name__ == "__main__":
    main()
