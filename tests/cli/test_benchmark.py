"""`pinn benchmark`: what it lists, runs, checks and refuses."""

import json

import pytest

import pinn.benchmark.running
from pinn.benchmark.running import keep
from pinn.benchmark.standing import identity_of
from pinn.benchmark.store import read_rows
from pinn.cli import main

STUDY = """
from pinn.benchmark import Case, Integrated, Study
from pinn.benchmark.report import Accuracy
from pinn.references import Fixed

STUDY = Study(
    title="Which step?",
    cases=(Case("kepler", {"eccentricity": 0.3}, "e = 0.3"),),
    methods=tuple(Integrated(Fixed("Yoshida4", steps)) for steps in (100, 200)),
    tables=(Accuracy(),),
)
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A study whose runs are made up, in no time."""
    path = tmp_path / "steps.py"
    path.write_text(STUDY)
    monkeypatch.setattr(pinn.benchmark.running, "run_cells", Machine())
    return path


class Machine:
    """What stands in for processes: the error falls as the fourth power of the steps."""

    def __init__(self):
        self.ran, self.factor, self.interrupted = [], 1.0, False
        self.other = {}

    def __call__(self, cells, file, results, *, limit, jobs, told, begun):
        for cell in cells:
            if self.interrupted and self.ran:
                raise KeyboardInterrupt
            begun(cell)
            self.ran.append(cell.method.label)
            row = {**cell.description(), **self.row(cell.method.method.steps)}
            row["identity"] = {**identity_of(cell), **self.other}
            keep(results, row)
            told(row)

    def row(self, steps):
        return {
            "status": "done",
            "error": {"q": self.factor * 1e4 * steps**-4.0},
            "drift": {"energy": 1e-8},
            "seconds": {"run": 1e-5 * steps, "compile": 1.0, "total": 5.0},
            "matrix_product_seconds": 0.02,
            "versions": {"jax": "0"},
            "commit": "old",
        }


def machine():
    return pinn.benchmark.running.run_cells


def test_list_runs_nothing(file, capsys):
    assert main(["benchmark", str(file), "--list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in told] == [
        "kepler, e = 0.3: Yoshida4, 100 steps",
        "kepler, e = 0.3: Yoshida4, 200 steps",
    ]
    assert not machine().ran and not (file.parent / "results").exists()


def test_a_second_call_has_nothing_left_to_run(file, capsys):
    assert main(["benchmark", str(file)]) == 0
    said = capsys.readouterr()
    assert "| kepler, e = 0.3 | Yoshida4, 100 steps | 1.0e-04 |" in said.out
    assert "error 1.0e-04  drift 1.0e-08  run 0.001 s = 0.05 products" in said.err
    assert main(["benchmark", str(file)]) == 0
    assert len(machine().ran) == 2
    assert main(["benchmark", str(file), "--stale"]) == 0
    assert len(machine().ran) == 2


def test_what_other_code_measured_is_told_and_run_again_where_asked(file, capsys):
    machine().other = {"code": "before"}
    assert main(["benchmark", str(file)]) == 0
    assert "2 of 2 lines are stale" in capsys.readouterr().out
    assert main(["benchmark", str(file)]) == 0 and len(machine().ran) == 2
    machine().other = {}
    assert main(["benchmark", str(file), "--stale"]) == 0
    assert "stale" not in capsys.readouterr().out.splitlines()[-1] and len(machine().ran) == 4


def test_only_what_has_the_words_is_run(file, capsys):
    assert main(["benchmark", str(file), "--only", "200 STEPS", "--quiet"]) == 0
    assert machine().ran == ["Yoshida4, 200 steps"]
    assert "1 line is left out" in capsys.readouterr().out
    assert main(["benchmark", str(file), "--only", "burgers"]) == 2
    assert "No run of this study has 'burgers' in its title" in capsys.readouterr().err


def test_an_interruption_keeps_rows_and_says_what_is_left(file, capsys):
    machine().interrupted = True
    assert main(["benchmark", str(file)]) == 130
    assert "Interrupted with 1 of 2 runs left" in capsys.readouterr().err
    machine().interrupted = False
    assert main(["benchmark", str(file)]) == 0
    assert machine().ran == ["Yoshida4, 100 steps", "Yoshida4, 200 steps"]


def test_check_leaves_the_rows_alone_and_fails_on_a_regression(file, capsys):
    results = file.parent / "results" / "steps.jsonl"
    assert main(["benchmark", str(file), "--check"]) == 1
    assert "no committed row" in capsys.readouterr().out
    main(["benchmark", str(file)])
    before = results.read_text()
    machine().factor = 9.0
    assert main(["benchmark", str(file), "--check"]) == 0
    machine().factor = 11.0
    assert main(["benchmark", str(file), "--check"]) == 1
    assert "the error of q is 1.1e-03; it was 1.0e-04" in capsys.readouterr().out
    assert results.read_text() == before


def test_render_writes_tables_from_rows_alone(file, capsys):
    assert main(["benchmark", str(file), "--render"]) == 0
    assert "Nothing is recorded yet." in capsys.readouterr().out
    main(["benchmark", str(file), "--out", str(file.parent / "elsewhere")])
    assert len(read_rows(file.parent / "elsewhere" / "steps.jsonl")) == 2
    assert not machine().ran[2:]


def test_tables_go_between_the_marks_of_a_readme(file, capsys):
    readme = file.parent / "README.md"
    readme.write_text("x\n")
    assert main(["benchmark", str(file), "--readme", str(readme)]) == 2
    assert "has no place for the study 'steps'" in capsys.readouterr().err
    readme.write_text("<!-- steps table -->\n<!-- end of steps table -->\n")
    assert main(["benchmark", str(file), "--readme", str(readme)]) == 0
    assert "Yoshida4, 200 steps" in readme.read_text()


def test_a_failure_is_told_and_stays_told(file, capsys, monkeypatch):
    lost = {"status": "failed", "reason": "ended by the signal SIGKILL", "seconds": {"total": 1.0}}
    monkeypatch.setattr(Machine, "row", lambda self, steps: lost)
    for _ in range(2):
        assert main(["benchmark", str(file)]) == 1
    assert len(machine().ran) == 2
    assert main(["benchmark", str(file), "--retry"]) == 1
    assert len(machine().ran) == 4
    assert "ended by the signal SIGKILL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["smok"], "did you mean 'smoke'"),
        (["absent.py"], "no study file"),
        (["smoke", "--jobs", "0"], "--jobs"),
        (["smoke", "--limit", "-1"], "--limit"),
    ],
)
def test_wrong_input_is_one_sentence(words, says, capsys):
    assert main(["benchmark", *words]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_results_that_are_no_rows_are_told(file, capsys):
    folder = file.parent / "results"
    folder.mkdir()
    (folder / "steps.jsonl").write_text(json.dumps({"key": "a"})[:-3])
    assert main(["benchmark", str(file)]) == 2
    assert "are no JSON lines" in capsys.readouterr().err
