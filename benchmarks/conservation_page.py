"""What each mode of conservation does, a line a problem: only runs of `conservation`."""

from dataclasses import replace
from pathlib import Path

from pinn.benchmark.loading import load_study
from pinn.problem.registry import load_module

FILE = Path(__file__).with_name("conservation.py")
FULL, _ = load_study(str(FILE))

STUDY = replace(
    FULL,
    title="When does it help to hold the laws, and when does it hurt? In short.",
    tables=(load_module(FILE).Ranges(),),
    plots=(),
)
