"""Error and drift over long times, beside integrators of high order and symplectic ones.

The steps of the integrators span equal time and equal error with the networks.
"""

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from diffrax import Solution

import pinn
from pinn.benchmark import AbstractMethod, Case, Integrated, Study, Trained
from pinn.benchmark.clock import compiled
from pinn.benchmark.judging import curve
from pinn.benchmark.method import Order
from pinn.benchmark.report import Accuracy, DriftCurves, Winners, WorkPrecision
from pinn.precision import arithmetic
from pinn.references import Adaptive, Fixed, Lines
from pinn.references.reference import reference, relative_l2
from pinn.spectral import Fourier

TIMES = 401


@pinn.register
def soliton(speed: float = 4.0, length: float = 20.0, crossings: float = 20.0) -> pinn.Problem:
    """One soliton of u_t + 6 u u_x + u_xxx = 0 on a circle long enough to forget its own tail.

    u = Σₙ ½ c sech²(½ √c (x − c t − n L)): where two terms meet, their product is below round-off.
    """

    def wave(x):
        place = jnp.mod(x + 0.5 * length, length) - 0.5 * length
        terms = (0.5 * math.sqrt(speed) * (place + n * length) for n in (-1, 0, 1))
        return sum(0.5 * speed / jnp.cosh(term) ** 2 for term in terms)

    return pinn.Problem(
        axes={
            "t": pinn.Interval(0.0, crossings * length / speed),
            "x": pinn.Periodic(-0.5 * length, 0.5 * length),
        },
        fields={"u": ()},
        residual=lambda j: j.u_t + 6.0 * j.u * j.u_x + j.u_xxx,
        initial={"u": wave},
        conserved={
            "mass": lambda j: j.u,
            "momentum": lambda j: 0.5 * j.u**2,
            "energy": pinn.Multiplier(
                lambda j: 3.0 * j.u**2 + j.u_xx, density=lambda j: j.u**3 - 0.5 * j.u_x**2
            ),
        },
        exact=lambda t, x: {"u": wave(x - speed * t)},
    )


@dataclass(frozen=True)
class OnGrid(AbstractMethod):
    """The soliton's values on even nodes by a method in time: u_t = −D(3u² + D²u).

    D differentiates the trigonometric polynomial through the nodes. It is skew, so that the sum of
    u³ − ½ (Du)² is the Hamiltonian of what is integrated and the sum of u its Casimir. This
    Hamiltonian does not split into T(p) + V(q), as Yoshida's compositions need.

    Args:
        method: in time.
        nodes: how many, an odd number.
    """

    method: Adaptive | Fixed
    nodes: int = 95
    classical: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{Integrated(self.method).label}, {self.nodes} nodes"

    def measure(self, order: Order) -> dict[str, Any]:
        """Integrate to every time that is judged, and compare with the closed form there."""
        problem = order.problem()
        circle, interval = problem.extent["x"], problem.interval
        basis = Fourier(circle.lower, circle.upper, self.nodes)
        times, truth = np.linspace(interval.lower, interval.upper, TIMES), reference(problem)
        exact = np.asarray(truth(times[:, None], basis.nodes)["u"])
        with arithmetic("float64"):
            start = jnp.asarray(exact[0])
            program, compiling = compiled(partial(self._march, basis, times), start)
            began = time.perf_counter()
            result = jax.block_until_ready(program(start))
            running = time.perf_counter() - began
            found = np.asarray(result.ys)
            departures = _departures(found, basis)
        return {
            "seconds": {"run": running, "compile": compiling, "total": order.elapsed()},
            "steps": int(result.stats["num_steps"]),
            "points": [self.nodes],
            "precision": "float64",
            "error": {"u": relative_l2(found, exact)},
            "drift": {name: float(np.max(gap)) for name, gap in departures.items()},
            "reference": {"name": truth.method.name, "error": truth.error_estimate},
            **curve(times, np.max([*departures.values()], axis=0)),
        }

    def _march(self, basis: Fourier, times: np.ndarray, start: jnp.ndarray) -> Solution:
        def slope(t: Any, u: jnp.ndarray, args: Any) -> jnp.ndarray:
            return -_derivative(3.0 * u**2 + _derivative(_derivative(u, basis), basis), basis)

        control: Any = diffrax.ConstantStepSize()
        begin, end = float(times[0]), float(times[-1])
        if isinstance(self.method, Adaptive):
            rtol = self.method.rtol
            control = diffrax.PIDController(rtol=rtol, atol=rtol, pcoeff=0.2, icoeff=0.4)
            control = diffrax.ClipStepSizeController(control, step_ts=jnp.asarray(times))
        return diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            self.method.solver,
            begin,
            end,
            self.method.first_step(end - begin),
            start,
            stepsize_controller=control,
            saveat=diffrax.SaveAt(ts=jnp.asarray(times)),
            max_steps=None,
        )


