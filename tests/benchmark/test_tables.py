"""Tables and figures say what the rows say."""

import math

import pytest

from pinn.benchmark import Case, Integrated, Published, Study, Trained
from pinn.benchmark.report import (
    Accuracy,
    AgainstPublished,
    DriftCurves,
    Scaling,
    ScalingCurves,
    Winners,
    WorkPrecision,
)
from pinn.benchmark.report.files import between_marks, markdown, update_readme, write_report
from pinn.benchmark.report.plots import can_plot, family
from pinn.benchmark.report.scaling import exponent
from pinn.benchmark.standing import identity_of
from pinn.benchmark.store import write_rows
from pinn.benchmark.study import Cell
from pinn.errors import PinnError
from pinn.references import Adaptive, Fixed

PINN = Trained()
FAST, EXACT = Integrated(Adaptive("Tsit5", 1e-4)), Integrated(Adaptive("Dopri8", 1e-14))
KEPLER = Case("kepler", {}, "e = 0.5")


def record(method, error, run, compiling=1.0, *, seed=0, case=KEPLER, **more):
    cell = Cell(case, method, seed)
    return cell, {
        **cell.description(),
        "status": "done",
        "seconds": {"run": run, "compile": compiling, "total": run + compiling + 3.0},
        "error": {"q": error},
        "drift": {"energy": 0.5 * error, "angular_momentum": 0.1 * error},
        "reference": {"error": 1e-15},
        "versions": {"jax": "0.12"},
        **more,
    }


def failed(method, seed=0, reason="boom | bang"):
    cell = Cell(KEPLER, method, seed)
    return cell, {**cell.description(), "status": "failed", "reason": reason}


def lines(table):
    return [line for line in table.splitlines() if line.startswith("| kepler")]


