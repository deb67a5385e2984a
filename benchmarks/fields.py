"""Accuracy, drift and time of the default recipe on fields, against targets and classical rows."""

from pinn import Recipe, Uniform
from pinn.benchmark import Case, Integrated, Study, Trained
from pinn.benchmark.report import Accuracy, Winners
from pinn.references import Lines

LINES = (Integrated(Lines(), name="method of lines"), Integrated(Lines(rtol=1e-6)))

MANY = Trained(Recipe(windows=Uniform(40)), name="pinn, 40 windows")

STUDY = Study(
    title="How accurate is the default recipe over space, and what does it keep?",
    cases=(
        Case("heat", {}, "", 1e-7, 1e-7),
        Case("kdv", {}, "", 1e-4, 1e-6),
        Case("wave", {}, "", 1e-7, 1e-7),
        # The default leaves to few windows what a corner of the initial data radiates.
        Case("nls", {}, "", 1e-4, 1e-5, methods=(Trained(), MANY, *LINES)),
        Case("klein_gordon", {}, "", 1e-6, 1e-6),
        Case("burgers", {}, "", 1e-5, 1e-7),
        Case("sine_gordon", {}, "", 1e-7, 1e-7),
        Case("allen_cahn", {}, "", 1e-4, 1e-4),
        Case("advection", {}, "", 1e-4, 1e-5),
        Case("taylor_green", {}, "", 1e-6, 1e-6),
    ),
    methods=(Trained(), *LINES),
    limit=600.0,
    tables=(Accuracy(), Winners()),
)