def _derivative(u: jnp.ndarray, basis: Fourier) -> jnp.ndarray:
    """Return Du; a matrix would be faster, and lose the mass to its rounding."""
    wavenumbers = jnp.asarray(np.append(0.0, basis.wavenumbers))
    return jnp.fft.irfft(1j * wavenumbers * jnp.fft.rfft(u), basis.count)


def _departures(u: np.ndarray, basis: Fourier) -> dict[str, np.ndarray]:
    """Return how far mass, momentum and energy are from their start, as a share of it, in time."""
    slopes = np.asarray(_derivative(jnp.asarray(u), basis))
    densities = {"mass": u, "momentum": 0.5 * u**2, "energy": u**3 - 0.5 * slopes**2}
    totals = {name: density @ basis.weights for name, density in densities.items()}
    return {n: np.abs(total - total[0]) / np.abs(total[0]) for n, total in totals.items()}


def networks(**choices: Any) -> tuple[Trained, ...]:
    """Return the default recipe, but for what is chosen, in two modes."""
    return tuple(
        Trained(pinn.Recipe(conservation=mode, **choices), name=f"pinn {mode}", history=TIMES)
        for mode in ("penalty", "exact")
    )


def integrators(*steps: int) -> tuple[Integrated, ...]:
    """Return the classical methods in time, each at several numbers of steps or tolerances."""
    methods = (
        *(Adaptive("Dopri8", rtol) for rtol in (1e-6, 1e-9, 1e-12, 1e-14)),
        *(Fixed(name, count) for name in ("Yoshida6", "GaussLegendre") for count in steps),
    )
    return tuple(Integrated(method, history=TIMES) for method in methods)


STUDY = Study(
    title="What is left after a long time?",
    cases=(
        Case(
            "kepler",
            {"eccentricity": 0.5, "periods": 100.0},
            "100 periods",
            methods=(*networks(), *integrators(5_000, 20_000, 80_000)),
        ),
        Case(
            "henon_heiles",
            {"end": 1000.0},
            "t ≤ 1000",
            methods=(*networks(), *integrators(2_000, 8_000, 32_000)),
        ),
        Case(
            "soliton",
            {},
            "20 crossings",
            methods=(
                *networks(network=pinn.Separable(times=6, waves=64)),
                *(OnGrid(Adaptive("Dopri8", rtol)) for rtol in (1e-6, 1e-9, 1e-12)),
                *(OnGrid(Fixed("GaussLegendre", count)) for count in (4_000, 8_000, 16_000)),
                *(Integrated(Lines(129, rtol), history=TIMES) for rtol in (1e-6, 1e-9, 1e-12)),
            ),
            seeds=(0,),  # nothing is random in a separable network
        ),
    ),
    seeds=(0, 1, 2, 3, 4),
    limit=3600.0,
    tables=(Accuracy(), Winners()),
    plots=(DriftCurves(), WorkPrecision()),
)
