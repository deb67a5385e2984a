"""A trained solver as plain data and named arrays, and back."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, PyTree

from pinn.errors import CheckpointError
from pinn.networks.marching import MarchingState
from pinn.networks.window import Window
from pinn.precision import arithmetic
from pinn.problem.axes import Axis
from pinn.problem.conditions import AbstractCondition
from pinn.problem.origin import Origin
from pinn.problem.problem import Problem
from pinn.solution import Solution
from pinn.training.machinery import machinery, network_structure
from pinn.training.march import March, Record
from pinn.training.parts import Front, span
from pinn.training.recipe import Recipe
from pinn.training.spec import to_spec
from pinn.training.windows import Attempt

FORMAT = 1


def fingerprint(problem: Problem) -> dict[str, Any]:
    """Return what must agree between a saved problem and the one that is rebuilt."""
    interval = span(problem)
    evolution = "" if problem.stationary else problem.time
    stated = {
        "fields": problem.fields,
        "axis": [evolution, interval.lower, interval.upper, list(interval.breakpoints)],
        "initial": {n: _start(problem, value) for n, value in problem.initial_state.items()},
        "equation": list(problem.dynamics.residual.needs),
    }
    if problem.extent:
        stated["space"] = {
            name: [type(axis).__name__, axis.lower, axis.upper]
            for name, axis in problem.extent.items()
        }
        stated["boundary"] = [_wall(problem, condition) for condition in problem.boundary]
    return plain(stated)


def _start(problem: Problem, value: Any) -> Any:
    """Return initial data as numbers: over space, a function's values at three points."""
    return _probed(problem.extent, value) if problem.extent else value.tolist()


def _wall(problem: Problem, condition: AbstractCondition) -> list[Any]:
    """Return a boundary condition as numbers and words."""
    others = {name: axis for name, axis in problem.axes.items() if name != condition.axis}
    stated = {f.name: getattr(condition, f.name) for f in dataclasses.fields(condition)}
    ends = {n: _probed(others, v) for n, v in stated.items() if n in ("lower", "upper")}
    return [type(condition).__name__, *{**stated, **ends}.values()]


def _probed(axes: Mapping[str, Axis], value: Any) -> Any:
    """Return a function's values at three points of some axes, and anything else as it is."""
    if not callable(value):
        return value
    points = [[a.lower + share * a.length for a in axes.values()] for share in (0.13, 0.47, 0.89)]
    with arithmetic("float64"):
        return [
            np.round(np.asarray(value(*map(jnp.asarray, point))), 12).tolist() for point in points
        ]


