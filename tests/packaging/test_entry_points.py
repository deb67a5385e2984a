"""An installed package adds problems through the entry-point group `pinn.problems`."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import pinn
from pinn.problem import registry

PACKAGE = '''
import pinn


@pinn.register
def decaying_nucleus(rate: float = 1.0) -> pinn.Problem:
    """A nucleus that decays."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.5)},
        fields={"y": ()},
        residual=lambda j: j.y_t + rate * j.y,
        initial={"y": 1.0},
    )
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nuclear_problems.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("decaying_nucleus", "nuclear_problems", registry.GROUP)
    broken = EntryPoint("absent", "nuclear_problems", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point, broken])
    yield
    sys.modules.pop("nuclear_problems", None)
    registry._registered.pop("decaying_nucleus", None)


def test_its_problems_are_found_and_saved_by_name(installed, tmp_path):
    problem = pinn.get("decaying_nucleus", rate=2.0)
    assert problem.origin.kind == "package"
    solution = pinn.solve(problem, progress=False)
    solution.save(tmp_path / "run")
    assert not (tmp_path / "run" / "problem.py").exists()
    assert float(pinn.load(tmp_path / "run")(0.5)["y"]) == float(solution(0.5)["y"])


def test_a_broken_entry_point_is_refused(installed):
    with pytest.raises(pinn.ProblemError, match="entry point must name"):
        pinn.get("absent")
