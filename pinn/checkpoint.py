"""Save a trained solver whole or not at all, and load it without the script that trained it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from pinn.archive import (
    FORMAT,
    changed,
    check_windows,
    check_witness,
    describe,
    empty_arrays,
    filled,
    kept,
    matching_network,
    named_arrays,
    plain,
    restored_march,
    restored_model,
)
from pinn.errors import CheckpointError, PinnError, RecipeError, reason
from pinn.folder import recovered, whole_or_nothing
from pinn.migration import OLDEST, check_first_fingerprint, migrated, named_state
from pinn.posterior import Posterior
from pinn.posterior_spec import restored
from pinn.precision import arithmetic, tracing
from pinn.problem.fingerprint import differences, fingerprint
from pinn.problem.origin import Origin
from pinn.problem.problem import Problem
from pinn.problem.registry import load_module, rebuild
from pinn.schema import check_spec
from pinn.solution import Solution
from pinn.training.march import named_leaves
from pinn.training.recipe import Recipe
from pinn.training.spec import CARRIED, from_spec

SPEC, PROBLEM, ARRAYS, MANIFEST = "spec.json", CARRIED, "arrays", "manifest.json"


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
    try:
        spec = describe(solution, origin)
    except RecipeError as error:
        raise CheckpointError(f"The solver cannot be saved. {error}") from error
    with whole_or_nothing(target) as folder:
        (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
        if origin.kind == "file":
            (folder / PROBLEM).write_text(origin.source)
        _orbax().save_checkpointables((folder / ARRAYS).resolve(), kept(named_arrays(solution)))
        (folder / MANIFEST).write_text(json.dumps(manifest(folder), indent=1) + "\n")


def load(path: str | Path, *, trust: bool = False) -> Solution:
    """Load a saved solver; the script that trained it is not needed.

    Args:
        path: the folder.
        trust: allow running code that the run names: the problem file that the folder carries,
            where the problem came from a user's file rather than from the library or an installed
            package, and a recipe's own networks, steps or schedules.

    Raises:
        CheckpointError: there is no solver, it is damaged, its problem has changed since, or it
            needs code and `trust` is not given.
    """
    folder = recovered(Path(path))
    if tracing():
        raise CheckpointError(
            f"The solver in {str(folder)!r} is loaded inside a function that JAX is tracing (jit, "
            "scan or such): load it outside; it may then be called inside."
        )
    try:
        return _loaded(folder, trust)
    except PinnError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"The solver in {str(folder)!r} is damaged: it cannot be put together "
            f"({reason(error)}); restore the folder or save it again."
        ) from error


def _loaded(folder: Path, trust: bool) -> Solution:
    raw = _read_spec(folder)
    spec = migrated(raw)
    check_spec(spec)
    stated, module = _rebuilt_problem(folder, spec, trust)
    recipe = from_spec(spec["recipe"], trust, module)
    problem, posterior = _solved(folder, stated, raw, spec, recipe)
    with arithmetic(recipe.precision):
        fresh = matching_network(problem, recipe, spec)
        arrays = _read_arrays(folder, spec)
        if raw["format"] == OLDEST:
            arrays = named_state(problem, recipe, spec, arrays)
        model = restored_model(fresh, arrays["model"])
        march = restored_march(problem, recipe, spec, model, arrays)
        check_windows(problem, march)
    solution = Solution(
        problem,
        recipe,
        march,
        model,
        spec["seed"],
        spec["seconds"],
        spec["versions"],
        spec["device"],
        spec["scores"],
        posterior=posterior,
    )
    check_witness(solution, spec["witness"])
    return solution


def _orbax() -> Any:
    from orbax.checkpoint import v1

    return v1


def _read_arrays(folder: Path, spec: Mapping[str, Any]) -> Any:
    """Return the arrays that a spec lists, from files that hold these and no others."""
    path, listed = (folder / ARRAYS).resolve(), empty_arrays(spec)
    try:
        held = _shapes(_orbax().checkpointables_metadata(path).metadata)
        wanted = _shapes(kept(listed))
        apart = sorted(n for n in {*held, *wanted} if held.get(n) != wanted.get(n))
        stored = None if apart else _orbax().load_checkpointables(path, kept(listed))
    except Exception as error:
        raise CheckpointError(
            f"The arrays in {str(folder)!r} cannot be read ({type(error).__name__}): the "
            "solver is damaged; save it again."
        ) from error
    if apart:
        raise CheckpointError(
            f"The arrays in {str(folder)!r} are not those that {SPEC} lists ({apart[0]!r}): the "
            "solver is damaged; restore the folder or save it again."
        )
    return filled(listed, stored)


def _shapes(tree: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return the shape and type of every array, or description of one, in a tree."""
    return {name: (tuple(a.shape), str(a.dtype)) for name, a in named_leaves(tree).items()}


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
        again = _known(rebuild(origin, problem.parameters), problem.values)
    except (TypeError, PinnError, ImportError, KeyError) as error:
        raise CheckpointError(
            f"The problem {problem.name!r} cannot be rebuilt from its file and parameters "
            f"({error}): keep parameters to numbers and text, and all it needs in its own file."
        ) from error
    if apart := differences(fingerprint(problem), fingerprint(again)):
        raise CheckpointError(
            f"Rebuilding {problem.name!r} from its file gives another problem (its "
            f"{', '.join(apart)}): its function must depend on its parameters only."
        )
    return origin


