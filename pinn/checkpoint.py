"""Save a trained solver whole or not at all, and load it without the script that trained it."""

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from pinn.errors import CheckpointError, PinnError
from pinn.networks.marching import MarchingState
from pinn.networks.window import Window
from pinn.precision import arithmetic
from pinn.problem.origin import Origin
from pinn.problem.problem import Problem
from pinn.problem.registry import rebuild
from pinn.solution import Solution
from pinn.training.machinery import Machinery, machinery
from pinn.training.march import March, Record, begin_march
from pinn.training.spec import from_spec, to_spec
from pinn.training.windows import Attempt

FORMAT = 1
SPEC, PROBLEM, ARRAYS, MANIFEST = "spec.json", "problem.py", "arrays", "manifest.json"


def save(solution: Solution, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a solver to a new folder: a readable spec, the problem's own file, and all arrays.

    The folder holds `spec.json`, `problem.py` where the problem came from a user's file, `arrays`
    (Orbax: the trained windows, and what training goes on from), and `manifest.json` with a
    checksum of each file.

    Raises:
        CheckpointError: the folder exists, or the problem cannot be rebuilt from what is saved.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise CheckpointError(
            f"The folder {str(target)!r} exists: choose another, or pass overwrite=True."
        )
    origin = _checked_origin(solution.problem)
    with _whole_or_nothing(target) as folder:
        spec = _describe(solution, origin)
        (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
        if origin.kind == "file":
            (folder / PROBLEM).write_text(origin.source)
        _orbax().save_checkpointables((folder / ARRAYS).resolve(), _arrays(solution))
        (folder / MANIFEST).write_text(json.dumps(_checksums(folder), indent=1) + "\n")


def load(path: str | Path, *, trust: bool = False) -> Solution:
    """Load a saved solver; the script that trained it is not needed.

    Args:
        path: the folder.
        trust: allow running the problem file that the folder carries, where the problem came from a
            user's file rather than from the library or an installed package.

    Raises:
        CheckpointError: there is no solver, it is damaged, its problem has changed since, or it
            carries code and `trust` is not given.
    """
    folder = Path(path)
    spec = _read_spec(folder)
    problem = _rebuilt_problem(folder, spec, trust)
    recipe = from_spec(spec["recipe"])
    with arithmetic(recipe.precision):
        parts = _matching_parts(problem, recipe, spec)
        shapes = {name: jax.tree.map(_empty, spec["arrays"][name], is_leaf=_is_leaf) for name in spec["arrays"]}
        try:
            arrays = _orbax().load_checkpointables((folder / ARRAYS).resolve(), shapes)
        except Exception as error:
            raise CheckpointError(
                f"The arrays in {str(folder)!r} cannot be read ({type(error).__name__}): the solver "
                "is damaged; save it again."
            ) from None
        model = _restored_model(parts, arrays["model"])
        march = _restored_march(parts, spec, model, arrays["training"])
    return Solution(
        problem,
        recipe,
        march,
        model,
        spec["seed"],
        spec["seconds"],
        spec["versions"],
        spec["device"],
        spec["scores"],
    )


def _orbax() -> Any:
    from orbax.checkpoint import v1

    return v1


@contextmanager
def _whole_or_nothing(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside the target, and put it in the target's place at the end."""
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=parent))
    except OSError as error:
        raise CheckpointError(f"Cannot write to {str(parent)!r}: {error.strerror}.") from error
    try:
        yield folder
        if target.exists():
            old = folder.with_name(folder.name + "-old")
            target.rename(old)
            folder.rename(target)
            shutil.rmtree(old)
        else:
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked_origin(problem: Problem) -> Origin:
    """Return where the problem came from, after trying that it can be built again from there."""
    origin = problem.origin
    if origin is None or (origin.kind == "file" and not origin.source):
        raise CheckpointError(
            f"The problem {problem.name!r} has no file to be rebuilt from: put its function, decorated "
            "with @pinn.register, into a file, and build the problem by calling it."
        )
    try:
        json.dumps(_plain(problem.parameters))
        again = rebuild(origin, problem.parameters)
    except (TypeError, PinnError, ImportError, KeyError) as error:
        raise CheckpointError(
            f"The problem {problem.name!r} cannot be rebuilt from its file and parameters ({error}): "
            "keep parameters to numbers and text, and everything the problem needs in its own file."
        ) from error
    if _fingerprint(again) != _fingerprint(problem):
        raise CheckpointError(
            f"Rebuilding {problem.name!r} from its file gives another problem: its function must "
            "depend on its parameters only."
        )
    return origin


def _fingerprint(problem: Problem) -> dict[str, Any]:
    """Return what must agree between a saved problem and the one that is rebuilt."""
    interval = problem.interval
    return _plain(
        {
            "fields": problem.fields,
            "axis": [problem.time, interval.lower, interval.upper, list(interval.breakpoints)],
            "initial": {n: value.tolist() for n, value in problem.initial_state.items()},
            "equation": list(problem.dynamics.residual.needs),
        }
    )


def _describe(solution: Solution, origin: Origin) -> dict[str, Any]:
    march = solution.march
    return {
        "format": FORMAT,
        "problem": {
            "kind": origin.kind,
            "factory": origin.factory,
            "parameters": _plain(solution.problem.parameters),
            "fingerprint": _fingerprint(solution.problem),
        },
        "recipe": to_spec(solution.recipe),
        "seed": solution.seed,
        "seconds": dict(solution.seconds),
        "versions": dict(solution.versions),
        "device": solution.device,
        "scores": solution.scores,
        "complete": solution.complete,
        "next_length": march.length,
        "steps": march.steps,
        "records": [dataclasses.asdict(record) for record in march.records],
        "attempts": [dataclasses.asdict(attempt) for attempt in march.attempts],
        "open": march.stage is not None,
        "arrays": {n: jax.tree.map(_shape, tree) for n, tree in _arrays(solution).items()},
    }


def _arrays(solution: Solution) -> dict[str, PyTree[np.ndarray]]:
    """Return the trained windows by readable names, and the training state as a list of leaves."""
    model, march = solution.model, solution.march
    windows = {
        "start": model.windows.start,
        "length": model.windows.length,
        "taylor": dict(model.windows.taylor),
        "scale": dict(model.windows.scale),
    }
    training = jax.tree.leaves((march.front, march.stage, march.loop))
    tree = {
        "model": {"windows": windows, "parameters": _named(model.parameters)},
        "training": {f"{index:04d}": leaf for index, leaf in enumerate(training)},
    }
    return jax.tree.map(np.asarray, tree)


def _named(parameters: PyTree[Array]) -> dict[str, Array]:
    """Return the leaves by names such as `hidden/0/kernel`, in the order of the tree."""
    leaves = jax.tree_util.tree_leaves_with_path(parameters)
    name = lambda path: jax.tree_util.keystr(path, simple=True, separator="/")  # noqa: E731
    return {name(path).removesuffix("/value"): leaf for path, leaf in leaves}


def _restored_model(parts: Machinery, arrays: Mapping[str, Any]) -> MarchingState:
    saved = jax.tree.map(jnp.asarray, arrays)
    fresh = parts.unravel(parts.fresh(0))
    leaves = [saved["parameters"][name] for name in _named(fresh)]
    structure = jax.tree.structure(fresh)
    return MarchingState(Window(**saved["windows"]), jax.tree.unflatten(structure, leaves))


def _restored_march(
    parts: Machinery, spec: Mapping[str, Any], model: MarchingState, arrays: Mapping[str, np.ndarray]
) -> March:
    seed = spec["seed"]
    stage, loop = parts.example() if spec["open"] else (None, None)
    structure = jax.tree.structure((begin_march(parts, seed).front, stage, loop))
    leaves = [jnp.asarray(arrays[name]) for name in sorted(arrays)]
    if structure.num_leaves != len(leaves):
        raise CheckpointError(
            "The saved training state does not fit its recipe in this version of the libraries: "
            "the solver can be used but training cannot go on; train anew."
        )
    front, stage, loop = jax.tree.unflatten(structure, leaves)
    pick = lambda tree, k: jax.tree.map(lambda leaf: np.asarray(leaf[k]), tree)  # noqa: E731
    return March(
        front,
        spec["next_length"],
        seed,
        tuple(pick(model.windows, k) for k in range(model.count)),
        tuple(_ravelled(pick(model.parameters, k)) for k in range(model.count)),
        tuple(Record(**record) for record in spec["records"]),
        tuple(Attempt(**attempt) for attempt in spec["attempts"]),
        spec["steps"],
        stage,
        loop,
    )


def _ravelled(parameters: PyTree[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(parameters)])


def _read_spec(folder: Path) -> dict[str, Any]:
    if not (folder / SPEC).is_file() or not (folder / MANIFEST).is_file():
        raise CheckpointError(
            f"There is no saved solver in {str(folder)!r}: expected a folder that solution.save wrote."
        )
    try:
        expected = json.loads((folder / MANIFEST).read_text())
        damaged = [n for n, digest in expected.items() if _checksum(folder / n) != digest]
        spec = json.loads((folder / SPEC).read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The solver in {str(folder)!r} is damaged ({type(error).__name__}): save it again."
        ) from error
    if damaged:
        raise CheckpointError(
            f"The solver in {str(folder)!r} is damaged: {', '.join(damaged[:3])} changed since it was "
            "saved; restore the folder or save it again."
        )
    if spec.get("format") != FORMAT:
        raise CheckpointError(
            f"The solver in {str(folder)!r} has format {spec.get('format')}, this version reads "
            f"{FORMAT}: load it with the version that saved it."
        )
    return spec


def _rebuilt_problem(folder: Path, spec: Mapping[str, Any], trust: bool) -> Problem:
    stated = spec["problem"]
    if stated["kind"] == "file" and not trust:
        raise CheckpointError(
            f"The solver in {str(folder)!r} carries the code of a user's problem "
            f"({PROBLEM}, {stated['factory']!r}): read it, then pass trust=True to run it."
        )
    source = (folder / PROBLEM).read_text() if stated["kind"] == "file" else ""
    try:
        problem = rebuild(Origin(stated["kind"], stated["factory"], source), stated["parameters"])
        fingerprint = _fingerprint(problem)
    except (PinnError, ImportError, KeyError) as error:
        raise CheckpointError(
            f"The problem {stated['factory']!r} of the solver in {str(folder)!r} cannot be rebuilt: "
            f"{error}"
        ) from error
    if fingerprint != stated["fingerprint"]:
        changed = [key for key, value in stated["fingerprint"].items() if fingerprint[key] != value]
        raise CheckpointError(
            f"The problem {stated['factory']!r} has changed since the solver was saved (its "
            f"{', '.join(changed)}): install the version that saved it, or train anew."
        )
    return problem


def _matching_parts(problem: Problem, recipe: Any, spec: Mapping[str, Any]) -> Machinery:
    """Return the compiled parts, after checking that the arrays are those of this network."""
    parts = machinery(problem, recipe)
    fresh = _named(parts.unravel(parts.fresh(0)))
    expected = {name: list(leaf.shape) for name, leaf in fresh.items()}
    saved = {n: s["shape"][1:] for n, s in spec["arrays"]["model"]["parameters"].items()}
    if expected != saved:
        raise CheckpointError(
            f"The saved parameters have shapes {saved}, but the recipe's network has {expected}: the "
            "spec was edited or belongs to other arrays."
        )
    return parts


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {str(p.relative_to(folder)): _checksum(p) for p in files}


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shape(array: Array) -> dict[str, Any]:
    return {"shape": list(np.shape(array)), "dtype": str(array.dtype)}


def _is_leaf(node: Any) -> bool:
    return isinstance(node, Mapping) and set(node) == {"shape", "dtype"}


def _empty(leaf: Mapping[str, Any]) -> np.ndarray:
    return np.zeros(leaf["shape"], leaf["dtype"])


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: tuples and arrays as lists, NumPy scalars as numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic | jax.Array) else value
