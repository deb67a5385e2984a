"""What every study does with one run: solve and score it, in a process of its own."""

import json
import os
import platform
import subprocess
import sys
import time
from typing import Any


def measured(name: str, parameters: dict, seed: int, recipe: dict) -> dict[str, Any]:
    """Solve and score one problem in this process, and return all that a row holds."""
    started = time.perf_counter()
    import pinn

    problem = pinn.get(name, **parameters)
    solution = pinn.solve(problem, seed=seed, recipe=pinn.Recipe(**recipe), progress=False)
    total = time.perf_counter() - started
    scores = pinn.compare(solution)
    return {
        "parameters": dict(problem.parameters),
        "seed": seed,
        "reached_error": dict(scores.error),
        "reached_drift": dict(scores.drift),
        "reference_drift": dict(scores.reference_drift),
        "reference_error": scores.reference_error,
        "seconds_spent": dict(scores.seconds),
        "seconds_total": total,
        "facts": dict(scores.facts),
        "versions": dict(solution.versions),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def in_own_process(script: str, index: int, seed: int, limit: float | None = None) -> dict:
    """Run one case of a study by its script's `--run`, and return the row that it prints.

    Raises:
        subprocess.CalledProcessError: the run failed.
        subprocess.TimeoutExpired: it took more than `limit` seconds.
    """
    command = [sys.executable, script, "--run", json.dumps({"index": index, "seed": seed})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    return json.loads(done.stdout.splitlines()[-1])
