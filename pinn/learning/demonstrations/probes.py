"""Is momentum inside a network that only ever saw pictures?"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, Strip, numbers, shade
from pinn.learning.demonstrations.models import LatentPredictor, pairs
from pinn.learning.probe import ProbeReport, probe
from pinn.learning.regression import fit
from pinn.learning.sprites import Film, bouncing, orbiting

TITLE = "Does a network that predicts pictures hold momentum and energy inside?"
SIZE, HIDDEN, FILMS, UNSEEN, TIMES, STEPS, FAR = 10, 12, 400, 120, 20, 4000, 8


def run(seed: int) -> Demonstration:
    """Train predictors of one and of many pictures, and probe them on films they never saw."""
    rows, curves, strips = [], [], []
    for name, make in {"orbiting": orbiting, "bouncing": bouncing}.items():
        films = make(FILMS, TIMES, size=SIZE, seed=seed)
        unseen = make(UNSEEN, TIMES, size=SIZE, seed=seed + 1)
        reports = {"untrained": _probed(_fresh(FAR, seed), unseen)}
        for ahead in (1, FAR):
            model = _fresh(ahead, seed)
            inputs, targets = _windows(films, ahead)
            rate = 2e-3
            losses = fit(
                model, inputs, targets, steps=STEPS, learning_rate=rate, batch=64, seed=seed
            )
            reports[f"{ahead} ahead"] = _probed(model, unseen)
            axes = ("step", "mean square error of a pixel")
            label = f"{name}, {ahead} ahead"
            curves.append(
                Curve("training", label, numbers(range(STEPS)), numbers(losses), axes, log=True)
            )
        rows += _rows(name, reports)
        strips += _strips(name, model, unseen)
    return Demonstration(TITLE, tuple(rows), _notes(rows), tuple(curves), tuple(strips))


def _fresh(ahead: int, seed: int) -> LatentPredictor:
    return LatentPredictor(SIZE, HIDDEN, ahead, rngs=nnx.Rngs(seed))


def _windows(film: Film, ahead: int) -> tuple[Array, Array]:
    """Return pairs of pictures, and those that come next."""
    states = pairs(jnp.asarray(film.frames))
    last = states.shape[1] - ahead
    following = [states[:, k + 1 : k + 1 + last, ..., 1] for k in range(ahead)]
    inputs = states[:, :last].reshape(-1, SIZE, SIZE, 2)
    return inputs, jnp.stack(following, axis=2).reshape(-1, ahead, SIZE, SIZE)


def _probed(model: LatentPredictor, film: Film) -> ProbeReport:
    states = pairs(jnp.asarray(film.frames))
    flat = states.reshape(-1, *states.shape[2:])
    latents = jax.jit(lambda x: model.encode(x))(flat)
    latents = np.asarray(latents).reshape(*states.shape[:2], -1)
    quantities = {
        "position": film.positions[:, 1:],
        "momentum": film.velocities[:, 1:],
        "energy": film.energy[:, 1:],
    }
    return probe(quantities, latents)


def _rows(name: str, reports: dict[str, ProbeReport]) -> list[dict]:
    far = reports[f"{FAR} ahead"]
    return [
        {
            "motion": name,
            "quantity": p.quantity,
            "probe": p.degree,
            **{f"R2, {label}": f"{r[p.quantity, p.degree].r2:.3f}" for label, r in reports.items()},
            "R2, other films": f"{p.shuffled:.3f}",
            "drift": f"{p.drift:.3f}",
            "true drift": f"{p.true_drift:.3f}",
            "found": p.found,
        }
        for p in far.probes
    ]


def _strips(name: str, model: LatentPredictor, film: Film) -> list[Strip]:
    """Return a film and what is predicted from its first two pictures."""
    frames = film.frames[:1]
    found = np.asarray(nnx.jit(lambda m, x: m(x))(model, pairs(jnp.asarray(frames[:, :2]))[:, 0]))
    shown = {"": frames[0, 2 : 2 + FAR], ", predicted": found[0]}
    return [
        Strip(name + label, tuple(shade(picture) for picture in pictures))
        for label, pictures in shown.items()
    ]


def _notes(rows: list[dict]) -> tuple[str, ...]:
    notes = []
    for motion in dict.fromkeys(r["motion"] for r in rows):
        for quantity, degree in (("momentum", "linear"), ("energy", "quadratic")):
            chosen = [
                r
                for r in rows
                if (r["motion"], r["probe"]) == (motion, degree)
                and r["quantity"].startswith(quantity)
            ]
            far, one, none = (
                min(float(r[f"R2, {label}"]) for r in chosen)
                for label in (f"{FAR} ahead", "1 ahead", "untrained")
            )
            found = "found" if all(r["found"] for r in chosen) else "not found"
            notes.append(
                f"{motion}: the {quantity} is {found} by a {degree} probe; its least R2 is "
                f"{far:.2f} in a predictor of {FAR} pictures, {one:.2f} of one, {none:.2f} "
                "untrained."
            )
    return tuple(notes)
