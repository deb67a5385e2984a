"""How parameters take up what a group does to the input of a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.learning.groups import AbstractGroup, Affine
from pinn.learning.program import Call, Part, Program

Velocities = dict[Any, Array]
AFFINE = (nnx.Linear, nnx.LinearGeneral, nnx.Conv)


@dataclass(frozen=True, eq=False)
class Layer:
    """The part of a program between two states.

    Args:
        program: the whole.
        start: the variable of the layer's input.
        stop: the variable of its output.
        name: the path of the module that is called first.
    """

    program: Program
    start: Any
    stop: Any
    name: str

    @cached_property
    def whole(self) -> Part:
        """The layer as a function of its input and its parameters."""
        return self.program.between(self.start, [self.stop])

    @cached_property
    def parameters(self) -> dict[Any, Array]:
        """The parameters that it reads."""
        known = self.whole.values
        return {v: known[v] for v in self.program.parameters if v in known}

    def named(self, variable: Any) -> str:
        """Return the path of a parameter, as in `layers/0/kernel`."""
        return "/".join(map(str, self.program.parameters[variable]))

    @cached_property
    def affine_calls(self) -> list[Call]:
        """The calls of affine modules in it."""
        made = {v for e in self.whole.equations for v in e.outvars} | {self.start}
        made.discard(self.stop)
        return [c for c in self.program.calls if c.source in made and isinstance(c.module, AFFINE)]

    def push(self, part: Part, state: Array, moves: Array, velocities: Velocities) -> list[Array]:
        """Return the rates of the part's results when its input and parameters move.

        Args:
            part: from the layer's input.
            state: the input.
            moves: its rates, for each generator.
            velocities: the rates of some parameters, for each generator.
        """
        moving = tuple(v for v in part.values if v in velocities)
        own = [part.values[v] for v in moving]
        rates = [velocities[v] for v in moving]
        return list(part.pushing(moving)(state, own, moves, rates))


def absorbed(layer: Layer, states: Sequence[Array], moves: Sequence[Array], group: AbstractGroup):
    """Return velocities of the affine modules' parameters that undo what reaches their input.

    Args:
        layer: whose parameters.
        states: two inputs of the layer, so that what holds for one by chance is not believed.
        moves: the velocity of each.
        group: the group.
    """
    velocities: Velocities = {}
    for call in layer.affine_calls:
        part = layer.program.between(layer.start, [call.source])
        values = [np.asarray(part.compiled(s)[0]) for s in states]
        rates = [
            np.asarray(layer.push(part, s, m, velocities)[0])
            for s, m in zip(states, moves, strict=True)
        ]
        action = _action(group, values, rates, layer.program.epsilon**0.5)
        if action is not None:
            velocities |= taken_up(layer, call, action)
    return velocities


def _action(group: AbstractGroup, values: list, rates: list, share: float) -> Affine | None:
    """Return x B + v, if that is what moves the values at these rates; nothing where they rest."""
    count, width = len(rates[0]), values[0].shape[-1]
    size = max(np.abs(r).max() for r in rates)
    if not size:
        return None
    tolerance = share * size
    same = group.affine(width, count)
    if same is not None and all(
        np.abs(r - _moved(same, v)).max() < tolerance for v, r in zip(values, rates, strict=True)
    ):
        return same
    rows = np.concatenate([r.reshape(count, -1, width) for r in rates], 1)
    if np.abs(rows - rows[:, :1]).max() < tolerance:
        return Affine(np.zeros((count, width, width)), rows[:, 0])
    return None


def _moved(action: Affine, values: np.ndarray) -> np.ndarray:
    moved = np.einsum("...i,kij->k...j", values, action.matrices)
    return moved + action.shifts.reshape(len(moved), *[1] * (values.ndim - 1), -1)


def taken_up(layer: Layer, call: Call, action: Affine) -> Velocities:
    """Return dW = −B W and db = −v W, for which W x + b stays as it is."""
    kernel, bias = _weights(layer, call)
    if kernel is None or getattr(call.module, "feature_group_count", 1) != 1:
        return {}
    value = layer.program.values[kernel]
    inward = 0 if isinstance(call.module, nnx.LinearGeneral) else value.ndim - 2
    if value.shape[inward] != action.shifts.shape[1]:
        return {}
    matrices = jnp.asarray(action.matrices, value.dtype)
    found = {kernel: -jnp.moveaxis(jnp.tensordot(matrices, value, ([2], [inward])), 1, 1 + inward)}
    if bias is not None:
        drift = -jnp.tensordot(jnp.asarray(action.shifts, value.dtype), value, ([1], [inward]))
        outward = layer.program.values[bias].ndim
        found[bias] = drift.sum(range(1, drift.ndim - outward))
    return found


def given_back(layer: Layer, call: Call, action: Affine) -> Velocities:
    """Return dW = W B and db = b B, for which W x + b moves as the group acts on it."""
    kernel, bias = _weights(layer, call)
    if kernel is None:
        return {}
    found: Velocities = {}
    for variable in (kernel, bias):
        if variable is not None:
            value = layer.program.values[variable]
            if value.shape[-1] != action.shifts.shape[1]:
                return {}
            matrices = jnp.asarray(action.matrices, value.dtype)
            found[variable] = jnp.moveaxis(jnp.tensordot(value, matrices, ([-1], [1])), -2, 0)
    return found


def _weights(layer: Layer, call: Call) -> tuple[Any, Any]:
    by_path = {layer.named(v): v for v in layer.program.parameters}
    prefix = f"{call.path}/" if call.path else ""
    return by_path.get(prefix + "kernel"), by_path.get(prefix + "bias")


def summed(*parts: Mapping[Any, Array]) -> Velocities:
    """Return velocities added up."""
    total: Velocities = {}
    for part in parts:
        for variable, rate in part.items():
            total[variable] = total[variable] + rate if variable in total else rate
    return total
