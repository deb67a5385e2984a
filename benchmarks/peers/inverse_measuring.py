"""A peer's row for a problem with unknowns: its data from the registry, its run, and its errors."""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pinn.errors import PinnError, ProblemError, near_matches
from pinn.problem.problem import Problem
from pinn.problem.registry import factory

from .environments import PEERS, Peer, prepare
from .inverse_statements import INVERSE
from .measuring import GRACE, launched
from .statements import Statement

NO_GUESS = 1.0
RECIPES = {"deepxde": ("example", "scaled"), "jinns": ("scaled",), "jinns_ssbroyden": ("scaled",)}
# Of a machine that has other things to do, a run gets at least one part in so many.
SHARE = 100.0


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
    parser.add_argument("peer", help=", ".join(RECIPES))
    parser.add_argument("problem", help=", ".join(INVERSE))
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of training, of the process's own time"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is random in the training")
    parser.add_argument("--parameters", default="{}", help="of the problem, as JSON")
    parser.add_argument(
        "--recipe", default="", help="example, or scaled: inputs and outputs of the size of one"
    )
    return parser


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return the row that the command line asks for.

    Raises:
        PinnError: no such peer, problem or recipe, or its environment cannot be made.
    """
    peer = _known("peer", options.peer, RECIPES) and PEERS[options.peer]
    statement = _known("problem with unknowns", options.problem, INVERSE)
    recipes = RECIPES[peer.name]
    name = options.recipe or recipes[0]
    _known(f"recipe of {peer.name}", name, {recipe: recipe for recipe in recipes})
    prepare(peer)
    problem = factory(options.problem)(**json.loads(options.parameters))
    said = _answer(peer, problem, statement, options, name)
    about = {
        "peer": peer.name,
        "version": peer.version,
        "problem": options.problem,
        "seed": options.seed,
        "budget": options.seconds,
        "guess": guesses_of(problem),
    }
    return {**about, **row(problem, said)}


def _known(kind: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise ProblemError(
            f"There is no {kind} {name!r}{near_matches(name, known)}, only {', '.join(known)}."
        )
    return known[name]


def _answer(
    peer: Peer, problem: Problem, statement: Statement, options: argparse.Namespace, recipe: str
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="pinn-peer-") as name:
        folder = Path(name)
        export(folder, problem, statement, options.seconds, options.seed, recipe == "scaled")
        limit = SHARE * options.seconds + GRACE
        reason = launched(peer, f"inverse_{peer.adapter}", folder, limit)
        return {"reason": reason} if reason else json.loads((folder / "answer.json").read_text())


def guesses_of(problem: Problem) -> dict[str, float]:
    """Return the first guess of each unknown constant, 1 where the problem states none."""
    return {
        name: NO_GUESS if unknown.guess is None else float(unknown.guess)
        for name, unknown in problem.unknowns.items()
    }


def measurements(problem: Problem, statement: Statement) -> tuple[np.ndarray, np.ndarray]:
    """Return where something was measured (N, d), and the components there (N, c)."""
    points = [
        [np.asarray(one.points[axis]) for axis in statement.coordinates] for one in problem.data
    ]
    values = [
        np.concatenate(
            [np.asarray(one.values[field]).reshape(len(place[0]), -1) for field in problem.fields],
            axis=1,
        )
        for one, place in zip(problem.data, points, strict=True)
    ]
    places = [np.stack(place, axis=1) for place in points]
    return np.concatenate(places), np.concatenate(values)


def export(
    folder: Path,
    problem: Problem,
    statement: Statement,
    seconds: float,
    seed: int,
    scaled: bool,
) -> None:
    """Write the data, and the order."""
    points, values = measurements(problem, statement)
    np.savez(folder / "data.npz", points=points, values=values)
    axes = [problem.axes[name] for name in statement.coordinates]
    order = {
        "problem": statement.name,
        "guesses": guesses_of(problem),
        "lower": [float(axis.lower) for axis in axes],
        "upper": [float(axis.upper) for axis in axes],
        "seconds": seconds,
        "seed": seed,
        "scaled": scaled,
    }
    (folder / "order.json").write_text(json.dumps(order))


def row(problem: Problem, said: dict[str, Any]) -> dict[str, Any]:
    """Return what the row holds besides who ran what.

    Args:
        problem: whose parameters are the truth.
        said: the adapter's answer; with a `reason` there is no result.
    """
    if "reason" in said:
        return {"reason": said["reason"]}
    rest = {name: value for name, value in said.items() if name != "looks"}
    worst = [max(errors(problem, unknowns).values()) for _, unknowns in said["looks"]]
    spent = [float(f"{seconds:.3g}") for seconds, _ in said["looks"]]
    trace = [float(f"{error:.3g}") if math.isfinite(error) else math.inf for error in worst]
    return {
        **rest,
        "error": errors(problem, said["unknowns"]),
        "trace": {"seconds": spent, "error": trace},
        "precision": "float64",
    }


def errors(problem: Problem, unknowns: dict[str, float]) -> dict[str, float]:
    """Return |found − truth| / |truth| of each unknown constant."""
    return {
        name: abs(value - problem.parameters[name]) / abs(problem.parameters[name])
        for name, value in unknowns.items()
    }
