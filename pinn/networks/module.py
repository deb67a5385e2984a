"""A user's own Flax module as the network."""

import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, Jaxpr
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from pinn.errors import PinnError, RecipeError, place, reason
from pinn.networks.mirror import Mirrors
from pinn.networks.network import AbstractNetwork
from pinn.problem.axes import Axis


@dataclass(frozen=True)
class Module(AbstractNetwork):
    """A network of your own: any Flax NNX module that maps one point to the fields' components.

    A point is a vector of numbers between −1 and 1: the time in the window, then cos kθ and sin kθ
    of each periodic coordinate, and polynomials of each other one. Initial data and boundary
    conditions are built around the module as around `Network`. Its derivatives are taken by nested
    forward mode, so that it must be smooth: tanh, not relu.

    Every `nnx.Param` is trained, other arrays stay as they were built; all are stored in the
    recipe's precision, whatever `param_dtype` they were made with. The last linear layer, where the
    module ends with one, starts at zero as that of `Network` does: then the first guess of a window
    is what it starts from, and training gains several digits.

    Args:
        build: from the number of inputs, the number of outputs and `nnx.Rngs` to the module: a
            function, the module's class, or a frozen dataclass with `__call__` where it has numbers
            of its own. It is called again for every window and seed, and found again by its import
            path when a solution is loaded.
        harmonics: a periodic coordinate enters as cos kθ and sin kθ, k = 1 … harmonics.

    Raises:
        RecipeError: `build` cannot be called, or a number is below one.
    """

    build: Callable[..., nnx.Module]
    harmonics: int = 4

    def __post_init__(self):
        if not callable(self.build):
            raise RecipeError(
                "pinn.Module takes a function build(inputs, outputs, rngs) that returns a Flax "
                f"module, got {self.build!r:.60}."
            )
        if self.harmonics < 1:
            raise RecipeError(f"A network needs harmonics ≥ 1, got {self.harmonics}.")

    def fresh(
        self,
        extent: Mapping[str, Axis],
        mirrors: Mirrors,
        timed: bool,
        outputs: int,
        dtype: DTypeLike,
        seed: int,
    ) -> nnx.Module:
        """Return a fresh module in the given precision.

        Raises:
            RecipeError: it cannot be built or called, gives another shape, computes in another
                precision, is random or changes itself.
        """
        inputs, rngs = self.inputs(extent, timed), nnx.Rngs(seed)
        try:
            module = _called(self.build, inputs, outputs, rngs)
        except PinnError:
            raise
        except Exception as error:
            raise RecipeError(
                f"pinn.Module could not build its network from {inputs} inputs, "
                f"{outputs} outputs and nnx.Rngs: {reason(error)}{place(error)}."
            ) from error
        if not isinstance(module, nnx.Module):
            raise RecipeError(
                f"build= of pinn.Module returned {type(module).__name__}, expected a flax.nnx "
                "module: return the module itself, not its parameters or a function."
            )
        _promote(module, np.dtype(dtype))
        _check(module, inputs, outputs, np.dtype(dtype))
        _start_at_zero(module, inputs, outputs)
        return Learned(module)


class Learned(nnx.Module):
    """A user's module of which only the parameters are learned."""

    def __init__(self, module: nnx.Module):
        self.module = module

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Evaluate at one point."""
        graph, learned, fixed = nnx.split(self.module, nnx.Param, ...)
        module: Any = nnx.merge(graph, learned, jax.tree.map(jax.lax.stop_gradient, fixed))
        with _usual_promotion():
            return module(x)


@contextmanager
def _usual_promotion() -> Generator[None]:
    """Let a user's code mix types and ranks as JAX does by default, whatever it is set to."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _called(build: Callable[..., Any], inputs: int, outputs: int, rngs: nnx.Rngs) -> Any:
    """Call `build`, whose random numbers are by Flax's custom to be named."""
    function = build
    while isinstance(function, partial):
        function = function.func
    names = inspect.signature(function.__init__ if isinstance(function, type) else function)
    named = "rngs" in names.parameters
    with _usual_promotion():
        return build(inputs, outputs, rngs=rngs) if named else build(inputs, outputs, rngs)


def _promote(module: nnx.Module, dtype: np.dtype) -> None:
    """Store every array of a module in one precision.

    Raises:
        RecipeError: it holds random state, whole or complex numbers.
    """
    state = nnx.state(module)
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        kind = jnp.asarray(leaf).dtype
        if not jnp.issubdtype(kind, jnp.floating):
            name = jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")
            raise RecipeError(
                f"The module of pinn.Module keeps {name!r} of type {kind}, but a network is a "
                "function of its input with real parameters: leave out dropout and what counts or "
                "draws random numbers when it is called."
            )
    nnx.update(module, jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), state))


