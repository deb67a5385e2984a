"""A trained solver as plain data and named arrays, and back."""

import dataclasses
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, PyTree

from pinn.errors import CheckpointError
from pinn.networks.bandwidth import bandwidth
from pinn.networks.marching import MarchingState
from pinn.networks.mirror import mirrors_of
from pinn.networks.window import Window
from pinn.posterior_spec import posterior_spec
from pinn.problem.fingerprint import differences, fingerprint
from pinn.problem.origin import Origin
from pinn.problem.problem import Problem
from pinn.problem.samples import apart, samples
from pinn.solution import Solution
from pinn.training.machinery import machinery, network_structure
from pinn.training.march import March, Record, named_leaves
from pinn.training.parts import Front
from pinn.training.recipe import Recipe
from pinn.training.spec import to_spec
from pinn.training.windows import Attempt

FORMAT = 2
TRACING = ("jax", "numpy", "pinn")
"""The libraries that a traced program depends on."""
POINTS = 5


def statement(problem: Problem) -> dict[str, Any]:
    """Return what must agree between a saved problem and the one that is rebuilt."""
    return {"statement": fingerprint(problem), "samples": samples(problem)}


def changed(problem: Problem, stored: Mapping[str, Any], versions: Mapping[str, str]) -> list[str]:
    """Return what of a problem's statement differs from the stored one, in words.

    The same libraries trace the same function to the same program. Others may not: then its values
    at fixed samples decide.
    """
    found = fingerprint(problem)
    parts = differences(stored["statement"], found)
    if not parts:
        return []
    numbers = apart(stored["samples"], samples(problem))
    if all(versions.get(name) == version(name) for name in TRACING):
        named = " ".join(numbers).lower()
        told = [part for part in parts if part not in named]
        return [*numbers, *told]
    plain = ("axes", "fields", "scales")
    one_sided = {*stored["statement"]} ^ {*found}
    return [*numbers, *(part for part in parts if part in plain or part in one_sided)]


def describe(solution: Solution, origin: Origin) -> dict[str, Any]:
    """Return everything about a solver but its arrays, as JSON knows it."""
    march = solution.march
    return {
        "format": FORMAT,
        "problem": {
            "kind": origin.kind,
            "factory": origin.factory,
            "parameters": plain(solution.problem.parameters),
            "values": _values_of(solution),
            **statement(solution.problem),
            "mirrors": plain(mirrors_of(solution.problem)),
            "bandwidth": bandwidth(solution.problem) if solution.problem.extent else None,
        },
        "recipe": to_spec(solution.recipe, origin.module),
        "seed": solution.seed,
        "seconds": dict(solution.seconds),
        "versions": dict(solution.versions),
        "device": solution.device,
        "scores": plain(solution.scores),
        "complete": solution.complete,
        "next_length": march.length,
        "steps": march.steps,
        "records": [dataclasses.asdict(record) for record in march.records],
        "attempts": [dataclasses.asdict(attempt) for attempt in march.attempts],
        "posterior": posterior_spec(solution.posterior),
        "open": march.stage is not None,
        "witness": witness(solution),
        "arrays": {n: jax.tree.map(_shape, tree) for n, tree in named_arrays(solution).items()},
    }


def _values_of(solution: Solution) -> dict[str, Any]:
    """Return what the unknowns of a problem were set to; the posterior has those it found."""
    if solution.posterior is not None:
        return {}
    for name, value in solution.problem.values.items():
        if callable(value):
            raise CheckpointError(
                f"The problem {solution.problem.name!r} was given a function for its unknown "
                f"{name!r}, which cannot be saved: register a problem in which it is a function."
            )
    return {n: np.asarray(v).tolist() for n, v in solution.problem.values.items()}


def named_arrays(solution: Solution) -> dict[str, PyTree[np.ndarray]]:
    """Return the trained windows and the training state, every array by a readable name."""
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
        "in_hand": named_leaves({"stage": march.stage, "loop": march.loop}),
        "final": dict(march.final),
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


def _named(parameters: PyTree[Array]) -> dict[str, Array]:
    """Return the leaves by names such as `hidden/0/kernel`, in the order of the tree."""
    return {n.removesuffix("/value"): leaf for n, leaf in named_leaves(parameters).items()}


