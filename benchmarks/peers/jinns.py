"""jinns in float64: natural gradient, or SSBroyden, both with the line searches it documents.

Walls and circles are exact, by the network's transforms of inputs and outputs, and so are initial
data, unless they are asked for as a loss; then velocities are components of their own. The points
are an even grid in time, and a Sobol sequence over space.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback
from jax.flatten_util import ravel_pytree
from jinns import solve
from jinns.data import CubicMeshPDENonStatio, DataGeneratorODE
from jinns.loss import (
    ODE,
    LossODE,
    LossPDENonStatio,
    LossWeightsODE,
    LossWeightsPDENonStatio,
    PDENonStatio,
)
from jinns.nn import PINN_MLP
from jinns.optimizers import scale_by_SSBroyden_family, vanilla_ngd
from jinns.parameters import Params
from jinns.solver import GetJinnsVariableName
from jinns.validation import AbstractValidationModule

from .adapter import Clock, Order, Outcome, Predict, main
from .ansatz import exact, features

TIMES, POINTS, STARTS, DEPTH, STEPS = 400, 1500, 200, 3, 200_000
START_WEIGHT = 100.0
WIDTH = {"natural_gradient": 20, "ssbroyden": 30}
WAVES = {
    "harmonic_oscillator": 2,
    "pendulum": 2,
    "kepler": 2,
    "burgers": 3,
    "wave": 1,
    "kdv": 3,
    "nls": 2,
    "allen_cahn": 3,
}


def train(order: Order) -> Outcome:
    """Train by the method that `JINNS_METHOD` names until the budget is spent."""
    method = os.environ.get("JINNS_METHOD", "natural_gradient")
    clock = Clock(order)
    network, weights = _network(order, WIDTH[method], jax.random.PRNGKey(order.seed))
    params = Params(nn_params=weights, eq_params={})
    data, loss, points = _loss(order, network, params, jax.random.PRNGKey(order.seed + 1))
    found, losses, *_ = solve(
        n_iter=STEPS,
        init_params=params,
        data=data,
        loss=loss,
        validation=_Budget(clock=clock, predictor=partial(_predictor, order, network)),
        verbose=False,
        **_optimiser(method),
    )
    clock.stop()
    return Outcome(
        _predictor(order, network, found),
        clock,
        int(np.count_nonzero(np.asarray(losses))),
        ravel_pytree(weights)[0].size,
        points,
        f"{method.replace('_', ' ')}, {DEPTH} layers of {WIDTH[method]}, "
        f"{'even grid' if _mechanics(order) else 'Sobol points'}, {order.start}, exact ends, "
        f"{WAVES[order.statement.name]} waves as features",
    )


def _predictor(order: Order, network: Any, params: Any) -> Predict:
    """Return the network with given parameters as a function of points, compiled when used."""
    count = len(order.statement.components)

    def predict(points: np.ndarray) -> np.ndarray:
        evaluate = jax.jit(jax.vmap(lambda z: network(z, params)[:count]))
        return np.concatenate([evaluate(part) for part in np.array_split(points, 16)])

    return predict


class _Budget(AbstractValidationModule):
    """The validation hook, which can end the training, as a clock."""

    clock: Clock = eqx.field(static=True, kw_only=True)
    predictor: Callable[[Any], Predict] = eqx.field(static=True, kw_only=True)
    call_every: int = eqx.field(default=5, kw_only=True)

    def __call__(self, params: Any) -> tuple[Any, Any, Any, Any]:
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
    import jax

    return jax.grad(lambda p: loss(p, batch)[0])(params)


def _optimiser(method: str) -> dict[str, Any]:
    if method == "natural_gradient":
        return {"optimizer": vanilla_ngd(gram_reg=1e-5)}
    given = {
        "value": GetJinnsVariableName("train_loss_value"),
        "grad_pt": GetJinnsVariableName("grads"),
        "loss": GetJinnsVariableName("loss"),
        "batch": GetJinnsVariableName("batch"),
        "value_fn": callback_value,
        "grad_fn": callback_gradient,
    }
    return {"optimizer": scale_by_SSBroyden_family(), "extra_optax_args_and_kwargs": given}


def _mechanics(order: Order) -> bool:
    return order.statement.space == "none"


def _network(order: Order, width: int, key: Any) -> tuple[Any, Any]:
    inputs = _features(order, jnp.zeros(len(order.lower))).shape[0]
    sizes = [inputs] + [width] * DEPTH
    layers = [part for a, b in pairwise(sizes) for part in _layer(a, b)]
    return PINN_MLP.create(
        key=key,
        eqx_list=(*layers, (eqx.nn.Linear, width, len(order.statement.components))),
        eq_type="ODE" if _mechanics(order) else "PDENonStatio",
        input_transform=lambda z, params: _features(order, z),
        output_transform=lambda z, y, params: _transformed(order, z, y),
    )


def _layer(inputs: int, outputs: int) -> tuple[Any, ...]:
    return (eqx.nn.Linear, inputs, outputs), (jnp.tanh,)


def _features(order: Order, z: Any) -> Any:
    x = None if _mechanics(order) else z[1]
    return jnp.stack(features(order, z[0], x, WAVES[order.statement.name], jnp))


def _transformed(order: Order, z: Any, y: Any) -> Any:
    x = None if _mechanics(order) else z[1]
    return jnp.stack(exact(order, z[0], x, list(jnp.atleast_1d(y)), jnp))


def _loss(order: Order, network: Any, params: Any, key: Any) -> tuple[Any, Any, int]:
    lower, upper = order.lower, order.upper
    if _mechanics(order):
        data = DataGeneratorODE(key=key, nt=TIMES, tmin=lower[0], tmax=upper[0], method="grid")
        start = _start(order, jnp.zeros(1)) if order.soft else None
        loss = LossODE(
            u=network,
            dynamic_loss=_System(order=_Fixed(order)),
            initial_condition=None if start is None else (lower[0], start),
            loss_weights=LossWeightsODE(
                dyn_loss=1.0, initial_condition=START_WEIGHT if order.soft else None
            ),
            params=params,
        )
        return data, loss, TIMES
    data = CubicMeshPDENonStatio(
        key=key,
        n=POINTS,
        nb=None,
        ni=STARTS if order.soft else 1,
        dim=1,
        min_pts=(lower[1],),
        max_pts=(upper[1],),
        tmin=lower[0],
        tmax=upper[0],
        method="sobol",
    )
    loss = LossPDENonStatio(
        u=network,
        dynamic_loss=_Field(order=_Fixed(order)),
        initial_condition_fun=(lambda x: _start(order, x)) if order.soft else None,
        loss_weights=LossWeightsPDENonStatio(
            dyn_loss=1.0, initial_condition=START_WEIGHT if order.soft else None
        ),
        params=params,
    )
    return data, loss, POINTS


def _start(order: Order, x: Any) -> Any:
    """Return the components at the start, for a place (1,)."""
    given = order.statement.initial(x[0], order.constants, jnp)
    return jnp.stack([jnp.asarray(given[name], float) for name in order.statement.components])


@dataclass(frozen=True, eq=False)
class _Fixed:
    """An order that is known by its identity, which JAX can hash."""

    order: Order


def _residual(order: Order, point: Any, u: Any, params: Any) -> Any:
    """Return the equation's residuals at a point (d,), by nested forward mode."""
    statement, known = order.statement, {"": lambda z: u(z, params)}

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
    return jnp.stack(statement.residuals(entries, order.constants, jnp))


class _System(ODE):
    """An equation in time."""

    order: _Fixed = eqx.field(static=True, kw_only=True)

    def equation(self, t: Any, u: Any, params: Any) -> Any:
        return _residual(self.order.order, t, u, params)


class _Field(PDENonStatio):
    """An equation over time and space."""

    order: _Fixed = eqx.field(static=True, kw_only=True)

    def equation(self, t_x: Any, u: Any, params: Any) -> Any:
        return _residual(self.order.order, t_x, u, params)


if __name__ == "__main__":
    main(train)
