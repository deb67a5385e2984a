"""What is conserved from layer to layer of a network: P_l = Σ ⟨∂C/∂x_l, dx_l/dε⟩."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from pinn.learning.absorption import Layer
from pinn.learning.arguments import check_inputs, check_loss, check_module, check_repeats
from pinn.learning.errors import LearningError
from pinn.learning.groups import AbstractGroup, Action
from pinn.learning.program import Program, trace
from pinn.learning.transport import Transport, other_state, transported

Loss = Callable[[Array], Array]


@dataclass(frozen=True)
class LayerInvariants:
    """The charges of a group at every state of a network, and their balance over every layer.

    Args:
        states: names of the rows of `values`: the input, then each layer for its output.
        components: names of the group's generators.
        values: P_l = Σ ⟨g_l, dx_l/dε⟩, with g_l the loss's gradient there.
        corrections: ⟨g_θ, dθ/dε⟩ of every layer, which vanishes where its parameters are
            stationary and the same for all samples, or do not move.
        defects: ⟨g_y, dy − (the group's velocity of y)⟩ of every layer: what the grid aliases.
        balance: P_l − ⟨g_y, dy⟩ + ⟨g_θ, dθ⟩ of every layer, with dy what the layer makes of dx and
            dθ: zero to round-off for every network, trained or not.
        kinds: how each layer answers: it `carries` the action, `ends` it, or `takes it up`.
        loss_defect: how far the loss is from being invariant itself, |⟨∇C, dy/dε⟩| relative to
            |∇C|·|dy/dε|: where it is round-off, the charges vanish; where not, P of the outputs is
            the rate dC/dε, and what is conserved is that.
        precision: of the arithmetic.
        accuracy: the round-off that the values' sums have in it: what `spread` can reach at best.
    """

    states: tuple[str, ...]
    components: tuple[str, ...]
    values: Float[np.ndarray, "states components"]
    corrections: Float[np.ndarray, "layers components"]
    defects: Float[np.ndarray, "layers components"]
    balance: Float[np.ndarray, "layers components"]
    kinds: tuple[str, ...]
    loss_defect: float
    precision: str
    accuracy: float

    @property
    def spread(self) -> np.float64:
        """The largest difference of a component between two states, max_l P_l − min_l P_l."""
        return np.max(np.ptp(self.values, axis=0))

    def table(self) -> str:
        """Return one line a state."""
        lines = [f"{'state':<20}{'P (largest)':>14}{'correction':>13}{'defect':>11}{'balance':>11}"]
        largest = np.argmax(np.abs(self.values).max(0))
        for place, name in enumerate(self.states):
            line = f"{name:<20}{self.values[place, largest]:>14.6e}"
            if place:
                parts = (self.corrections, self.defects, self.balance)
                sizes = [np.abs(part[place - 1]).max() for part in parts]
                line += (
                    f"{sizes[0]:>13.1e}{sizes[1]:>11.1e}{sizes[2]:>11.1e}  {self.kinds[place - 1]}"
                )
            lines.append(line)
        reach = f"{self.precision}: round-off of the sums {self.accuracy:.0e}"
        lines.append(f"spread {self.spread:.1e} ({reach})")
        kept = self.loss_defect <= tolerance_of(self.precision)
        said = "is invariant" if kept else f"changes along the group by {self.loss_defect:.1e}"
        return "\n".join([*lines, f"the loss {said}{'' if kept else ' of |∇C|·|dy/dε|'}"])

    __str__ = table


def layer_invariants(
    model: nnx.Module,
    inputs: Float[Array, "batch ..."],
    loss: Loss,
    group: AbstractGroup,
    *,
    actions: Mapping[str, Action] | None = None,
    invariant: bool = False,
) -> LayerInvariants:
    """Return the charges of a group at every layer of a network, with their exact balance.

    With g = ∂C/∂· by back-propagation and f_l(x_l(ε), θ_l(ε)) = x_{l+1}(ε),

        ⟨g_x, dx/dε⟩ = ⟨g_y, dy/dε⟩ − ⟨g_θ, dθ/dε⟩

    for any network at any time: where θ is stationary, or does not move, P_l is the same at all
    layers (C. Gadzinski, Where Is Noether's Principle in Machine Learning?, 2024). The states are
    the arrays through which everything passes: a residual or attention block counts as one layer.

    Args:
        model: any NNX module that is called with one array and returns one.
        inputs: batch first, channels last.
        loss: a function of the outputs, to a scalar.
        group: what acts on the states.
        actions: by layer, what you know of the group's action where the library does not.
        invariant: claim that the loss is invariant, so that all charges vanish. It need not be for
            them to be the same at every layer.

    Raises:
        LearningError: a layer has no known action, the loss is not a finite scalar or not invariant
            where that is claimed, the group does not act on such inputs, or the model draws at
            random.
    """
    _check_group(group)
    check_module(model)
    inputs = _batch(inputs)
    program = trace(model, inputs)
    layers = layers_of(program)
    check_repeats(model, inputs, program.epsilon)
    states = forward(layers, inputs)
    check_loss(loss, states[-1])
    _check_names(layers, actions or {})
    slopes, pulled = backward(layers, states, loss)
    _check_finite(loss, states[-1], slopes)
    components = group.components([s.shape for s in states])
    found = transported(layers, states, group, len(components), actions or {})
    defect = loss_defect(loss, states[-1], found[-1], group, states[0].shape)
    if invariant and not defect <= tolerance_of(program.precision):
        raise LearningError(_not_invariant(group, defect))
    return _report(layers, slopes, pulled, components, found, defect)


def loss_defect(
    loss: Loss, outputs: Array, last: Transport, group: AbstractGroup, first: tuple[int, ...]
) -> float:
    """Return how far a loss is from being invariant, on the outputs and on others.

    By the generators; or by exact elements of the group, where a grid aliases what those do.

    Args:
        loss: a function of the outputs.
        outputs: of the network.
        last: what its last layer makes of the group.
        group: the group.
        first: the shape of the network's inputs.
    """
    if not last.after.any():
        return 0.0
    by_rates, by_elements = [0.0], [0.0]
    for state in (outputs, other_state(outputs)):
        value, slope = jax.value_and_grad(loss)(state)
        moves = group.velocity(state, len(last.after), first)
        assert moves is not None
        by_rates += [_cosine(slope, move, abs(_pairing(slope, move))) for move in moves]
        for moved in group.finite(state, state.shape, cells=1) or ():
            change = abs(float(loss(moved) - value))
            by_elements.append(_cosine(slope, moved - state, change))
    return min(max(by_rates), max(by_elements)) if len(by_elements) > 1 else max(by_rates)


def tolerance_of(precision: Any) -> float:
    """Return up to which relative defect something counts as invariant."""
    return float(jnp.finfo(precision).eps) ** 0.5


def _pairing(slope: Array, move: Array) -> float:
    return float(np.vdot(np.asarray(slope, float), np.asarray(move, float)))


def _cosine(slope: Array, move: Array, change: float) -> float:
    size = np.linalg.norm(np.ravel(slope)) * np.linalg.norm(np.ravel(move))
    return float(change / size) if size > 0.0 else 0.0


def _not_invariant(group: AbstractGroup, defect: float) -> str:
    return (
        f"The loss is not invariant under {group}: it changes along it by {defect:.1e} of "
        "|∇C|·|dy/dε|, so that its charges do not vanish; leave invariant= out to have the charges "
        "that it has, or take a loss that is invariant."
    )


def layers_of(program: Program) -> list[Layer]:
    """Return the layers of a traced program."""
    states = program.states
    return [Layer(program, a, b, name) for (a, name), (b, _) in pairwise(states)]


def forward(layers: Sequence[Layer], inputs: Array) -> list[Array]:
    """Return the inputs and the output of every layer."""
    states = [inputs]
    for layer in layers:
        states.append(layer.whole.compiled(states[-1])[0])
    return states


def backward(layers: Sequence[Layer], states: Sequence[Array], loss: Loss):
    """Return the loss's gradient by every state, and by every layer's own use of its parameters."""

    def total(nudges: list[Array], parameters: list[dict]) -> Array:
        state = states[0] + nudges[0]
        for layer, nudge, own in zip(layers, nudges[1:], parameters, strict=True):
            state = layer.whole(state, dict(zip(layer.parameters, own, strict=True)))[0] + nudge
        return loss(state)

    nudges = [jnp.zeros_like(s) for s in states]
    own = [list(layer.parameters.values()) for layer in layers]
    slopes, pulled = jax.jit(jax.grad(total, argnums=(0, 1)))(nudges, own)
    named = [dict(zip(la.parameters, p, strict=True)) for la, p in zip(layers, pulled, strict=True)]
    return slopes, named


def _batch(inputs: Any) -> Array:
    array = check_inputs(inputs)
    if array.ndim < 2 or not jnp.issubdtype(array.dtype, jnp.floating):
        raise LearningError(
            "inputs= must be real numbers, batch first and channels last, got the shape "
            f"{array.shape} of type {array.dtype}: add a batch axis, or begin where the model's "
            "states are real numbers, as after an embedding."
        )
    return jnp.asarray(inputs)


def _check_group(group: Any) -> None:
    if not isinstance(group, AbstractGroup):
        raise LearningError(
            f"group= must be a group, as learning.Translation(axes=(0,)), got {group!r}: choose "
            "Translation, Rotation, BiasShift or GeneralLinear, called with its arguments."
        )


def _check_finite(loss: Loss, outputs: Array, slopes: Sequence[Array]) -> None:
    value = float(loss(outputs))
    if not np.isfinite(value) or not all(np.all(np.isfinite(g)) for g in slopes):
        raise LearningError(
            f"The loss is {value} or has no finite gradient at these inputs: charges need both."
        )


def _check_names(layers: Sequence[Layer], actions: Mapping[str, Action]) -> None:
    names = [layer.name for layer in layers]
    for name in actions:
        if name not in names:
            raise LearningError(
                f"There is no layer {name!r} to act on: the layers are {', '.join(names)}."
            )


def _report(
    layers: Sequence[Layer],
    slopes: Sequence[Array],
    pulled: Sequence[Mapping],
    components: tuple[str, ...],
    found: Sequence[Transport],
    defect: float,
) -> LayerInvariants:
    moves = [*[t.before for t in found], found[-1].after]
    values = np.stack([_paired(g, m) for g, m in zip(slopes, moves, strict=True)])
    sizes = [_paired(jnp.abs(g), jnp.abs(m)).max() for g, m in zip(slopes, moves, strict=True)]
    pushed = np.stack([_paired(g, t.pushed) for g, t in zip(slopes[1:], found, strict=True)])
    landed = np.stack([_paired(g, t.after) for g, t in zip(slopes[1:], found, strict=True)])
    zero = np.zeros(len(components))
    corrections = np.stack(
        [
            sum((_paired(own[v], rate) for v, rate in t.velocities.items()), zero)
            for own, t in zip(pulled, found, strict=True)
        ]
    )
    program = layers[0].program
    return LayerInvariants(
        ("input", *[layer.name for layer in layers]),
        components,
        values,
        corrections,
        pushed - landed,
        values[:-1] - pushed + corrections,
        tuple(t.kind for t in found),
        defect,
        str(program.precision),
        float(program.epsilon * max(sizes)),
    )


def _paired(slope: Array, moves: Array) -> Float[np.ndarray, " components"]:
    """Return ⟨g, dx⟩ for each generator, summed in double precision."""
    flat = np.asarray(slope, float).ravel()
    return np.asarray(moves, float).reshape(len(moves), -1) @ flat