def witness(solution: Solution) -> dict[str, Any]:
    """Return what the solution is at a few points, before any projection: another is not it."""
    points = _points(solution)
    return {"points": points, "values": _values(solution, points)}


def check_witness(solution: Solution, stored: Mapping[str, Any]) -> None:
    """Refuse a solver that does not give what the saved one gave.

    Raises:
        CheckpointError: it differs by more than another machine's rounding may do.
    """
    if not stored["points"]:
        return
    close = 1e-7 if solution.recipe.precision == "float64" else 1e-2
    found = _values(solution, stored["points"])
    for name, values in found.items():
        before, now = np.asarray(stored["values"].get(name, []), float), np.asarray(values, float)
        size = np.max(np.abs(now[np.isfinite(now)]), initial=0.0)
        if before.shape != now.shape or not np.allclose(
            before, now, rtol=0.0, atol=close * size, equal_nan=True
        ):
            raise CheckpointError(
                f"The loaded solver does not give the {name!r} that the saved one gave: its files "
                "contradict each other, or this version or machine computes something else; "
                "restore the folder, or train anew."
            )


def _points(solution: Solution) -> list[list[float]]:
    """Return points inside the part of the domain that is trained, one list a coordinate."""
    ends = {name: (axis.lower, axis.upper) for name, axis in solution.problem.axes.items()}
    if not solution.problem.stationary:
        ends[solution.problem.time] = (solution.problem.interval.lower, solution.reached)
    shares = (np.arange(1, POINTS + 1)[:, None] * np.sqrt([2.0, 3.0, 5.0, 7.0])[: len(ends)]) % 1.0
    return [(a + (b - a) * shares[:, i]).tolist() for i, (a, b) in enumerate(ends.values())]


def _values(solution: Solution, points: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    found = solution.unprojected.fields(*map(np.asarray, points))
    return {name: np.ravel(np.asarray(values, float)).tolist() for name, values in found.items()}


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


def check_windows(problem: Problem, march: March) -> None:
    """Refuse windows that do not join: each starts where the one before it ends, as recorded.

    Raises:
        CheckpointError: they do not, or are not as many as their records.
    """
    starts = [float(window.start) for window in march.windows]
    ends = [record.end for record in march.records]
    lower = 0.0 if problem.stationary else problem.interval.lower
    expected = np.asarray([lower, *ends])
    found = np.asarray([*starts, march.reached])
    scale = 1e-5 * np.max(np.abs(expected), initial=1e-300)
    if expected.shape != found.shape or not np.allclose(expected, found, rtol=0.0, atol=scale):
        raise CheckpointError(
            f"The saved windows start at {starts} and end at {march.reached:.6g}, their records "
            f"say {expected.tolist()}: the solver is damaged; restore the folder or train anew."
        )


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
        final={name: np.asarray(leaf) for name, leaf in final.items()},
    )


def _in_hand(problem: Problem, recipe: Recipe, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the window that was being trained, with its optimiser's state."""
    stage, loop = machinery(problem, recipe).example()
    tree = {"stage": stage, "loop": loop}
    names = named_leaves(tree)
    if {*names} != {*arrays}:
        raise CheckpointError(
            "The saved training state does not fit its recipe in this version of the libraries: "
            "training cannot go on from it; train anew."
        )
    for name, leaf in names.items():
        if tuple(leaf.shape) != np.shape(arrays[name]):
            raise CheckpointError(
                f"The saved training state {name!r} has shape {np.shape(arrays[name])}, its recipe "
                f"makes it {tuple(leaf.shape)}: the solver is damaged; train anew."
            )
    whole = jax.tree.unflatten(
        jax.tree.structure(tree), [jnp.asarray(arrays[name]) for name in names]
    )
    return whole["stage"], whole["loop"]


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
    return np.broadcast_to(np.zeros((), leaf["dtype"]), leaf["shape"])


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: tuples and arrays as lists, NumPy scalars as numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic | jax.Array) else value


def empty_arrays(spec: Mapping[str, Any]) -> PyTree[np.ndarray]:
    """Return zeros with the shapes and types that a spec lists, for Orbax to restore into.

    They take no memory, whatever a spec asks for.
    """
    return jax.tree.map(_empty, spec["arrays"], is_leaf=_is_leaf)
