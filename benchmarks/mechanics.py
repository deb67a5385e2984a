"""Accuracy, drift and time of the default recipe on mechanics, against targets and diffrax."""

from pinn.benchmark import Case, Integrated, Study, Trained
from pinn.benchmark.report import Accuracy, Winners
from pinn.references import Adaptive

AIMED = (
    Case("harmonic_oscillator", {}, "t ≤ 20", 1e-10, 1e-10, 10.0),
    Case("pendulum", {}, "from 2 rad, t ≤ 10", 1e-10, 1e-10, 10.0),
    Case("kepler", {"eccentricity": 0.5}, "e = 0.5, one period", 1e-9, 1e-9, 15.0),
    Case("kepler", {"eccentricity": 0.6, "periods": 10.0}, "e = 0.6, 10 periods", 1e-7, 1e-8, 60.0),
    Case("henon_heiles", {}, "t ≤ 12π", 1e-8, 1e-8, 60.0),
    Case("three_body", {}, "figure eight, one period", 1e-8, 1e-9, 60.0),
    Case("double_pendulum", {}, "t ≤ 5", 1e-7, 1e-8, 60.0),
    Case("lotka_volterra", {}, "from (1.5, 1), t ≤ 12", 1e-9, 1e-9, 20.0),
)
OTHERS = (
    "charged_particle",
    "damped_oscillator",
    "fermat_ray",
    "fput",
    "isotropic_oscillator",
    "lorenz",
    "point_vortices",
    "rigid_body",
    "rotating_frame",
    "struck_oscillator",
    "toda",
    "two_body",
    "van_der_pol",
)

STUDY = Study(
    title="How accurate is the default recipe on mechanics, and what does it keep?",
    cases=(*AIMED, *(Case(name, seeds=(0, 1)) for name in OTHERS)),
    methods=(Trained(), Integrated(Adaptive("Dopri8", 1e-14), name="diffrax Dopri8")),
    seeds=(0, 1, 2, 3, 4),
    limit=900.0,
    tables=(Accuracy(), Winners()),
)
