"""jinns in float64: natural gradient, or SSBroyden, both with the line searches it documents.

Walls and circles are exact, by the network's transforms of inputs and outputs, and so are initial
data, unless they are asked for as a loss; then a slope at the start is a dynamic loss, which jinns
takes several of. The points are an even grid in time, and a Sobol sequence over space.
"""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
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

from .adapter import Clock, Order, Outcome, Predict, main
from .ansatz import exact, features
from .jinns_parts import DEPTH, STEPS, WIDTH, Budget, layers_of, quasi_newton, residuals

TIMES, POINTS, STARTS = 400, 1500, 200
START_WEIGHT = 100.0
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
        validation=Budget(clock=clock, predictor=partial(_predictor, order, network)),
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


def _optimiser(method: str) -> dict[str, Any]:
    if method == "natural_gradient":
        return {"optimizer": vanilla_ngd(gram_reg=1e-5)}
    return {
        "optimizer": scale_by_SSBroyden_family(), "extra_optax_args_and_kwargs": quasi_newton()
    }  # fmt: skip


def _mechanics(order: Order) -> bool:
    return order.statement.space == "none"


def _network(order: Order, width: int, key: Any) -> tuple[Any, Any]:
    inputs = _features(order, jnp.zeros(len(order.lower))).shape[0]
    return PINN_MLP.create(
        key=key,
        eqx_list=layers_of(inputs, width, len(order.statement.components)),
        eq_type="ODE" if _mechanics(order) else "PDENonStatio",
        input_transform=lambda z, params: _features(order, z),
        output_transform=lambda z, y, params: _transformed(order, z, y),
    )


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
            dynamic_loss=_equations(order, _System, _SystemSlope),
            initial_condition=None if start is None else (lower[0], start),
            loss_weights=LossWeightsODE(**_weights(order)),
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
        dynamic_loss=_equations(order, _Field, _FieldSlope),
        initial_condition_fun=(lambda x: _start(order, x)) if order.soft else None,
        loss_weights=LossWeightsPDENonStatio(**_weights(order)),
        params=params,
    )
    return data, loss, POINTS


def _start(order: Order, x: Any, ending: str = "") -> Any:
    """Return the components at the start, or their slopes, for a place (1,)."""
    given = order.statement.initial(x[0], order.constants, jnp)
    names = order.statement.components
    return jnp.stack([jnp.asarray(given[name + ending], float) for name in names])


def _slopes(order: Order) -> bool:
    return order.soft and order.statement.order == 2


def _equations(order: Order, equation: type, slope: type) -> Any:
    """Return the dynamic losses: the equation, and slopes at the start where they are a loss."""
    fixed = _Fixed(order)
    return (equation(order=fixed), slope(order=fixed)) if _slopes(order) else equation(order=fixed)


def _weights(order: Order) -> dict[str, Any]:
    if not order.soft:
        return {"dyn_loss": 1.0}
    equations = (1.0, START_WEIGHT) if _slopes(order) else 1.0
    return {"dyn_loss": equations, "initial_condition": START_WEIGHT}


@dataclass(frozen=True, eq=False)
class _Fixed:
    """An order that is known by its identity, which JAX can hash."""

    order: Order


def _residual(order: Order, point: Any, u: Any, params: Any) -> Any:
    return residuals(order.statement, order.constants, point, lambda z: u(z, params))


def _slope_at_start(order: Order, point: Any, u: Any, params: Any) -> Any:
    """Return by how much the slope at the start misses its datum, at the place of a point."""
    there, unit = point.at[0].set(order.lower[0]), jnp.zeros_like(point).at[0].set(1.0)
    slope = jax.jvp(lambda z: u(z, params), (there,), (unit,))[1]
    place = point[1:] if point.size > 1 else point
    return slope - _start(order, place, "_t")


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


class _SystemSlope(ODE):
    """The slopes at the start, in time."""

    order: _Fixed = eqx.field(static=True, kw_only=True)

    def equation(self, t: Any, u: Any, params: Any) -> Any:
        return _slope_at_start(self.order.order, t, u, params)


class _FieldSlope(PDENonStatio):
    """The slopes at the start, over space."""

    order: _Fixed = eqx.field(static=True, kw_only=True)

    def equation(self, t_x: Any, u: Any, params: Any) -> Any:
        return _slope_at_start(self.order.order, t_x, u, params)


if __name__ == "__main__":
    main(train)
