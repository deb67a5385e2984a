"""The modes of conservation side by side, for the README: only runs of `conservation`."""

from dataclasses import replace
from pathlib import Path

from pinn.benchmark.loading import load_study

FULL, _ = load_study(str(Path(__file__).with_name("conservation.py")))
SHOWN = {"pendulum": 8.0, "kepler": 8.0, "henon_heiles": 8.0}

STUDY = replace(
    FULL,
    title="What does each mode of conservation do?",
    cases=tuple(
        case for case in FULL.cases if case.sweep and SHOWN.get(case.problem) == case.sweep[1]
    ),
    tables=FULL.tables[-1:],
    plots=(),
)
