"""jinns with unknown constants, after its tutorials on joint estimation: `solve` on all at once.

`1D_non_stationary_Burgers_JointEstimation_Vanilla.ipynb`: the natural gradient on the network and
Adam on the constants, or SSBroyden on both; the equation's loss is differentiated by both, the
others by the network. `solve_alternate` knows no hook that could end it by the clock. The network
is that of the forward runs, for 16 units a layer do not resolve the shock, and its inputs and
outputs are scaled, as the tutorial on Lotka's and Volterra's equations has them.
"""

import os
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jinns import solve
from jinns.data import CubicMeshPDENonStatio, DataGeneratorObservations, DataGeneratorODE
from jinns.loss import (
    ODE,
    Dirichlet,
    LossODE,
    LossPDENonStatio,
    LossWeightsODE,
    LossWeightsPDENonStatio,
    PDENonStatio,
)
from jinns.nn import PINN_MLP
from jinns.optimizers import scale_by_SSBroyden_family, vanilla_ngd
from jinns.parameters import DerivativeKeysODE, DerivativeKeysPDENonStatio, Params

from .inverse_adapter import Found, Order, clock_of, main
from .jinns_parts import DEPTH, STEPS, WIDTH, Budget, layers_of, quasi_newton, residuals

TIMES, POINTS, STARTS, WALLS = 400, 1024, 1024, 2
# Of Adam on the constants. The tutorials have 1e-3 for constants below one.
RATE = {"lorenz_inverse": 2e-2, "burgers_inverse": 1e-3}


def train(order: Order) -> Found:
    """Train by the method that `JINNS_METHOD` names until the budget is spent."""
    method = os.environ.get("JINNS_METHOD", "natural_gradient")
    clock = clock_of(order)
    network, weights = _network(order, WIDTH[method], jax.random.PRNGKey(order.seed))
    guesses = {name: jnp.array([guess]) for name, guess in order.guesses.items()}
    params = Params(nn_params=weights, eq_params=guesses)
    data, loss, points = _loss(order, network, params, jax.random.PRNGKey(order.seed + 1))
    observed = DataGeneratorObservations(
        key=jax.random.PRNGKey(order.seed + 2),
        obs_batch_size=None,
        observed_pinn_in=jnp.asarray(order.points),
        observed_values=jnp.asarray(order.values),
    )
    found, losses, *_ = solve(
        n_iter=STEPS,
        init_params=params,
        data=data,
        loss=loss,
        obs_data=observed,
        validation=Budget(clock=clock, predictor=lambda now: _unknowns(order, now)),
        verbose=False,
        **_optimiser(order, method),
    )
    clock.stop()
    return Found(
        _unknowns(order, found),
        clock,
        int(np.count_nonzero(np.asarray(losses))),
        ravel_pytree(params)[0].size,
        points,
        f"{_title(order, method)}; {DEPTH} layers of {WIDTH[method]}, {order.scaling}",
    )


def _title(order: Order, method: str) -> str:
    if method == "natural_gradient":
        return f"natural gradient, and Adam at {RATE[order.statement.name]:g} on the unknowns"
    return f"{method} on all"


def _unknowns(order: Order, params: Any) -> dict[str, float]:
    return {name: float(getattr(params.eq_params, name)[0]) for name in order.guesses}


def _optimiser(order: Order, method: str) -> dict[str, Any]:
    if method == "natural_gradient":
        adam = {name: optax.adam(RATE[order.statement.name]) for name in order.guesses}
        return {"optimizer": vanilla_ngd(gram_reg=1e-5, eq_params_tx=adam)}
    return {
        "optimizer": scale_by_SSBroyden_family(), "extra_optax_args_and_kwargs": quasi_newton()
    }  # fmt: skip


def _network(order: Order, width: int, key: Any) -> tuple[Any, Any]:
    middle, reach, center, size = (
        jnp.asarray(array) for array in (order.middle, order.reach, order.center, order.size)
    )
    return PINN_MLP.create(
        key=key,
        eqx_list=layers_of(len(order.lower), width, order.values.shape[1]),
        eq_type="ODE" if order.mechanics else "PDENonStatio",
        input_transform=lambda z, params: (z - middle) / reach,
        output_transform=lambda z, y, params: center + size * y,
    )


def _loss(order: Order, network: Any, params: Any, key: Any) -> tuple[Any, Any, int]:
    lower, upper, weight = order.lower, order.upper, order.weight
    both = Params(nn_params=True, eq_params=dict.fromkeys(order.guesses, True))
    fixed = _Fixed(order)
    if order.mechanics:
        data = DataGeneratorODE(key=key, nt=TIMES, tmin=lower[0], tmax=upper[0], method="grid")
        loss = LossODE(
            u=network,
            dynamic_loss=_System(order=fixed),
            loss_weights=LossWeightsODE(dyn_loss=weight, observations=weight),
            derivative_keys=DerivativeKeysODE.from_str(
                dyn_loss=both, observations="nn_params", params=params
            ),
        )
        return data, loss, TIMES
    data = CubicMeshPDENonStatio(
        key=key,
        n=POINTS,
        nb=WALLS,
        ni=STARTS,
        dim=1,
        min_pts=(lower[1],),
        max_pts=(upper[1],),
        tmin=lower[0],
        tmax=upper[0],
        method="uniform",
    )
    terms = ("dyn_loss", "observations", "initial_condition", "boundary_loss")
    loss = LossPDENonStatio(
        u=network,
        dynamic_loss=_Field(order=fixed),
        initial_condition_fun=lambda x: order.statement.initial(x, {}, jnp)["u"],
        boundary_condition=Dirichlet(),
        loss_weights=LossWeightsPDENonStatio(**dict.fromkeys(terms, weight)),
        derivative_keys=DerivativeKeysPDENonStatio.from_str(
            **{**dict.fromkeys(terms, "nn_params"), "dyn_loss": both}, params=params
        ),
    )
    return data, loss, POINTS + STARTS + WALLS


@dataclass(frozen=True, eq=False)
class _Fixed:
    """An order that is known by its identity, which JAX can hash."""

    order: Order


def _missed(fixed: _Fixed, point: Any, u: Any, params: Any) -> Any:
    order = fixed.order
    unknowns = {name: getattr(params.eq_params, name)[0] for name in order.guesses}
    return residuals(order.statement, unknowns, point, lambda z: u(z, params))


class _System(ODE):
    """An equation in time."""

    order: _Fixed = eqx.field(static=True, kw_only=True)

    def equation(self, t: Any, u: Any, params: Any) -> Any:
        return _missed(self.order, t, u, params)


class _Field(PDENonStatio):
    """An equation over time and space."""

    order: _Fixed = eqx.field(static=True, kw_only=True)

    def equation(self, t_x: Any, u: Any, params: Any) -> Any:
        return _missed(self.order, t_x, u, params)


if __name__ == "__main__":
    main(train)
