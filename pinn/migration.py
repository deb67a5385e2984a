"""Runs in the format of earlier versions, read as if this version had written them.

Format 1 told a problem by a few values of it, named neither the leaves of the training state nor
the symmetries that were found, and had no values of the solution to check.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from pinn.errors import CheckpointError
from pinn.precision import arithmetic
from pinn.problem.axes import Axis
from pinn.problem.conditions import AbstractCondition
from pinn.problem.problem import Problem
from pinn.training.machinery import machinery
from pinn.training.march import named_leaves
from pinn.training.parts import span
from pinn.training.recipe import Recipe

OLDEST = 1


def migrated(spec: Any) -> Any:
    """Return a spec of format 1 as one of the present format; any other as it is.

    The first specs of format 2 knew no unknowns, and the next ones splines only.
    """
    if not isinstance(spec, Mapping):
        return spec
    if isinstance(spec.get("problem"), dict) and isinstance(spec, dict):
        spec["problem"].setdefault("values", {})
        spec.setdefault("posterior", None)
        _migrate_posterior(spec["posterior"])
    if spec.get("format") != OLDEST:
        return spec
    stated = dict(spec["problem"])
    stated.pop("fingerprint")
    unknown = {"statement": {}, "samples": {}, "mirrors": None, "bandwidth": None}
    witness = {"points": [], "values": {}}
    return {**spec, "format": 2, "problem": {**stated, **unknown}, "witness": witness}


def _migrate_posterior(posterior: Any) -> None:
    if isinstance(posterior, dict) and isinstance(posterior.get("orders"), dict):
        orders = posterior.pop("orders")
        posterior["smoothness"] = {name: ["spline", order] for name, order in orders.items()}
        posterior["exponential"] = True


def check_first_fingerprint(problem: Problem, stored: Mapping[str, Any]) -> None:
    """Refuse a problem that differs from one of which format 1 noted a few values.

    Raises:
        CheckpointError: it does, with what differs.
    """
    found = _plain(_first_fingerprint(problem))
    if changed := [name for name, value in stored.items() if found.get(name) != value]:
        raise CheckpointError(
            f"The problem {problem.name!r} has changed since the solver was saved (its "
            f"{', '.join(changed)}): install the version that saved it, or train anew."
        )


def named_state(
    problem: Problem, recipe: Recipe, spec: Mapping[str, Any], arrays: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arrays of format 1 with names for the leaves of the training state.

    They were numbered in the order of the tree. The state after the last window is kept where
    training can go on from it, in one window.
    """
    in_hand, final = arrays.get("in_hand", {}), arrays.get("final", {})
    further = bool(final) and len(spec["records"]) == 1
    if not spec["open"] and not further:
        return {**arrays, "in_hand": {}, "final": {}}
    stage, loop = machinery(problem, recipe).example()
    whole = named_leaves({"stage": stage, "loop": loop})
    # The tree was the pair of stage and loop, whose order by name is the other one.
    pair = [f"stage/{name}" for name in named_leaves(stage)]
    pair += [f"loop/{name}" for name in named_leaves(loop)]
    assert {*pair} == {*whole}
    return {
        **arrays,
        "in_hand": _renamed(in_hand, pair) if spec["open"] else {},
        "final": _renamed(final, list(named_leaves(loop))) if further else {},
    }


def _renamed(numbered: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    if len(numbered) != len(names):
        raise CheckpointError(
            "The saved training state does not fit its recipe in this version of the libraries: "
            "training cannot go on from it; train anew."
        )
    return dict(zip(names, (numbered[key] for key in sorted(numbered)), strict=True))


def _first_fingerprint(problem: Problem) -> dict[str, Any]:
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
        stated["boundary"] = [_condition(problem, condition) for condition in problem.boundary]
    return stated


def _start(problem: Problem, value: Any) -> Any:
    return _probed(problem.extent, value) if problem.extent else value.tolist()


def _condition(problem: Problem, condition: AbstractCondition) -> list[Any]:
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


def _plain(value: Any) -> Any:
    from pinn.archive import plain

    return plain(value)
