"""A trained pendulum with ever coarser weights, free and held to its energy."""

from pinn.learning.demonstrations.demonstration import Curve, Demonstration
from pinn.learning.quantisation import quantisation
from pinn.networks.mlp import Network
from pinn.problem.registry import get
from pinn.solver import solve
from pinn.training.recipe import Recipe
from pinn.training.windows import Uniform

TITLE = "What do coarse weights cost, and what do exact laws keep?"


def run(seed: int) -> Demonstration:
    """Train a pendulum in one window and score it in every weight format."""
    recipe = Recipe(network=Network(width=16), windows=Uniform(1), steps=40)
    solution = solve(get("pendulum", end=3.0), recipe=recipe, seed=seed, progress=False)
    found = quantisation(solution, samples=257)
    rows = [
        {
            "weights": q.weights,
            "bits": f"{q.bits:.3g}",
            "energy held": "exactly" if q.exact else "no",
            "error": max(q.error.values()),
            "drift": max(q.drift.values()),
            "rounding unit": q.precision,
        }
        for q in found
    ]
    curves = []
    for what, pick in (("error", "error"), ("drift of the energy", "drift")):
        for exact in (False, True):
            chosen = [q for q in found if q.exact == exact]
            bits = tuple(q.bits for q in chosen)
            values = tuple(max(getattr(q, pick).values()) for q in chosen)
            label = "held exactly" if exact else "free"
            curves.append(Curve(what, label, bits, values, ("bits a weight", what), log=True))
    worst = max(max(q.drift.values()) / q.precision for q in found if q.exact)
    notes = [
        f"Held exactly, the energy drifts by at most {worst:.1f} rounding units in any format."
    ]
    for free, held in zip(found[::2], found[1::2], strict=True):
        errors = [max(q.error.values()) for q in (free, held)]
        if errors[1] > 2.0 * errors[0]:
            notes.append(
                f"With {free.weights} weights holding the energy makes the error larger, "
                f"{errors[1]:.1e} in place of {errors[0]:.1e}: the nearest state of the right "
                "energy need not be the right one."
            )
    return Demonstration(TITLE, tuple(rows), tuple(notes), tuple(curves))
