"""Is momentum inside a network that only ever saw pictures?"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.demonstrations.models import FramePredictor, pairs
from pinn.learning.probe import ProbeReport, probe
from pinn.learning.regression import fit
from pinn.learning.sprites import Film, bouncing, orbiting

TITLE = "Does a network that predicts pictures hold momentum and energy inside?"
SIZE, HIDDEN, FILMS, TIMES, STEPS = 10, 24, 120, 16, 800


def run(seed: int) -> Demonstration:
    """Train a predictor of pictures on each motion, and probe it on films that it never saw."""
    rows, curves = [], []
    for name, make in {"bouncing": bouncing, "orbiting": orbiting}.items():
        films = make(FILMS, TIMES, size=SIZE, seed=seed)
        model = FramePredictor(SIZE, HIDDEN, rngs=nnx.Rngs(seed))
        unseen = make(FILMS, TIMES, size=SIZE, seed=seed + 1)
        untrained = _probed(model, unseen)
        states = pairs(jnp.asarray(films.frames))
        inputs, targets = (x.reshape(-1, SIZE, SIZE, 2) for x in (states[:, :-1], states[:, 1:]))
        losses = fit(model, inputs, targets, steps=STEPS, learning_rate=2e-3, batch=64, seed=seed)
        trained = _probed(model, unseen)
        rows += _rows(name, trained, untrained)
        axes = ("step", "mean square error of a pixel")
        curves.append(
            Curve("training", name, numbers(range(STEPS)), numbers(losses), axes, log=True)
        )
    return Demonstration(TITLE, tuple(rows), _notes(rows), tuple(curves))


def _probed(model: FramePredictor, film: Film) -> ProbeReport:
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


def _rows(name: str, trained: ProbeReport, untrained: ProbeReport) -> list[dict]:
    return [
        {
            "motion": name,
            "quantity": p.quantity,
            "probe": p.degree,
            "R2": f"{p.r2:.3f}",
            "R2 untrained": f"{untrained[p.quantity, p.degree].r2:.3f}",
            "R2 shuffled": f"{p.shuffled:.3f}",
            "drift": f"{p.drift:.3f}",
            "true drift": f"{p.true_drift:.3f}",
            "found": p.found,
        }
        for p in trained.probes
    ]


def _notes(rows: list[dict]) -> tuple[str, ...]:
    found = sorted({f"{r['quantity']} ({r['motion']})" for r in rows if r["found"]})
    missing = sorted({f"{r['quantity']} ({r['motion']})" for r in rows} - {*found})
    return (
        f"Found: {', '.join(found) or 'nothing'}.",
        f"Not found: {', '.join(missing) or 'nothing'}.",
        "Where an untrained network is read as well as a trained one, training did not put it "
        "there: two pictures hold the place and the velocity already.",
    )
