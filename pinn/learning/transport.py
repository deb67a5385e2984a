"""What each layer makes of a group's action, tried in turn and tested on two states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.learning.absorption import Layer, Velocities, absorbed, given_back, summed
from pinn.learning.errors import LearningError
from pinn.learning.groups import AbstractGroup, Action


@dataclass(frozen=True, eq=False)
class Transport:
    """A group's action before, in and after one layer.

    Args:
        before: dx/dε of the layer's input.
        velocities: dθ/dε of its parameters.
        pushed: what the layer makes of both.
        after: dy/dε as the group acts on the output, or zero.
        kind: in words.
    """

    before: Float[Array, "components ..."]
    velocities: Velocities
    pushed: Float[Array, "components ..."]
    after: Float[Array, "components ..."]
    kind: str


@dataclass(frozen=True, eq=False)
class Trial:
    """A layer, two inputs of it and how the group moves them.

    Args:
        layer: the layer.
        states: its input, and another of the same shape and size.
        moves: their velocities.
        group: the group.
        count: the number of generators.
        first: the shape of the network's inputs.
    """

    layer: Layer
    states: tuple[Array, Array]
    moves: Sequence[Array]
    group: AbstractGroup
    count: int
    first: tuple[int, ...]

    @property
    def tolerance(self) -> float:
        """How far from an action a layer may be, relative to its output."""
        return self.layer.program.epsilon**0.5

    @cached_property
    def outputs(self) -> list[Array]:
        """The layer's outputs."""
        return [self.layer.whole.compiled(s)[0] for s in self.states]

    def pushed(self, velocities: Velocities) -> list[Array]:
        """Return what the layer makes of the motion."""
        push = partial(self.layer.push, self.layer.whole)
        return [push(s, m, velocities)[0] for s, m in zip(self.states, self.moves, strict=True)]

    def defect(self, pushed: Sequence[Array], wanted: Sequence[Array]) -> float:
        """Return how far from a velocity the outputs move, relative to their size."""
        worst = 0.0
        outputs = self.outputs
        for state, move, output, got, due in zip(
            self.states, self.moves, outputs, pushed, wanted, strict=True
        ):
            size = _norm(output) * _norm(move) / _norm(state) + _norm(due)
            worst = max(worst, _norm(got - due) / size if size else 0.0)
        return worst

    def finite_defect(self, still: bool) -> float | None:
        """Return the same for finite elements of the group, where there are exact ones."""
        worst = 0.0
        for state, output in zip(self.states, self.outputs, strict=True):
            moved = self.group.finite(state, self.first)
            if moved is None:
                return None
            due = [output] * len(moved) if still else self.group.finite(output, self.first)
            if due is None:
                return float("inf")
            for one, other in zip(moved, due, strict=True):
                gap = _norm(self.layer.whole.compiled(one)[0] - other)
                worst = max(worst, gap / _norm(output) if _norm(output) else 0.0)
        return worst


def transported(
    layers: Sequence[Layer],
    states: Sequence[Array],
    group: AbstractGroup,
    count: int,
    actions: Mapping[str, Action],
) -> list[Transport]:
    """Return what every layer makes of the group's action, from the inputs on.

    Raises:
        LearningError: a layer has no known action.
    """
    found: list[Transport] = []
    ended = False
    for layer, state in zip(layers, states, strict=False):
        pair = (state, other_state(state))
        acted = [None if ended else group.velocity(s, count, states[0].shape) for s in pair]
        rest = acted[0] is None or not acted[0].any()
        moves = [
            jnp.zeros((count, *s.shape), s.dtype) if a is None else a
            for s, a in zip(pair, acted, strict=True)
        ]
        trial = Trial(layer, pair, moves, group, count, states[0].shape)
        transport = at_rest(trial) if rest else _transport(trial, actions.get(layer.name))
        ended = ended or transport.kind == ENDS
        found.append(transport)
    return found