def cells_of(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_training_that_stalled_has_no_error():
    """What it reached by then is accurate, and says nothing of the whole."""
    stalled = record(PINN, 1e-12, 2.0, complete=False, reached=0.035)
    (line,) = lines(Accuracy().render([stalled]))
    assert "stalled after 0.035 of the time" in line and "1.0e-12" not in line


def test_accuracy_has_the_median_and_the_worst_of_the_seeds():
    records = [record(PINN, e, 2.0, seed=i) for i, e in enumerate((1e-6, 4e-6, 2e-6))]
    (line,) = lines(Accuracy().render(records))
    assert cells_of(line)[2:6] == ["2.0e-06 (4e-06)", "", "1.0e-06 (2e-06)", ""]


def test_accuracy_counts_failures_and_what_is_not_recorded():
    records = [record(PINN, 1e-6, 2.0), failed(PINN, 1), (Cell(KEPLER, FAST), None)]
    table = Accuracy().render(records)
    assert "; 1 of 2 failed" in table and "1 line is left out" in table
    (line,) = lines(Accuracy().render([failed(PINN)]))
    assert "boom / bang" in line
    assert Accuracy().render([(Cell(KEPLER, PINN), None)]) == "Nothing is recorded yet.\n"


def test_an_error_near_the_references_own_is_marked():
    assert "1.0e-15*" in Accuracy().render([record(PINN, 1e-15, 2.0)])
    assert "1.0e-13*" not in Accuracy().render([record(PINN, 1e-13, 2.0)])


def test_winners_compare_at_equal_error_and_in_equal_time():
    records = [
        record(PINN, 1e-6, 10.0, 2.0),
        record(FAST, 1e-4, 0.01, 1.0),
        record(EXACT, 1e-12, 0.1, 1.1),
    ]
    table = Winners().render(records)
    cells = cells_of(lines(table)[0])
    assert cells[5:] == ["Dopri8 1e-14", "0.10", "1.1", "100", "10", "Dopri8 1e-14", "1.0e-12"]
    assert "Of 1 network, 1 is beaten" in table
    assert "in equal time a classical method is more accurate in 1;" in table


def test_winners_say_it_where_the_network_wins():
    records = [record(PINN, 1e-6, 1e-3, 0.0), record(FAST, 1e-4, 0.01)]
    table = Winners().render(records)
    assert cells_of(lines(table)[0])[5] == "none is as accurate"
    assert cells_of(lines(table)[0])[-2] == "none is as fast"
    assert "none is beaten" in table and "is as accurate in 1" in table


def test_errors_below_what_the_reference_can_tell_are_equal():
    records = [record(PINN, 1e-15, 10.0), record(EXACT, 8e-15, 0.1)]
    assert cells_of(lines(Winners().render(records))[0])[5] == "Dopri8 1e-14"


def test_other_parameters_are_another_problem():
    other = Case("kepler", {"eccentricity": 0.1}, "e = 0.1")
    records = [record(PINN, 1e-6, 10.0), record(EXACT, 1e-9, 0.1, case=other)]
    assert "nothing can be said" in Winners().render(records)


def test_published_numbers_have_their_source_and_trust():
    case = Case(
        "kepler",
        published=(
            Published(1e-5, "theirs", "doi:1", "M", 12.0, "H100"),
            Published(1e-9, "better", "doi:2", "R", note="not the same start"),
        ),
    )
    longer = Trained(name="longer")
    records = [record(PINN, 1e-7, 10.0, case=case), record(longer, 1e-10, 99.0, case=case)]
    table = AgainstPublished().render(records)
    first, second, *others = (cells_of(line) for line in lines(table))
    assert first[-3:] == ["doi:1", "M", "ours"] and first[5:7] == ["12.0", "H100"]
    assert second[-1] == "theirs" and second[5] == "not stated"
    assert "better (not the same start)" in second[7]
    assert [line[1] for line in others] == ["longer", "longer"] and others[1][-1] == "ours"
    assert "ahead of 2 of the 2 numbers that are recorded, with the first recipe of 1" in table


@pytest.mark.parametrize("power", [-1.0, 0.5, 3.0])
def test_the_exponent_of_a_power_law_is_its_power(power):
    values = [1.0, 2.0, 5.0, 9.0]
    found, error = exponent(values, [3.0 * value**power for value in values])
    assert found == pytest.approx(power) and error < 1e-12
    assert exponent([1.0, 2.0], [1.0, 2.0]) == (pytest.approx(1.0), math.inf)


def sweep():
    def one(value):
        case = Case("kepler", {}, f"points {value}", sweep=("points", value))
        method = Trained(name=f"n{value}")
        facts = {"steps": 10, "devices": 1, "devices_used": 1, "peak_bytes": 1e8}
        return record(method, 1e-6, 1e-3 * value**2, 5.0, case=case, **facts)

    return [one(value) for value in (100, 200, 400)]


def test_scaling_prints_the_exponents():
    table = Scaling().render(sweep())
    assert "* points: a step 2.00 ± 0.00, compilation 0.00 ± 0.00" in table


@pytest.mark.skipif(not can_plot(), reason="matplotlib is an extra")
def test_figures_show_a_curve_a_method():
    records = [record(Integrated(Fixed("Yoshida4", n)), n**-4.0, 1e-4 * n) for n in (10, 20)]
    figure = WorkPrecision().draw([*records, record(PINN, 1e-6, 2.0)])
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [2, 1]
    assert len(ScalingCurves().draw(sweep()).axes) == 1
    assert WorkPrecision().draw([(Cell(KEPLER, PINN), None)]) is None
    assert ScalingCurves().draw(records) is None


@pytest.mark.skipif(not can_plot(), reason="matplotlib is an extra")
def test_drift_is_drawn_beside_the_classical_runs_that_match():
    """Dopri8 matches at equal error, Tsit5 in equal time."""
    curve = {"history": {"t": [0.0, 1.0, 2.0], "drift": [0.0, 1e-9, 0.0]}}
    records = [
        record(PINN, 1e-6, 1.0, **curve),
        record(FAST, 1e-4, 0.01, **curve),
        record(EXACT, 1e-12, 5.0, **curve),
    ]
    figure = DriftCurves().draw(records)
    drawn = [[line.get_label() for line in axes.lines] for axes in figure.axes]
    assert drawn == [["pinn: 1.0 s", "Dopri8 1e-14: 5.0 s"], ["pinn: 1.0 s", "Tsit5 1e-04: 0.01 s"]]
    assert min(figure.axes[0].lines[0].get_ydata()) > 0.0  # zero has no place on a log axis
    assert DriftCurves().draw([record(PINN, 1e-6, 1.0)]) is None


def test_a_family_is_a_method_without_its_tolerance():
    assert family("Dopri8 1e-10") == "Dopri8" and family("Yoshida4, 400 steps") == "Yoshida4"
    assert family("GaussLegendre(4), 25 steps") == "GaussLegendre(4)"
    assert family("SciPy DOP853 1e-12") == "SciPy DOP853" and family("pinn 1e-04") == "pinn"
    assert family("method of lines, 63 modes, 1e-06") == "method of lines"


def test_a_report_is_written_beside_the_rows_and_into_a_readme(tmp_path):
    results = tmp_path / "results" / "mine.jsonl"
    study = Study("?", (KEPLER,), (FAST, EXACT), tables=(Accuracy(), Winners()))
    records = [
        (cell, {**row, "identity": identity_of(cell)})
        for cell, row in (record(FAST, 1e-4, 0.01), record(EXACT, 1e-12, 0.1))
    ]
    write_rows(results, [row for _, row in records])
    write_report(study, results)
    tables = results.with_suffix(".md").read_text()
    assert tables == markdown(study, records)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- mine table -->\nold\n<!-- end of mine table -->\nafter\n")
    update_readme(readme, "mine", tables)
    assert between_marks(readme.read_text(), "mine") == tables
    assert readme.read_text().startswith("before\n") and readme.read_text().endswith("after\n")
    with pytest.raises(PinnError, match="no place for the study 'other'"):
        update_readme(readme, "other", tables)