def _check(module: nnx.Module, inputs: int, outputs: int, dtype: np.dtype) -> None:
    """Refuse a module that cannot be the network.

    Raises:
        RecipeError: it cannot be called, gives another shape, computes in another precision, or
            changes itself when it is called.
    """
    graph, state = nnx.split(module)
    changed = False

    def called(state: nnx.State, x: Array) -> Array:
        nonlocal changed
        module: Any = nnx.merge(graph, state)
        before = jax.tree.leaves(nnx.state(module))
        with _usual_promotion():
            values = module(x)
        after = jax.tree.leaves(nnx.state(module))
        changed = len(before) != len(after) or any(
            a is not b for a, b in zip(before, after, strict=True)
        )
        return values

    given = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), state)
    try:
        program, found = jax.make_jaxpr(called, return_shape=True)(
            given, jax.ShapeDtypeStruct((inputs,), dtype)
        )
    except Exception as error:
        raise RecipeError(
            f"The module of pinn.Module cannot be called with one point, an array of shape "
            f"({inputs},): {reason(error)}{place(error)}."
        ) from error
    if getattr(found, "shape", None) != (outputs,):
        raise RecipeError(
            f"The module of pinn.Module makes of one point, an array of shape ({inputs},), "
            f"{getattr(found, 'shape', type(found).__name__)}, expected an array of shape "
            f"({outputs},): build(inputs, outputs, rngs) says how many outputs there are."
        )
    if changed:
        raise RecipeError(
            "The module of pinn.Module changes its own state when it is called, as batch "
            "normalisation does, but a network is a function of its input: leave that out, or use "
            "layer normalisation."
        )
    lower = {str(d) for d in _precisions(program.jaxpr) if d.itemsize < dtype.itemsize}
    if lower:
        raise RecipeError(
            f"The module of pinn.Module computes in {' and '.join(sorted(lower))}, where the "
            f"recipe has {dtype}: leave dtype= out of its layers and casts out of its __call__."
        )


def _precisions(program: Any) -> Iterator[np.dtype]:
    """Return the types of real numbers that a program computes."""
    for equation in program.eqns:
        for made in equation.outvars:
            kind = getattr(made.aval, "dtype", None)
            if kind is not None and jnp.issubdtype(kind, jnp.floating):
                yield np.dtype(kind)
        for inner in jax.tree.leaves(list(equation.params.values())):
            if isinstance(inner, Jaxpr | ClosedJaxpr):
                yield from _precisions(getattr(inner, "jaxpr", inner))


def _start_at_zero(module: nnx.Module, inputs: int, outputs: int) -> None:
    """Set the last linear layer of a module to zero, where it has one.

    That is what its output is linear in together: parameters with as many columns as there are
    outputs, such that scaling them scales the output.
    """
    graph, learned, fixed = nnx.split(module, nnx.Param, ...)
    leaves, structure = jax.tree.flatten(learned)
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        return  # only the shapes of the parameters are asked for
    if not leaves:
        raise RecipeError(
            "The module of pinn.Module has no parameters (nnx.Param) to train: give it a layer, as "
            "nnx.Linear(inputs, outputs, rngs=rngs)."
        )
    points = jax.random.uniform(jax.random.key(0), (2, inputs), leaves[0].dtype, -1.0, 1.0)

    def scaled(chosen: Sequence[int], factor: float) -> Array:
        """Return the outputs at the points with some parameters multiplied by a factor."""
        changed = [a * factor if i in chosen else a for i, a in enumerate(leaves)]
        one: Any = nnx.merge(graph, jax.tree.unflatten(structure, changed), fixed)
        with _usual_promotion():
            return jnp.stack([one(x) for x in points])

    close = partial(jnp.allclose, rtol=0.0, atol=1e3 * jnp.finfo(points.dtype).eps)
    usual = scaled((), 1.0)
    unit = jnp.maximum(jnp.max(jnp.abs(usual)), jnp.finfo(points.dtype).tiny)

    def linear(index: int) -> bool:
        """Tell whether the output is affine in a parameter."""
        doubled, none = scaled((index,), 2.0), scaled((index,), 0.0)
        return bool(close((doubled + none) / unit, 2.0 * usual / unit))

    ends = [i for i, a in enumerate(leaves) if a.shape and a.shape[-1] == outputs]
    last = [i for i in ends if linear(i)]
    if all(close(scaled(last, f) / unit, f * usual / unit) for f in (2.0, -1.0)):
        zeroed = [jnp.zeros_like(a) if i in last else a for i, a in enumerate(leaves)]
        nnx.update(module, jax.tree.unflatten(structure, zeroed))
