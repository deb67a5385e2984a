"""Times faster is the time to the same error, of a library's best recipe, or it is not said."""

import pytest

from pinn.benchmark import Case, Outside, Trained
from pinn.benchmark.loading import load_study
from pinn.benchmark.report import AgainstPeers
from pinn.benchmark.report.groups import STALE, grouped
from pinn.benchmark.report.peers import reached, time_to
from pinn.benchmark.study import Cell

CASE = Case("kepler")
HARD, SOFT = Outside(("a",), name="lib"), Outside(("a", "soft"), name="lib, soft")
OURS = Trained(name="pinn")
TABLE = AgainstPeers((("Lib", ("lib", "lib, soft")),), ("pinn",), ("pinn, hidden",))


def peer(method, error, trace=None, seed=0, **more):
    cell = Cell(CASE, method, seed)
    row = {
        **cell.description(),
        "status": "done",
        "clock": "from the imports",
        "error": {"q": error},
        "seconds": {"run": 55.0, "compile": 5.0, "total": 60.0},
        **more,
    }
    if trace is not None:
        row["trace"] = {"seconds": [p[0] for p in trace], "error": [p[1] for p in trace]}
    return cell, row


def ours(error=1e-9, total=2.0, method=OURS):
    cell, row = peer(method, error)
    return cell, {**row, "seconds": {"run": 1.0, "compile": 0.5, "total": total}}


def cells_of(table):
    (line,) = (line for line in table.splitlines() if line.startswith("| kepler"))
    return [cell.strip() for cell in line.strip("|").split("|")]


EARLY = ((4.0, 5e-2), (8.0, 1.1e-4), (60.0, 1e-4))


def test_the_time_is_that_to_the_error_and_not_the_budget():
    trace = ((4.0, 5e-2), (8.0, 1e-4), (60.0, 1e-4))
    cells = cells_of(TABLE.render([peer(HARD, 1e-4, trace), ours()]))
    assert cells[2:5] == ["lib", "1.0e-04", "8.0"]
    assert cells[5:8] == ["8.0", "8.0", "8.0"]
    assert cells[8:10] == ["2.0", "4"]  # not 30


def test_the_best_recipe_of_a_library_counts_and_each_error_has_its_fastest():
    soft = ((10.0, 1e-3), (40.0, 1e-7))
    cells = cells_of(TABLE.render([peer(HARD, 1e-4, EARLY), peer(SOFT, 1e-7, soft), ours()]))
    assert cells[2:8] == ["lib, soft", "1.0e-07", "40.0", "8.0", "8.0", "40.0"]
    assert cells[8:10] == ["2.0", "20"]


def test_without_a_trace_nothing_is_divided():
    cells = cells_of(TABLE.render([peer(HARD, 1e-4, stale="old"), ours()]))
    assert cells[2] == "lib" + STALE and cells[4:8] == ["not traced"] * 4
    assert cells[8:10] == ["2.0", ""]


def test_what_ours_does_not_reach_is_never():
    cells = cells_of(TABLE.render([peer(HARD, 1e-4, EARLY), ours(1e-3)]))
    assert cells[8:10] == ["never", ""]
    floor = {"reference": {"error": 1e-4}}
    cell, row = ours()
    cells = cells_of(TABLE.render([peer(HARD, 1e-4, EARLY), (cell, {**row, **floor})]))
    assert cells[8] == "never"  # the reference cannot tell


def test_networks_stand_beside_networks():
    hidden = ours(1e-5, 30.0, Trained(name="pinn, hidden"))
    cells = cells_of(TABLE.render([peer(HARD, 1e-4, EARLY), ours(), hidden]))
    assert cells[8:] == ["2.0", "30", "30.0", "2"]


def test_a_library_that_gives_nothing_says_why():
    cell = Cell(CASE, HARD, 0)
    lost = (cell, {**cell.description(), "status": "failed", "reason": "it | broke"})
    assert cells_of(TABLE.render([lost, ours()]))[2] == "it / broke"
    assert cells_of(TABLE.render([(cell, None), ours()]))[2] == "not recorded yet"


@pytest.mark.parametrize(("error", "when"), [(1e-1, 4.0), (1e-3, 8.0), (1e-6, float("inf"))])
def test_an_error_is_reached_at_its_first_touch(error, when):
    _, row = peer(HARD, 1e-4, EARLY)
    assert reached(row, error) == when


def test_seeds_share_a_median_and_one_without_a_trace_is_none():
    rows = [peer(HARD, 1e-4, ((t, 1e-4),), seed) for seed, t in enumerate((9.0, 5.0, 30.0))]
    (group,) = grouped(rows)
    assert time_to(group, 1e-4) == 9.0
    (group,) = grouped([*rows[:2], peer(HARD, 1e-4, seed=2)])
    assert time_to(group, 1e-4) is None


def test_the_study_has_three_seeds_and_names_ours_for_what_it_is():
    study, _ = load_study("peers_study")
    cells = study.cells()
    outside = [c for c in cells if c.method.foreign and c.case.problem == "burgers"]
    assert {c.seed for c in outside} == {0, 1, 2}
    assert {c.method.label for c in outside} > {"jinns", "jinns, soft", "deepxde, soft"}
    labels = {c.case.problem: set() for c in cells}
    for cell in cells:
        if not cell.method.foreign:
            labels[cell.case.problem].add(cell.method.label)
    assert labels["burgers"] == {"pinn, least-squares collocation", "pinn, trained hidden layers"}
    assert labels["kepler"] == {"pinn, a network per window"}
    assert all(cell.method.sources for cell in outside)
