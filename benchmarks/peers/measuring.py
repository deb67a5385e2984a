"""A peer's row: its environment, its run on one core, and its judge."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pinn.errors import PinnError, ProblemError, near_matches
from pinn.problem.problem import Problem
from pinn.problem.registry import factory

from .environments import HERE, PEERS, Peer, prepare
from .exporting import export, statement_of
from .judging import judged, looked

GRACE = 240.0
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def main(words: Sequence[str]) -> int:
    """Print the row of one peer on one problem; exit with 1 where it has only a reason."""
    options = _options().parse_args(words)
    try:
        row = measured(options)
    except PinnError as error:
        row = {"peer": options.peer, "problem": options.problem, "reason": str(error)}
    print(json.dumps(row, ensure_ascii=False), flush=True)
    if "reason" not in row:
        return 0
    print(row["reason"], file=sys.stderr)
    return 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("problem", nargs="?", help="a name of the registry")
    parser.add_argument("--seconds", type=float, default=60.0, help="of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parameters", default="{}", help="of the problem, as JSON")
    parser.add_argument("--initial", choices=("hard", "soft"), default="hard", help="initial data")
    parser.add_argument("--prepare", action="store_true", help="only make the environment")
    return parser


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return the row that the command line asks for.

    Raises:
        PinnError: no such peer or problem, or its environment cannot be made.
    """
    if options.peer not in PEERS:
        raise ProblemError(
            f"There is no peer {options.peer!r}{near_matches(options.peer, PEERS)}, only "
            f"{', '.join(PEERS)}."
        )
    peer = PEERS[options.peer]
    prepare(peer)
    if options.prepare:
        return {"peer": peer.name, "version": peer.version, "prepared": str(peer.folder.name)}
    if options.problem is None:
        raise ProblemError("Give a problem of the registry after the peer, or --prepare.")
    statement_of(options.problem)
    parameters = json.loads(options.parameters)
    problem = factory(options.problem)(**parameters)
    with tempfile.TemporaryDirectory(prefix="pinn-peer-") as name:
        folder = Path(name)
        export(folder, problem, parameters, options.seconds, options.seed, options.initial)
        reason = launched(peer, peer.adapter, folder, options.seconds + GRACE)
        said = {"reason": reason} if reason else json.loads((folder / "answer.json").read_text())
        values = {} if reason else dict(np.load(folder / "values.npz"))
    about = {
        "peer": peer.name,
        "version": peer.version,
        "problem": options.problem,
        "seed": options.seed,
        "budget": options.seconds,
        "initial": options.initial,
    }
    return {**about, **row(problem, said, values)}


def row(problem: Problem, said: dict[str, Any], values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what the row holds besides who ran what.

    Args:
        problem: what was solved.
        said: the adapter's answer; with a `reason` there is no result.
        values: the components at the points of the test grid, at each look at it, and at those of
            the ledger.
    """
    if "reason" in said:
        return {"reason": said["reason"]}
    about = {
        "seconds": {
            "run": said["seconds_train"],
            "compile": said["seconds_setup"],
            "import": said["seconds_import"],
            "total": said["seconds_total"],
        },
        "peak_bytes": said["peak_bytes"],
        "steps": said["steps"],
        "parameter_count": said["parameters"],
        "points": said["points"],
        "precision": "float64",
        "recipe": said["recipe"],
    }
    about |= looked(problem, said["seconds_looks"], values.get("looks"))
    if not np.all(np.isfinite(values["grid"])):
        return {**about, "reason": "diverged: the network's values are not finite"}
    return {**judged(problem, values["grid"], values["ledger"]), **about}


def launched(peer: Peer, module: str, folder: Path, limit: float) -> str | None:
    """Run an adapter on one core; return why there is no answer, None where there is one.

    Args:
        peer: whose environment it runs in.
        module: of the adapter.
        folder: with its order, where it leaves its answer.
        limit: seconds on the wall after which it is ended.
    """
    words = [str(peer.interpreter), "-m", f"peers.{module}", str(folder)]
    variables = {**os.environ, **dict.fromkeys(THREADS, "1"), **dict(peer.variables)}
    variables.pop("PYTHONPATH", None)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})  # inherited: the peer sees one core
    try:
        subprocess.run(
            words, cwd=HERE.parent, env=variables, stdout=sys.stderr, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {limit:.0f} s"
    finally:
        os.sched_setaffinity(0, allowed)
    if not (folder / "answer.json").is_file():
        return "its process ended without an answer"
    return None
