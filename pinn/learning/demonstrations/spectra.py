"""Spectra of the tangent kernel during training, and networks of growing width."""

from typing import Any

import numpy as np

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.spectra import Spectrum, spectrum
from pinn.learning.width import WidthSweep, width_sweep
from pinn.networks.mlp import Network
from pinn.problem.registry import get
from pinn.solver import solve
from pinn.training.recipe import Recipe
from pinn.training.windows import Uniform

TITLE = "How fast can training change what, and does a wide network learn as the infinite one?"
WIDTHS, SEEDS = (64, 256, 1024), 24


def run(seed: int) -> Demonstration:
    """Train a pendulum with its spectra, and networks of growing width."""
    recipe = Recipe(network=Network(width=16), windows=Uniform(1))
    solution = solve(get("pendulum", end=1.5), recipe=recipe, seed=seed, progress=False)
    found = spectrum(solution)
    points = np.linspace(-1.0, 1.0, 7)[:, None]
    sweep = width_sweep(points, np.sin(2.0 * points[:, 0]), WIDTHS, seeds=SEEDS, steps=40)
    rows = [*_rows(found), *_widths(sweep)]
    first, last = found.snapshots[0], found.snapshots[-1]
    notes = (
        f"Of {sum(found.rows.values())} rows and {found.parameters} parameters, "
        f"{first.rank(least=1e-6)} modes lie within 1e-6 of the largest before training and "
        f"{last.rank(least=1e-6)} after it.",
        f"The kernel's distance to that of the infinite network falls as the width to the power "
        f"{-sweep.rate:.2f}; the theory says -0.50.",
    )
    return Demonstration(TITLE, tuple(rows), notes, tuple(_curves(found, sweep)))


def _rows(found: Spectrum) -> list[dict[str, Any]]:
    return [
        {
            "what": f"step {shot.step}, {block}",
            "largest eigenvalue, or distance": float(shot.eigenvalues[block][0]),
            "modes above 1e-12, or kernel moved": str(shot.rank(block)),
            "loss, or curve's gap": shot.loss if block == "all" else "",
        }
        for shot in (found.snapshots[0], found.snapshots[-1])
        for block in (*found.blocks, "all")
    ]


def _widths(sweep: WidthSweep) -> list[dict[str, Any]]:
    return [
        {
            "what": f"width {width}",
            "largest eigenvalue, or distance": float(sweep.kernel[place].mean()),
            "modes above 1e-12, or kernel moved": f"{sweep.moved[place].mean():.2e}",
            "loss, or curve's gap": float(sweep.gap[place].mean()),
        }
        for place, width in enumerate(sweep.widths)
    ]


def _curves(found: Spectrum, sweep: WidthSweep) -> list[Curve]:
    curves = []
    for block in (*found.blocks, "all"):
        for shot, law in ((found.snapshots[-1], False), (found.snapshots[0], True)):
            values = shot.eigenvalues[block]
            values = values[values > 1e-18 * values[0]]
            label = f"{block}, step {shot.step}"
            modes = numbers(range(1, len(values) + 1))
            axes = ("mode", "eigenvalue")
            panel = "tangent kernel, before training dotted"
            curves.append(Curve(panel, label, modes, numbers(values), axes, True, law=law))
    parts = numbers(found.components[found.components > 1e-18])
    axes = ("component", "share of variance")
    modes = numbers(range(1, len(parts) + 1))
    curves.append(Curve("path of the parameters", "shares", modes, parts, axes, log=True))
    for width, losses, predicted in zip(sweep.widths, sweep.losses, sweep.predicted, strict=True):
        steps, axes = numbers(range(len(losses))), ("step", "loss")
        panel, name = "wide networks, the infinite one dotted", f"width {width}"
        curves.append(Curve(panel, name, steps, numbers(losses), axes, log=True))
        known = Curve(panel, f"{name}, predicted", steps, numbers(predicted), axes, True, law=True)
        curves.append(known)
    return curves
