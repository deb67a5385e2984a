"""Motion that runs back to the bit, momenta that a discrete action keeps, and recurrence."""

import diffrax
import jax.numpy as jnp
import numpy as np

from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.precision import arithmetic
from pinn.problem.registry import get
from pinn.references import IntegerLeapfrog, discrete_path, recurrence
from pinn.references.symplectic import StormerVerlet

TITLE = "What does a reversible, discrete world keep exactly?"
STEP, STEPS = 0.01, 100_000
SIZE, CELLS = 101, 10


def run(seed: int) -> Demonstration:
    """Run an orbit there and back, keep discrete momenta, and watch an ensemble return."""
    del seed  # nothing here is random
    rows = [*_there_and_back(), *_momenta()]
    inside = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), -1).reshape(-1, 2)
    found = recurrence(
        lambda x: jnp.stack([2 * x[0] + x[1], x[0] + x[1]]) % SIZE,
        inside,
        lambda x: CELLS * (CELLS * x[0] // SIZE) + CELLS * x[1] // SIZE,
        CELLS**2,
        60,
    )
    rows.append(
        {
            "experiment": f"cat map on {SIZE}² points, {CELLS**2} cells",
            "what": "entropy at the start, at most, at the return",
            "result": f"{found.entropy[0]:.3f}, {found.entropy.max():.3f} of {found.most:.3f}, "
            f"{found.entropy[found.returns[0]]:.3f} after {found.returns[0]} steps",
        }
    )
    axes, steps = ("step", "coarse-grained entropy"), numbers(range(61))
    curve = Curve("cat map", "an ensemble of 100", steps, numbers(found.entropy), axes)
    return Demonstration(TITLE, tuple(rows), (), (curve, *_drifts()))


def _force(q):
    return -q / jnp.sum(q**2) ** 1.5


def _there_and_back() -> list[dict[str, str]]:
    leapfrog = IntegerLeapfrog(_force, STEP)
    start = leapfrog.encode(np.array([0.5, 0.0]), np.array([0.0, np.sqrt(3.0)]))
    there = leapfrog.run(start, STEPS)
    back = leapfrog.reversed(leapfrog.run(leapfrog.reversed(there), STEPS))
    different = int(np.sum(back.q != start.q) + np.sum(back.v != start.v))
    experiment = f"Kepler orbit, {STEPS} steps there and back"
    return [
        {
            "experiment": experiment,
            "what": "integer leapfrog: coordinates that differ",
            "result": f"{different} of 4",
        },
        {
            "experiment": experiment,
            "what": "the same leapfrog in float64: largest difference",
            "result": f"{_float_gap():.1e}",
        },
    ]


def _float_gap() -> float:
    """Return how far a Störmer–Verlet orbit in double precision misses its start."""
    terms = diffrax.ODETerm(lambda t, v, a: v), diffrax.ODETerm(lambda t, q, a: _force(q))
    with arithmetic("float64"):
        q, v = jnp.array([0.5, 0.0]), jnp.array([0.0, jnp.sqrt(3.0)])
        for _ in range(2):
            found = diffrax.diffeqsolve(
                terms, StormerVerlet(), 0.0, STEP * STEPS, STEP, (q, v), max_steps=STEPS + 8
            )
            q, v = found.ys[0][0], -found.ys[1][0]
        return float(jnp.max(jnp.abs(q - jnp.array([0.5, 0.0]))))


def _momenta() -> list[dict[str, str]]:
    rows = []
    for steps in (50, 200):
        path = discrete_path(get("kepler", eccentricity=0.5), steps)
        momentum = path.charges["angular_momentum"]
        drift = np.max(np.abs(momentum / momentum[0] - 1.0))
        rows.append(
            {
                "experiment": f"Kepler orbit, discrete action, {steps} steps",
                "what": "drift of the discrete angular momentum",
                "result": f"{drift:.1e}",
            }
        )
    return rows


def _drifts() -> list[Curve]:
    """Return the energy and the angular momentum along a coarse discrete path."""
    path = discrete_path(get("kepler", eccentricity=0.5, periods=10.0), 1000)
    q, p = path.positions["q"], path.momenta["q"]
    energy = 0.5 * np.sum(p**2, 1) - 1.0 / np.linalg.norm(q, axis=1)
    momentum = path.charges["angular_momentum"]
    axes = ("time", "relative departure")
    return [
        Curve(
            "discrete action, 100 steps an orbit",
            name,
            numbers(path.t),
            numbers(np.abs(values / values[0] - 1.0) + 1e-17),
            axes,
            log=True,
        )
        for name, values in (("energy", energy), ("angular momentum", momentum))
    ]
