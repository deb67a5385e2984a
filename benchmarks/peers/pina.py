"""PINA in float64: Adam, then L-BFGS, with constraints that are exact as in its tutorials.

The initial data, walls and circles are built into the model (the tutorials on hard constraints and
periodic embeddings), so that the equation is the only condition; points are a latin hypercube.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from pina import Condition, LabelTensor, Trainer
from pina.domain import CartesianDomain
from pina.equation import Equation
from pina.model import FeedForward
from pina.operator import grad
from pina.optim import TorchOptimizer
from pina.problem import SpatialProblem, TimeDependentProblem
from pina.solver import PINN

from .adapter import Clock, Order, Outcome, Predict, Unsupported, main
from .ansatz import exact, features

ADAM_SHARE, ADAM_STEPS, DEPTH, CHUNK = 0.4, 10_000, 3, 10
RECIPES = {  # width, points, waves
    "harmonic_oscillator": (64, 400, 6),
    "pendulum": (64, 400, 6),
    "kepler": (64, 400, 6),
    "burgers": (40, 2500, 3),
    "wave": (60, 2000, 2),
    "kdv": (40, 5000, 4),
    "nls": (60, 4000, 2),
    "allen_cahn": (40, 5000, 4),
}


def train(order: Order) -> Outcome:
    """Train by Adam, then by L-BFGS until the budget is spent."""
    warnings.filterwarnings("ignore")
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(order.seed)
    if order.soft:
        raise Unsupported("this adapter has hard initial data only, as PINA's tutorials do")
    width, points, waves = RECIPES[order.statement.name]
    clock, model, problem = Clock(order), _Model(order, width, waves), _problem(order)
    problem.discretise_domain(points, mode="lh", domains="D")

    look = _Look(clock, lambda: _predictor(order, model))
    adam = _phase(problem, model, TorchOptimizer(torch.optim.Adam, lr=1e-3))
    steps = _run(adam, [_Stop(clock, (1.0 - ADAM_SHARE) * order.seconds), look], ADAM_STEPS)
    newton = TorchOptimizer(
        torch.optim.LBFGS,
        max_iter=CHUNK,
        history_size=100,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )
    calls = _run(_phase(problem, model, newton), [_Stop(clock, 0.0), look], 10**6)
    clock.stop()
    return Outcome(
        _predictor(order, model),
        clock,
        steps + CHUNK * calls,
        sum(p.numel() for p in model.parameters()),
        points,
        f"{steps} steps of Adam, then L-BFGS; {DEPTH} layers of {width}, exact initial data and "
        f"ends, {waves} waves as features",
    )


class _Stop(Callback):
    """Ends a phase when the budget is spent but for what is kept for the next."""

    def __init__(self, clock: Clock, keep: float):
        self.clock, self.keep = clock, keep

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self.clock.start()

    def on_train_batch_end(self, trainer: Any, *ignored: Any) -> None:
        trainer.should_stop = trainer.should_stop or self.clock.left() <= self.keep


class _Look(Callback):
    """Keeps the network from time to time."""

    def __init__(self, clock: Clock, snapshot: Callable[[], Predict]):
        self.clock, self.snapshot = clock, snapshot

    def on_train_batch_end(self, *ignored: Any) -> None:
        self.clock.look(self.snapshot)


def _predictor(order: Order, model: Any) -> Predict:
    """Return the network as it is now as a function of points."""
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def predict(points: np.ndarray) -> np.ndarray:
        model.load_state_dict(state)
        return _predicted(order, model, points)

    return predict


class _Model(torch.nn.Module):
    """A network with exact initial data and ends of x."""

    def __init__(self, order: Order, width: int, waves: int):
        super().__init__()
        self.order, self.waves = order, waves
        x = None if order.statement.space == "none" else torch.zeros(1, 1)
        inputs = len(features(order, torch.zeros(1, 1), x, waves, torch))
        self.network = FeedForward(
            input_dimensions=inputs,
            output_dimensions=len(order.statement.components),
            layers=[width] * DEPTH,
            func=torch.nn.Tanh,
        )

    def forward(self, points: Any) -> Any:
        columns = [points.extract([c]).tensor for c in self.order.statement.coordinates]
        t, x = (*columns, None)[:2]
        y = self.network(torch.cat(features(self.order, t, x, self.waves, torch), 1))
        parts = [y[:, i : i + 1] for i in range(y.shape[1])]
        return torch.cat(exact(self.order, t, x, parts, torch), 1)


def _phase(problem: Any, model: Any, optimiser: Any) -> Any:
    return PINN(problem=problem, model=model, optimizer=optimiser)


def _run(solver: Any, callbacks: list[Any], epochs: int) -> int:
    """Train, and return the number of calls of the optimiser."""
    trainer = Trainer(
        solver=solver,
        max_epochs=epochs,
        accelerator="cpu",
        precision="64-true",
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.train()
    return trainer.global_step


def _problem(order: Order) -> Any:
    statement = order.statement
    ends = [list(pair) for pair in zip(order.lower, order.upper, strict=True)]
    domain = dict(zip(statement.coordinates, ends, strict=True))
    equation = Equation(lambda points, output: _residual(order, points, output))
    members = {
        "output_variables": list(statement.components),
        "temporal_domain": CartesianDomain({"t": domain["t"]}),
        "domains": {"D": CartesianDomain(domain)},
        "conditions": {"D": Condition(domain="D", equation=equation)},
    }
    bases: tuple[type, ...] = (TimeDependentProblem,)
    if "x" in domain:
        bases = (TimeDependentProblem, SpatialProblem)
        members["spatial_domain"] = CartesianDomain({"x": domain["x"]})
    return type("Stated", bases, members)()


def _residual(order: Order, points: Any, output: Any) -> Any:
    statement, known = order.statement, {}

    def entry(component: str, letters: str) -> Any:
        if (component, letters) not in known:
            if letters:
                inner = entry(component, letters[:-1])
                value = grad(inner, points, components=inner.labels, d=[letters[-1]])
            else:
                value = output.extract([component])
            known[component, letters] = value
        return known[component, letters]

    entries = {}
    for name in (*statement.components, *statement.derivatives):
        component, _, letters = name.partition("_")
        entries[name] = entry(component, letters).tensor
    return torch.cat(statement.residuals(entries, order.constants, torch), 1)


def _predicted(order: Order, model: Any, points: np.ndarray) -> np.ndarray:
    labels = list(order.statement.coordinates)
    with torch.no_grad():
        parts = [
            model(LabelTensor(torch.as_tensor(part), labels)).numpy()
            for part in np.array_split(points, 16)
        ]
    return np.concatenate(parts)


if __name__ == "__main__":
    main(train)