def at_rest(trial: Trial) -> Transport:
    """Return that nothing moves."""
    still = jnp.zeros((trial.count, *trial.outputs[0].shape), trial.outputs[0].dtype)
    return Transport(trial.moves[0], {}, still, still, RESTS)


CARRIES, ENDS, TAKES_UP = "carries it on", "ends it", "takes it up"
RESTS, CHANGED = "is at rest", f"{CARRIES}, its parameters changed"


def _transport(trial: Trial, given: Action | None) -> Transport:
    """Return the first of the possible answers that holds on both states."""
    outputs = trial.outputs
    zeros = [jnp.zeros((trial.count, *y.shape), y.dtype) for y in outputs]
    if given is not None:
        return _given(trial, given, outputs, zeros)
    acted = [trial.group.velocity(y, trial.count, trial.first) for y in outputs]
    moved = [a for a in acted if a is not None]
    tolerance = trial.tolerance
    defects = []
    for velocities, carried, still in _answers(trial):
        pushed = trial.pushed(velocities)
        for kind, due in ((carried, moved), (still, zeros)):
            if not due:
                continue
            exact = None if velocities else trial.finite_defect(still=kind == ENDS)
            defects.append(trial.defect(pushed, due) if exact is None else exact)
            if defects[-1] <= tolerance:
                return Transport(trial.moves[0], velocities, pushed[0], due[0], kind)
    raise LearningError(_refusal(trial, min(defects)))


def _answers(trial: Trial):
    yield {}, CARRIES, ENDS
    taken = absorbed(trial.layer, trial.states, trial.moves, trial.group)
    if taken:
        yield taken, CHANGED, TAKES_UP
        last = trial.layer.affine_calls[-1]
        action = trial.group.affine(trial.outputs[0].shape[-1], trial.count)
        if action is not None:
            yield summed(taken, given_back(trial.layer, last, action)), CHANGED, TAKES_UP


def _given(trial: Trial, given: Action, outputs: list[Array], zeros: list[Array]) -> Transport:
    due = [
        zero if given.output is None else given.output(y)
        for y, zero in zip(outputs, zeros, strict=True)
    ]
    velocities: Velocities = {}
    if given.parameters is not None:
        own = {trial.layer.named(v): v for v in trial.layer.parameters}
        rates = given.parameters({n: trial.layer.parameters[v] for n, v in own.items()})
        unknown = sorted(set(rates) - set(own))
        if unknown:
            raise LearningError(
                f"The layer {trial.layer.name!r} has no parameter {unknown[0]!r}: it has "
                f"{', '.join(own)}."
            )
        velocities = {own[name]: jnp.asarray(rate) for name, rate in rates.items()}
    pushed = trial.pushed(velocities)
    defect = trial.defect(pushed, due)
    if not defect <= trial.tolerance:
        raise LearningError(
            f"The action given for the layer {trial.layer.name!r} is not one: its output moves "
            f"otherwise by {defect:.1e} of its size."
        )
    kind = TAKES_UP if given.output is None else CHANGED
    return Transport(trial.moves[0], velocities, pushed[0], due[0], kind)


def _refusal(trial: Trial, defect: float) -> str:
    return (
        f"The layer {trial.layer.name!r} has no known action of {trial.group}: its output moves "
        f"otherwise by {defect:.1e} of its size; {_advice(trial.layer)}"
    )


def _advice(layer: Layer) -> str:
    return (
        f"give actions={{{layer.name!r}: learning.Action(output=..., parameters=...)}} with the "
        "velocities of its output and parameters, or choose a group that the layer has (circular "
        "padding for Translation, a bias for BiasShift, equivariant layers for Rotation)."
    )


def other_state(state: Array) -> Array:
    """Return another state of the same shape and size."""
    noise = jax.random.normal(jax.random.key(0), state.shape, state.dtype)
    return state + 0.5 * jnp.std(state) * noise


def _norm(array: Array) -> float:
    return float(np.linalg.norm(np.asarray(array, float).ravel()))
