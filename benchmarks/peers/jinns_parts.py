"""What the adapters of jinns share: the clock as its hook, SSBroyden, layers and residuals."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback
from jinns.solver import GetJinnsVariableName
from jinns.validation import AbstractValidationModule

from .adapter import Clock
from .statements import Constants, Statement

DEPTH, STEPS = 3, 200_000
WIDTH = {"natural_gradient": 20, "ssbroyden": 30}


class Budget(AbstractValidationModule):
    """The validation hook, which can end the training, as a clock."""

    clock: Clock = eqx.field(static=True, kw_only=True)
    predictor: Callable[[Any], Any] = eqx.field(static=True, kw_only=True)
    call_every: int = eqx.field(default=5, kw_only=True)

    def __call__(self, params: Any) -> tuple[Any, Any, Any, Any]:
        """Look at the clock; the second of what is returned says whether to end."""

        def over(now: Any) -> np.ndarray:
            self.clock.start()
            self.clock.look(lambda: self.predictor(jax.tree.map(np.array, now)))
            return np.asarray(self.clock.over())

        ended = io_callback(over, jax.ShapeDtypeStruct((), bool), params)
        return self, ended, jnp.asarray(0.0), False


def callback_value(params: Any, loss: Any, batch: Any) -> Any:
    """Return the loss; jinns asks for this name and these arguments."""
    return loss(params, batch)[0]


def callback_gradient(params: Any, loss: Any, batch: Any) -> Any:
    """Return the gradient of the loss."""
    return jax.grad(lambda p: loss(p, batch)[0])(params)


def quasi_newton() -> dict[str, Any]:
    """Return what SSBroyden asks of `solve`."""
    return {
        "value": GetJinnsVariableName("train_loss_value"),
        "grad_pt": GetJinnsVariableName("grads"),
        "loss": GetJinnsVariableName("loss"),
        "batch": GetJinnsVariableName("batch"),
        "value_fn": callback_value,
        "grad_fn": callback_gradient,
    }


def layers_of(inputs: int, width: int, outputs: int) -> tuple[Any, ...]:
    """Return the layers of a network as jinns reads them."""
    sizes = [inputs] + [width] * DEPTH
    layers = [part for a, b in pairwise(sizes) for part in _layer(a, b)]
    return (*layers, (eqx.nn.Linear, width, outputs))


def _layer(inputs: int, outputs: int) -> tuple[Any, ...]:
    return (eqx.nn.Linear, inputs, outputs), (jnp.tanh,)


def residuals(
    statement: Statement, constants: Constants, point: Any, u: Callable[[Any], Any]
) -> Any:
    """Return the equation's residuals at a point (d,), by nested forward mode.

    Args:
        statement: the problem.
        constants: of the equation.
        point: where.
        u: point ↦ the components.
    """
    known = {"": u}

    def along(letters: str) -> Any:
        if letters not in known:
            inner, axis = along(letters[:-1]), "tx".index(letters[-1])
            unit = jnp.zeros_like(point).at[axis].set(1.0)
            known[letters] = lambda z: jax.jvp(inner, (z,), (unit,))[1]
        return known[letters]

    entries = {}
    for name in (*statement.components, *statement.derivatives):
        component, _, letters = name.partition("_")
        entries[name] = along(letters)(point)[statement.components.index(component)]
    return jnp.stack(statement.residuals(entries, constants, jnp))