def _known(problem: Problem, values: Mapping[str, Any]) -> Problem:
    """Return a rebuilt problem with values in place of its unknowns."""
    return problem.at(**values) if values else problem


def _read_spec(folder: Path) -> dict[str, Any]:
    """Return the spec of a run, after checking every file of it.

    Raises:
        CheckpointError: there is none, or a file is not what was saved.
    """
    if not (folder / SPEC).is_file() or not (folder / MANIFEST).is_file():
        raise CheckpointError(
            f"There is no saved solver in {str(folder)!r}: give a folder that solution.save wrote."
        )
    try:
        stated = json.loads((folder / MANIFEST).read_text())
        damaged = _damaged(folder, stated)
        spec = json.loads((folder / SPEC).read_text())
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"The solver in {str(folder)!r} is damaged ({type(error).__name__}): save it again."
        ) from error
    if damaged:
        raise CheckpointError(
            f"The solver in {str(folder)!r} is damaged: {', '.join(damaged[:3])} changed since it "
            "was saved; restore the folder or save it again."
        )
    written = spec.get("format") if isinstance(spec, Mapping) else None
    if written not in (OLDEST, FORMAT) or (written == OLDEST) == ("seal" in stated):
        raise CheckpointError(
            f"The solver in {str(folder)!r} has format {written!r:.20}, this version reads "
            f"{OLDEST} to {FORMAT}: load it with the version that saved it."
        )
    return spec


def _damaged(folder: Path, stated: Any) -> list[str]:
    """Return the files that are not what a manifest says, with itself if it contradicts itself."""
    sealed = "seal" in stated
    expected = stated["files"] if sealed else stated
    inside = [n for n in expected if not {"..", "/"} & {*PurePosixPath(n).parts}]
    wrong = [n for n in expected if n not in inside or _checksum(folder / n) != expected[n]]
    arrays = (str(p.relative_to(folder)) for p in (folder / ARRAYS).rglob("*") if p.is_file())
    wrong += [name for name in (SPEC, *arrays) if name not in expected]
    if sealed and _seal(expected) != stated["seal"]:
        wrong.append(MANIFEST)
    return wrong


def _rebuilt_problem(
    folder: Path, spec: Mapping[str, Any], trust: bool
) -> tuple[Problem, ModuleType | None]:
    """Return the problem as its factory states it, and the module of its own file."""
    stated, module = spec["problem"], None
    kind, name, source = stated["kind"], stated["factory"], ""
    if kind == "file":
        if not trust:
            raise CheckpointError(
                f"The solver in {str(folder)!r} carries the code of a user's problem "
                f"({PROBLEM}, {name!r}): read it, then pass trust=True to run it."
            )
        source = (folder / PROBLEM).read_text()
    try:
        problem = rebuild(Origin(kind, name, source), stated["parameters"])
        if kind == "file":
            module = load_module(Path(f"{name}.py"), source=source)
    except (PinnError, ImportError, KeyError, TypeError) as error:
        raise _not_rebuilt(folder, name, error) from error
    return problem, module


def _not_rebuilt(folder: Path, name: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"The problem {name!r} of the solver in {str(folder)!r} cannot be rebuilt ({error})."
    )


def _solved(
    folder: Path,
    problem: Problem,
    raw: Mapping[str, Any],
    spec: Mapping[str, Any],
    recipe: Recipe,
) -> tuple[Problem, Posterior | None]:
    """Return the problem that was solved, with what was found out about it, and its posterior."""
    stated, name, posterior = spec["problem"], spec["problem"]["factory"], None
    if raw is not spec:
        check_first_fingerprint(problem, raw["problem"]["fingerprint"])
        return problem, None
    found = {"mirrors": stated["mirrors"], "bandwidth": stated["bandwidth"]}
    try:
        with arithmetic("float64"):
            if spec["posterior"] is None:
                problem = _known(problem, stated["values"])
            else:
                problem, posterior = restored(problem, spec["posterior"], found, recipe)
            apart = changed(problem, stated, spec["versions"])
    except CheckpointError:
        raise
    except (PinnError, ImportError, KeyError, TypeError) as error:
        raise _not_rebuilt(folder, name, error) from error
    if apart:
        raise CheckpointError(
            f"The problem {name!r} has changed since the solver was saved (its "
            f"{'; '.join(apart)}): install the version that saved it, or train anew."
        )
    return problem.knowing(found), posterior


def manifest(folder: Path) -> dict[str, Any]:
    """Return a checksum of each file of a run, and one of them all, the spec included."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    sums = {p.relative_to(folder).as_posix(): _checksum(p) for p in files}
    return {"files": sums, "seal": _seal(sums)}


def _seal(sums: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    return hashlib.sha256(f"pinn run {FORMAT}\n{lines}".encode()).hexdigest()


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