def describe(solution: Solution, origin: Origin) -> dict[str, Any]:
    """Return everything about a solver but its arrays, as JSON knows it."""
    march = solution.march
    return {
        "format": FORMAT,
        "problem": {
            "kind": origin.kind,
            "factory": origin.factory,
            "parameters": plain(solution.problem.parameters),
            "fingerprint": fingerprint(solution.problem),
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
        "arrays": {n: jax.tree.map(_shape, tree) for n, tree in named_arrays(solution).items()},
    }


def named_arrays(solution: Solution) -> dict[str, PyTree[np.ndarray]]:
    """Return the trained windows by readable names, and the training state as a list of leaves."""
    model, march = solution.model, solution.march
    windows = {
        "start": model.windows.start,
        "length": model.windows.length,
        "taylor": dict(model.windows.taylor),
        "scale": dict(model.windows.scale),
        "grading": dict(model.windows.grading),
    }
    front = {field.name: getattr(march.front, field.name) for field in dataclasses.fields(Front)}
    tree = {
        "model": {"windows": windows, "parameters": _named(model.parameters)},
        "front": {n: dict(v) if isinstance(v, Mapping) else v for n, v in front.items()},
        "in_hand": _numbered(jax.tree.leaves((march.stage, march.loop))),
        "final": _numbered(march.final),
    }
    return jax.tree.map(np.asarray, tree)


def kept(tree: Any) -> Any:
    """Return the arrays that hold a number, None if there are none: only these can be stored."""
    if not isinstance(tree, Mapping):
        return tree if tree.size else None
    parts = {name: kept(part) for name, part in tree.items()}
    return {name: part for name, part in parts.items() if part is not None} or None


def filled(listed: Any, stored: Any) -> Any:
    """Return the stored arrays with those of size zero, which a spec lists, in their places."""
    if not isinstance(listed, Mapping):
        return listed if stored is None else stored
    return {name: filled(part, (stored or {}).get(name)) for name, part in listed.items()}


def _numbered(leaves: Iterable[Array | np.ndarray]) -> dict[str, Array | np.ndarray]:
    return {f"{index:04d}": leaf for index, leaf in enumerate(leaves)}


def _named(parameters: PyTree[Array]) -> dict[str, Array]:
    """Return the leaves by names such as `hidden/0/kernel`, in the order of the tree."""
    leaves = jax.tree_util.tree_leaves_with_path(parameters)
    name = lambda path: jax.tree_util.keystr(path, simple=True, separator="/")  # noqa: E731
    return {name(path).removesuffix("/value"): leaf for path, leaf in leaves}


def restored_model(fresh: nnx.State, arrays: Mapping[str, Any]) -> MarchingState:
    """Return the trained windows from their saved arrays and parameters of the same structure."""
    saved = jax.tree.map(jnp.asarray, arrays)
    leaves = [saved["parameters"][name] for name in _named(fresh)]
    parameters = jax.tree.unflatten(jax.tree.structure(fresh), leaves)
    windows = saved["windows"]
    starts, lengths = windows["start"], windows["length"]
    grading = windows.get("grading", {})
    whole = Window(starts, lengths, windows["taylor"], windows["scale"], grading)
    return MarchingState(whole, parameters)


def restored_march(
    problem: Problem, recipe: Recipe, spec: Mapping[str, Any], model: MarchingState, arrays: Any
) -> March:
    """Return the march, ready to go on, from the spec, the trained windows and the saved arrays."""
    saved = jax.tree.map(jnp.asarray, arrays["front"])
    gained, state = saved.get("gained", {}), saved.get("state", {})
    grading = saved.get("grading", {})
    front = Front(saved["time"], state, gained, saved["parameters"], grading)
    stage, loop = _in_hand(problem, recipe, arrays["in_hand"]) if spec["open"] else (None, None)
    final = arrays.get("final", {})
    pick = lambda tree, k: jax.tree.map(lambda leaf: np.asarray(leaf[k]), tree)  # noqa: E731
    return March(
        front,
        spec["next_length"],
        spec["seed"],
        tuple(pick(model.windows, k) for k in range(model.count)),
        tuple(_ravelled(pick(model.parameters, k)) for k in range(model.count)),
        tuple(Record(**record) for record in spec["records"]),
        tuple(Attempt(**attempt) for attempt in spec["attempts"]),
        spec["steps"],
        stage,
        loop,
        final=tuple(final[name] for name in sorted(final)),
    )


def _in_hand(problem: Problem, recipe: Recipe, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the window that was being trained, with its optimiser's state."""
    structure = jax.tree.structure(machinery(problem, recipe).example())
    if structure.num_leaves != len(arrays):
        raise CheckpointError(
            "The saved training state does not fit its recipe in this version of the libraries: "
            "training cannot go on from it; train anew."
        )
    return jax.tree.unflatten(structure, [jnp.asarray(arrays[name]) for name in sorted(arrays)])


def _ravelled(parameters: PyTree[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(parameters)])


def matching_network(problem: Problem, recipe: Recipe, spec: Mapping[str, Any]) -> nnx.State:
    """Return the parameters' structure, after checking that the saved ones fit into it."""
    _, fresh = network_structure(problem, recipe)
    expected = {name: list(leaf.shape) for name, leaf in _named(fresh).items()}
    saved = {n: s["shape"][1:] for n, s in spec["arrays"]["model"]["parameters"].items()}
    if expected != saved:
        raise CheckpointError(
            f"The saved parameters have shapes {saved}, but the recipe's network has {expected}: "
            "the spec was edited or belongs to other arrays."
        )
    return fresh


def _shape(array: Array) -> dict[str, Any]:
    return {"shape": list(np.shape(array)), "dtype": str(array.dtype)}


def _is_leaf(node: Any) -> bool:
    return isinstance(node, Mapping) and set(node) == {"shape", "dtype"}


def _empty(leaf: Mapping[str, Any]) -> np.ndarray:
    return np.zeros(leaf["shape"], leaf["dtype"])


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: tuples and arrays as lists, NumPy scalars as numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic | jax.Array) else value


def empty_arrays(spec: Mapping[str, Any]) -> PyTree[np.ndarray]:
    """Return zeros with the shapes and types that a spec lists, for Orbax to restore into."""
    return jax.tree.map(_empty, spec["arrays"], is_leaf=_is_leaf)
