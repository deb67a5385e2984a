"""DeepXDE on PyTorch in float64: Adam, then L-BFGS, with the recipes of its examples.

Burgers' equation: `examples/pinn_forward/Burgers.py`; Schrödinger's: `Schrodinger.ipynb`; Allen and
Cahn's: `Allen_Cahn.py`; the others after `Lotka_Volterra.py` and `wave_1d.py`, whose network for
several scales is not in the PyTorch backend. Circles are closed by periodic features where the
example's own walls are not the problem's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import deepxde as dde
import numpy as np
import torch

from .adapter import Clock, Order, Outcome, Predict, main
from .ansatz import exact, features

CHUNK, ADAM_SHARE = 10, 0.4


@dataclass(frozen=True)
class Recipe:
    """How a problem is trained.

    Args:
        width: of each hidden layer.
        depth: hidden layers.
        inside: collocation points in the domain.
        initial: points at t = 0 where the initial data are a loss; with none they are exact.
        walls: points at the ends of x where their condition is a loss; with none it is exact.
        steps: of Adam at a learning rate of 1e-3, or 40 % of the budget if that is less.
        waves: how many sines and cosines of each normalised coordinate the network reads.
    """

    width: int
    depth: int
    inside: int
    initial: int
    walls: int
    steps: int
    waves: int = 0


RECIPES = {
    "harmonic_oscillator": Recipe(64, 3, 400, 0, 0, 15000, 6),
    "pendulum": Recipe(64, 3, 400, 0, 0, 15000, 6),
    "kepler": Recipe(64, 3, 400, 0, 0, 15000, 6),
    "burgers": Recipe(20, 3, 2540, 160, 80, 15000),
    "wave": Recipe(100, 3, 2000, 0, 0, 10000, 2),
    "kdv": Recipe(40, 4, 6000, 0, 0, 15000, 4),
    "nls": Recipe(100, 4, 5000, 200, 0, 10000, 1),
    "allen_cahn": Recipe(40, 3, 8000, 0, 0, 40000, 4),
}


def train(order: Order) -> Outcome:
    """Train by Adam, then by L-BFGS until the budget is spent."""
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(order.seed)
    torch.set_num_threads(1)
    recipe, clock = _recipe(order), Clock(order)
    model = dde.Model(_data(order, recipe), _network(order, recipe))
    parameters = sum(p.numel() for p in model.net.parameters())

    model.compile("adam", lr=1e-3)
    clock.start()
    look = Look(clock, lambda: _predictor(order, model, copied(model.net)))
    stop = Stop(clock, keep=(1.0 - ADAM_SHARE) * order.seconds)
    model.train(iterations=recipe.steps, display_every=10**9, callbacks=[stop, look], verbose=0)
    adam = model.train_state.step

    dde.optimizers.set_LBFGS_options(maxiter=10**7)
    # Its callbacks run once a call of the optimiser: shorter calls, so that it can be stopped.
    dde.optimizers.config.LBFGS_options.update(iter_per_step=CHUNK, fun_per_step=CHUNK * 5 // 4)
    model.compile("L-BFGS")
    model.train(display_every=10**9, callbacks=[Stop(clock), look], verbose=0)
    clock.stop()

    return Outcome(
        _predictor(order, model, copied(model.net)),
        clock,
        model.train_state.step,
        parameters,
        len(model.data.train_x),
        f"{adam} steps of Adam, then L-BFGS; {recipe.depth} layers of {recipe.width}, "
        f"{'soft' if recipe.initial else 'exact'} initial data, {_ends(order, recipe)}",
    )


def _recipe(order: Order) -> Recipe:
    """Return a problem's recipe; where soft initial data are asked for, with points for them."""
    recipe = RECIPES[order.statement.name]
    if not order.soft or recipe.initial:
        return recipe
    return replace(recipe, initial=1 if order.statement.space == "none" else 200)


