"""DeepXDE with unknown constants, after its examples: Adam, then L-BFGS, on `dde.Variable`s.

Lorenz: `examples/pinn_inverse/Lorenz_inverse.py`, without the initial condition, which is unknown
here. Burgers: the network, points and losses of `examples/pinn_forward/Burgers.py`, with the data
as `examples/pinn_inverse/Navier_Stokes_inverse.py` has them: a `PointSetBC` whose points are
collocation points too.
"""

from dataclasses import dataclass
from typing import Any

import deepxde as dde
import numpy as np
import torch

from .deepxde import ADAM_SHARE, CHUNK, Look, Stop
from .inverse_adapter import Found, Order, clock_of, main


@dataclass(frozen=True)
class Recipe:
    """How a problem is trained.

    Args:
        width: of each of three hidden layers.
        inside: collocation points in the domain, besides those of the data.
        initial: points at t = 0 where the initial data are a loss.
        walls: points at the ends of the axes.
        steps: of Adam at a learning rate of 1e-3, or 40 % of the budget if that is less.
        start: of the weights.
    """

    width: int
    inside: int
    initial: int
    walls: int
    steps: int
    start: str


DEPTH = 3
RECIPES = {
    "lorenz_inverse": Recipe(40, 400, 0, 2, 20000, "Glorot uniform"),
    "burgers_inverse": Recipe(20, 2540, 160, 80, 15000, "Glorot normal"),
}


def train(order: Order) -> Found:
    """Train by Adam, then by L-BFGS until the budget is spent."""
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(order.seed)
    torch.set_num_threads(1)
    recipe, clock = RECIPES[order.statement.name], clock_of(order)
    unknowns = {name: dde.Variable(guess) for name, guess in order.guesses.items()}
    trained = list(unknowns.values())
    data = _data(order, recipe, unknowns)
    model = dde.Model(data, _network(order, recipe))
    count = 1 if order.mechanics else len(order.lower)
    weights = [order.weight] * _losses(order, count)

    def now() -> dict[str, float]:
        return {name: float(value.detach()) for name, value in unknowns.items()}

    look = Look(clock, now)
    model.compile("adam", lr=1e-3, loss_weights=weights, external_trainable_variables=trained)
    clock.start()
    stop = Stop(clock, keep=(1.0 - ADAM_SHARE) * order.seconds)
    model.train(iterations=recipe.steps, display_every=10**9, callbacks=[stop, look], verbose=0)
    adam = model.train_state.step
    dde.optimizers.set_LBFGS_options(maxiter=10**7)
    # Its callbacks run once a call of the optimiser: shorter calls, so that it can be stopped.
    dde.optimizers.config.LBFGS_options.update(iter_per_step=CHUNK, fun_per_step=CHUNK * 5 // 4)
    model.compile("L-BFGS", loss_weights=weights, external_trainable_variables=trained)
    model.train(display_every=10**9, callbacks=[Stop(clock), look], verbose=0)
    clock.stop()
    return Found(
        now(),
        clock,
        model.train_state.step,
        sum(p.numel() for p in model.net.parameters()) + len(trained),
        recipe.inside + recipe.initial + recipe.walls,
        f"{adam} steps of Adam, then L-BFGS; {DEPTH} layers of {recipe.width}, {order.scaling}",
    )


def _losses(order: Order, axes: int) -> int:
    """Return how many there are: equations, data, and over space the start and the walls."""
    return 2 * len(order.statement.components) + (2 if axes > 1 else 0)


def _swapped(order: Order, array: Any) -> Any:
    """Return coordinates (…, d) in the order of DeepXDE, which has time last."""
    return array if order.mechanics else array[..., [1, 0]]


def _data(order: Order, recipe: Recipe, unknowns: dict[str, Any]) -> Any:
    times = dde.geometry.TimeDomain(order.lower[0], order.upper[0])
    places = _swapped(order, order.points)
    losses = [
        dde.icbc.PointSetBC(places, order.values[:, i : i + 1], component=i)
        for i in range(order.values.shape[1])
    ]
    equation = _equation(order, unknowns)
    counts = {"num_domain": recipe.inside, "num_boundary": recipe.walls, "anchors": places}
    if order.mechanics:
        return dde.data.PDE(times, equation, losses, **counts)
    line = dde.geometry.Interval(order.lower[1], order.upper[1])
    domain = dde.geometry.GeometryXTime(line, times)
    start = lambda x: order.statement.initial(x[:, 0:1], {}, np)["u"]  # noqa: E731
    losses += [
        dde.icbc.IC(domain, start, lambda _, on: on),
        dde.icbc.DirichletBC(domain, lambda x: 0.0, lambda _, on: on),
    ]
    return dde.data.TimePDE(domain, equation, losses, num_initial=recipe.initial, **counts)


def _equation(order: Order, unknowns: dict[str, Any]) -> Any:
    statement = order.statement
    axes = {"t": 0} if order.mechanics else {"x": 0, "t": 1}

    def derivative(x: Any, y: Any, name: str) -> Any:
        component, letters = name.split("_")
        value = dde.grad.jacobian(y, x, i=statement.components.index(component), j=axes[letters[0]])
        for letter in letters[1:]:
            value = dde.grad.jacobian(value, x, i=0, j=axes[letter])
        return value

    def equation(x: Any, y: Any) -> list[Any]:
        entries = {c: y[:, i : i + 1] for i, c in enumerate(statement.components)}
        entries |= {name: derivative(x, y, name) for name in statement.derivatives}
        return list(statement.residuals(entries, unknowns, torch))

    return equation


def _network(order: Order, recipe: Recipe) -> Any:
    layers = [len(order.lower)] + [recipe.width] * DEPTH + [order.values.shape[1]]
    net = dde.nn.FNN(layers, "tanh", recipe.start)
    middle, reach, center, size = (
        torch.as_tensor(array)
        for array in (
            _swapped(order, order.middle), _swapped(order, order.reach), order.center, order.size
        )
    )  # fmt: skip
    net.apply_feature_transform(lambda x: (x - middle) / reach)
    net.apply_output_transform(lambda x, y: center + size * y)
    return net


if __name__ == "__main__":
    main(train)
