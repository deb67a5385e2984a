"""Descent that keeps an energy account, beside Adam, on a landscape with many holes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.energy_descent import energy_conserving_descent
from pinn.learning.energy_ledger import energy_ledger
from pinn.precision import arithmetic

TITLE = "Does momentum that keeps its energy leave local minima that friction stays in?"
DIMENSION, STARTS, STEPS = 4, 64, 8000
REACHED = 0.5


def rastrigin(theta: Array) -> Array:
    """A bowl with a hole at every whole number, the deepest, of depth 0, at the origin."""
    return jnp.mean(theta**2 + 4.0 * (1.0 - jnp.cos(2.0 * jnp.pi * theta)))


def run(seed: int) -> Demonstration:
    """Descend from many starts by each method, and follow one account of energy."""
    with arithmetic("float64"):
        return _run(seed)


def _run(seed: int) -> Demonstration:
    starts = jax.random.uniform(jax.random.key(seed), (STARTS, DIMENSION), minval=-3.0, maxval=3.0)
    rows, curves = [], []
    for label, optimiser in _optimisers().items():
        losses, ledger = jax.jit(jax.vmap(lambda s, o=optimiser: _descended(o, s)))(starts)
        best = np.minimum.accumulate(np.asarray(losses), axis=1)
        rows.append(
            {
                "optimiser": label,
                "median of the best loss": float(np.median(best[:, -1])),
                f"share below {REACHED}": float(np.mean(best[:, -1] < REACHED)),
                "largest miss of the account": "" if ledger is None else _miss(ledger),
                "bounces": "" if ledger is None else int(np.median(ledger.bounces[:, -1])),
            }
        )
        axes = ("step", "best loss, median of starts")
        curve = np.median(best, axis=0)
        curves.append(
            Curve("many holes", label, numbers(range(STEPS)), numbers(curve), axes, log=True)
        )
        if ledger is not None and label.startswith("bbi"):
            curves += _account(ledger, "one account")
    curves += _shared(starts)
    return Demonstration(TITLE, tuple(rows), _notes(rows), tuple(curves))


def _notes(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    worst = max(row["largest miss of the account"] or 0.0 for row in rows)
    best = min(rows, key=lambda row: row["median of the best loss"])
    return (
        f"The account of energy holds to {worst:.1e} of itself through every bounce.",
        f"The lowest median is that of {best['optimiser']}.",
    )


def _optimisers() -> dict[str, optax.GradientTransformationExtraArgs]:
    descent = partial(
        energy_conserving_descent,
        3e-3,
        extra_energy=1.0,
        patience=500,
        early_bounces=4,
        bounce_every=500,
    )
    return {
        "adam": optax.with_extra_args_support(optax.adam(1e-2)),
        "sgd with momentum 0.9": optax.with_extra_args_support(optax.sgd(1e-3, momentum=0.9)),
        "bbi": descent(method="bbi"),
        "separable": descent(method="separable"),
    }


def _descended(optimiser: Any, start: Array, loss: Callable = rastrigin) -> tuple[Array, Any]:
    """Return the loss at every step, and the ledger where there is one."""

    def step(carry: tuple, _: None) -> tuple[tuple, tuple]:
        theta, state = carry
        value = loss(theta)
        slope = jax.grad(lambda t: jnp.sum(loss(t)))(theta)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimiser.update(slope, state, theta, value=value)
        ledger = energy_ledger(state) if kept else None
        return (optax.apply_updates(theta, updates), state), (value, ledger)

    state = optimiser.init(start)
    kept = hasattr(state, "ledger")
    return jax.lax.scan(step, (start, state), None, length=STEPS)[1]


def _miss(ledger: Any) -> float:
    total = np.asarray(ledger.total)
    scale = np.abs(total[:, :1]) + np.max(np.abs(np.asarray(ledger.potential)))
    return float(np.max(np.abs(total - total[:, :1]) / scale))


def _account(ledger: Any, panel: str) -> list[Curve]:
    axes = ("step", "energy")
    return [
        Curve(panel, name, numbers(range(STEPS)), numbers(np.asarray(values)[0]), axes)
        for name, values in (
            ("kinetic", ledger.kinetic),
            ("potential", ledger.potential),
            ("total", ledger.total),
        )
    ]


def _shared(starts: Array) -> list[Curve]:
    """Return what each of four members has of an account that they share."""
    optimiser = energy_conserving_descent(3e-3, extra_energy=1.0, members=4)
    _, ledger = jax.jit(lambda s: _descended(optimiser, s, jax.vmap(rastrigin)))(starts[:4])
    each = np.asarray(ledger.member_kinetic + ledger.member_loss)
    axes = ("step", "energy of a member")
    panel = "an account that four share"
    found = [
        Curve(panel, f"member {i}", numbers(range(STEPS)), numbers(each[:, i]), axes)
        for i in range(4)
    ]
    whole = numbers(each.sum(1))
    return [*found, Curve(panel, "all", numbers(range(STEPS)), whole, axes)]