def copied(net: Any) -> dict[str, Any]:
    """Return a network's parameters as they are now."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _predictor(order: Order, model: Any, state: dict[str, Any]) -> Predict:
    """Return the network with parameters of some time as a function of points (t, x)."""
    swap = [0] if len(order.lower) == 1 else [1, 0]

    def predict(points: np.ndarray) -> np.ndarray:
        model.net.load_state_dict(state)
        parts = np.array_split(points, 16)
        return np.concatenate([model.predict(part[:, swap]) for part in parts])

    return predict


class Look(dde.callbacks.Callback):
    """Keeps the network, or the unknowns, from time to time."""

    def __init__(self, clock: Clock, snapshot: Callable[[], Any]):
        super().__init__()
        self.clock, self.snapshot = clock, snapshot

    def on_epoch_end(self) -> None:
        """Look, if it is time to."""
        self.clock.look(self.snapshot)


class Stop(dde.callbacks.Callback):
    """Ends a phase when the budget is spent but for what is kept for the next."""

    def __init__(self, clock: Clock, keep: float = 0.0):
        super().__init__()
        self.clock, self.keep = clock, keep

    def on_epoch_end(self) -> None:
        """End the phase, if it is time to."""
        if self.clock.left() <= self.keep:
            self.model.stop_training = True


def _ends(order: Order, recipe: Recipe) -> str:
    if order.statement.space == "none":
        return f"{recipe.waves} waves as features"
    kind = "walls as a loss" if recipe.walls else "exact ends of x"
    return f"{kind}, {recipe.waves} waves as features"


def _data(order: Order, recipe: Recipe) -> Any:
    times = dde.geometry.TimeDomain(order.lower[0], order.upper[0])
    equation = _equation(order)
    if order.statement.space == "none":
        losses = _initial_losses(order, times) if recipe.initial else []
        return dde.data.TimePDE(
            times, equation, losses, recipe.inside, 2, train_distribution="uniform",
            num_initial=recipe.initial,
        )  # fmt: skip
    line = dde.geometry.Interval(order.lower[1], order.upper[1])
    domain = dde.geometry.GeometryXTime(line, times)
    losses = _initial_losses(order, domain) if recipe.initial else []
    if recipe.walls:
        losses.append(dde.icbc.DirichletBC(domain, lambda x: 0.0, lambda _, on: on))
    return dde.data.TimePDE(
        domain,
        equation,
        losses,
        num_domain=recipe.inside,
        num_boundary=recipe.walls,
        num_initial=recipe.initial,
    )


def _axis(order: Order, letter: str) -> int:
    return 0 if order.statement.space == "none" or letter == "x" else 1


def _derivative(order: Order, x: Any, y: Any, name: str) -> Any:
    component, letters = name.split("_")
    index = order.statement.components.index(component)
    value = dde.grad.jacobian(y, x, i=index, j=_axis(order, letters[0]))
    for letter in letters[1:]:
        value = dde.grad.jacobian(value, x, i=0, j=_axis(order, letter))
    return value


def _equation(order: Order) -> Any:
    statement = order.statement

    def equation(x: Any, y: Any) -> list[Any]:
        entries = {c: y[:, i : i + 1] for i, c in enumerate(statement.components)}
        entries |= {n: _derivative(order, x, y, n) for n in statement.derivatives}
        return list(statement.residuals(entries, order.constants, torch))

    return equation


def _initial_losses(order: Order, domain: Any) -> list[Any]:
    statement, losses = order.statement, []

    def value_of(name: str) -> Any:
        return lambda x: statement.initial(x[:, 0:1], order.constants, np)[name]

    for i, component in enumerate(statement.components):
        losses.append(dde.icbc.IC(domain, value_of(component), lambda _, on: on, component=i))
    if statement.order == 2:
        losses += [_slope_loss(order, domain, component) for component in statement.components]
    return losses


def _slope_loss(order: Order, domain: Any, component: str) -> Any:
    """Return the loss of a slope at the start, as the examples for ODEs and waves state it."""
    time = _axis(order, "t")

    def missed(x: Any, y: Any, given: Any) -> Any:
        start = order.statement.initial(x[:, 0:1], order.constants, torch)
        return _derivative(order, x, y, f"{component}_t") - start[f"{component}_t"]

    at_start = lambda x, _: dde.utils.isclose(x[time], order.lower[0])  # noqa: E731
    return dde.icbc.OperatorBC(domain, missed, at_start)


def _network(order: Order, recipe: Recipe) -> Any:
    statement = order.statement
    count = len(statement.components)
    inputs = _features(order, recipe, torch.zeros(1, len(order.lower))).shape[1]
    layers = [inputs] + [recipe.width] * recipe.depth + [count]
    net = dde.nn.FNN(layers, "tanh", "Glorot normal")
    net.apply_feature_transform(lambda x: _features(order, recipe, x))
    net.apply_output_transform(lambda x, y: _transformed(order, recipe, x, y))
    return net


def _place(order: Order, x: Any) -> tuple[Any, Any]:
    """Return t and x as columns; DeepXDE has x first."""
    if order.statement.space == "none":
        return x[:, :1], None
    return x[:, 1:2], x[:, :1]


def _features(order: Order, recipe: Recipe, x: Any) -> Any:
    t, place = _place(order, x)
    if recipe.walls:  # a circle that is cut open
        return x
    return torch.cat(features(order, t, place, recipe.waves, torch), 1)


def _transformed(order: Order, recipe: Recipe, x: Any, y: Any) -> Any:
    if recipe.initial and order.statement.space != "walls":
        return y
    columns = [y[:, i : i + 1] for i in range(y.shape[1])]
    order = replace(order, initial="soft" if recipe.initial else "hard")
    return torch.cat(exact(order, *_place(order, x), columns, torch), 1)


if __name__ == "__main__":
    main(train)
