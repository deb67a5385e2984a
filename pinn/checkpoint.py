"""Save a trained solver whole or not at all, and load it without the script that trained it."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pinn.archive import (
    FORMAT,
    describe,
    empty_arrays,
    filled,
    fingerprint,
    kept,
    matching_network,
    named_arrays,
    plain,
    restored_march,
    restored_model,
)
from pinn.errors import CheckpointError, PinnError
from pinn.precision import arithmetic
from pinn.problem.origin import Origin
from pinn.problem.problem import Problem
from pinn.problem.registry import rebuild
from pinn.solution import Solution
from pinn.training.spec import from_spec

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
        spec = describe(solution, origin)
        (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
        if origin.kind == "file":
            (folder / PROBLEM).write_text(origin.source)
        _orbax().save_checkpointables((folder / ARRAYS).resolve(), kept(named_arrays(solution)))
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
        fresh = matching_network(problem, recipe, spec)
        try:
            listed = empty_arrays(spec)
            stored = _orbax().load_checkpointables((folder / ARRAYS).resolve(), kept(listed))
        except Exception as error:
            raise CheckpointError(
                f"The arrays in {str(folder)!r} cannot be read ({type(error).__name__}): the "
                "solver is damaged; save it again."
            ) from None
        arrays = filled(listed, stored)
        model = restored_model(fresh, arrays["model"])
        march = restored_march(problem, recipe, spec, model, arrays)
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
def _whole_or_nothing(target: Path) -> Generator[Path]:
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
            f"The problem {problem.name!r} has no file to be rebuilt from: put its function, "
            "decorated with @pinn.register, into a file, and build the problem by calling it."
        )
    try:
        json.dumps(plain(problem.parameters))
        again = rebuild(origin, problem.parameters)
    except (TypeError, PinnError, ImportError, KeyError) as error:
        raise CheckpointError(
            f"The problem {problem.name!r} cannot be rebuilt from its file and parameters "
            f"({error}): keep parameters to numbers and text, and all it needs in its own file."
        ) from error
    if fingerprint(again) != fingerprint(problem):
        raise CheckpointError(
            f"Rebuilding {problem.name!r} from its file gives another problem: its function must "
            "depend on its parameters only."
        )
    return origin


def _read_spec(folder: Path) -> dict[str, Any]:
    if not (folder / SPEC).is_file() or not (folder / MANIFEST).is_file():
        raise CheckpointError(
            f"There is no saved solver in {str(folder)!r}: give a folder that solution.save wrote."
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
            f"The solver in {str(folder)!r} is damaged: {', '.join(damaged[:3])} changed since it "
            "was saved; restore the folder or save it again."
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
        found = fingerprint(problem)
    except (PinnError, ImportError, KeyError) as error:
        raise CheckpointError(
            f"The problem {stated['factory']!r} of the solver in {str(folder)!r} cannot be rebuilt "
            f"({error})."
        ) from error
    if found != stated["fingerprint"]:
        changed = [key for key, value in stated["fingerprint"].items() if found[key] != value]
        raise CheckpointError(
            f"The problem {stated['factory']!r} has changed since the solver was saved (its "
            f"{', '.join(changed)}): install the version that saved it, or train anew."
        )
    return problem


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {str(p.relative_to(folder)): _checksum(p) for p in files}


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
