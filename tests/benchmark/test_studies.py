"""Studies: their cells, and the files that hold them."""

from pathlib import Path

import pytest

import pinn
from pinn.benchmark import Case, Integrated, Study, Trained
from pinn.benchmark.loading import load_study, study_files
from pinn.references import Adaptive

ROOT = Path(__file__).parents[2]
DOPRI8 = Integrated(Adaptive("Dopri8", 1e-10))


def test_only_what_starts_at_random_runs_once_a_seed():
    cells = Study("?", (Case("pendulum"),), (Trained(), DOPRI8), seeds=(0, 1, 2)).cells()
    assert [(cell.method.label, cell.seed) for cell in cells] == [
        ("pinn", 0), ("pinn", 1), ("pinn", 2), ("Dopri8 1e-10", 0)
    ]  # fmt: skip


def test_a_run_that_is_asked_for_twice_is_one():
    study = Study("?", (Case("pendulum"), Case("pendulum", {}, "again")), (DOPRI8,))
    assert [cell.case.title for cell in study.cells()] == ["pendulum"]
    assert [cell.case.title for cell in study.entries()] == ["pendulum", "pendulum, again"]


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (Case("keppler"), "kepler"),
        (Case("kepler", {"eccentrcity": 0.1}), "has no parameter 'eccentrcity', only"),
        (Case("kepler", methods=()), "has no method"),
    ],
)
def test_a_wrong_case_is_refused_before_anything_runs(case, says):
    with pytest.raises(pinn.ProblemError, match=says):
        Study("?", (case,), (DOPRI8,)).cells()


@pytest.mark.parametrize("name", sorted(study_files()))
def test_every_study_that_ships_states_known_problems(name):
    study, file = load_study(name)
    keys = [cell.key for cell in study.cells()]
    assert file.parent == ROOT / "benchmarks" and len(set(keys)) == len(keys) > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "defines no study"),
        ("STUDY = 3", "defines no study"),
        ("def (", "SyntaxError"),
        ("import pinn.benchmark as b\nSTUDY = b.Study(titel='x')", "unexpected keyword"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path, text, says):
    (tmp_path / "wrong.py").write_text(text)
    with pytest.raises(pinn.ProblemError, match=says):
        load_study(str(tmp_path / "wrong.py"))


def test_a_missing_study_names_the_close_ones():
    with pytest.raises(pinn.ProblemError, match="did you mean 'smoke'"):
        load_study("smok")
    with pytest.raises(pinn.ProblemError, match="no study file"):
        load_study("nowhere.py")
