"""What methods measure: errors that fall as they should, and agree with another group's code."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pinn
from pinn.benchmark import Integrated, Outside, Scipy, Trained
from pinn.benchmark.clock import compilation, compiled
from pinn.benchmark.method import Order
from pinn.references import Adaptive, Fixed, Lines

HERE = Path(__file__).parent


def order(name="kepler", seed=0, **parameters):
    return Order(name, parameters, seed, 60.0, time.time(), HERE)


def worst(row):
    return max(row["error"].values())


def test_the_order_of_a_symplectic_method_is_found_again():
    steps = np.array([200, 800])
    rows = [Integrated(Fixed("Yoshida4", int(n))).measure(order()) for n in steps]
    slope = np.polyfit(np.log(steps), np.log([worst(row) for row in rows]), 1)[0]
    assert slope == pytest.approx(-4.0, abs=0.1)
    assert rows[0]["steps"] == 200
    assert rows[0]["drift"]["angular_momentum"] < 1e-13 < rows[0]["drift"]["energy"]


def test_seconds_leave_compilation_out(monkeypatch):
    during, before = [], []

    def timed(work):
        with compilation() as spans:
            work()
        during.extend(spans)
        return 3.0

    def prepared(function, *arguments):
        with compilation() as spans:
            program, _ = compiled(function, *arguments)
        before.extend(spans)
        return program, 7.0

    monkeypatch.setattr("pinn.benchmark.integrated.fastest", timed)
    monkeypatch.setattr("pinn.benchmark.integrated.compiled", prepared)
    unseen = order(eccentricity=0.41)  # of which this process has traced nothing yet
    seconds = Integrated(Adaptive("Dopri8", 1e-8)).measure(unseen)["seconds"]
    assert before and not during
    assert (seconds["run"], seconds["compile"]) == (3.0, 7.0) and seconds["total"] > 0.0


def test_a_tighter_tolerance_is_more_accurate_and_takes_more_steps():
    loose, tight = (Scipy("DOP853", rtol).measure(order()) for rtol in (1e-5, 1e-9))
    assert worst(tight) < 1e-2 * worst(loose)
    assert tight["steps"] > loose["steps"] and tight["evaluations"] > loose["evaluations"]


def test_scipy_integrates_the_method_of_lines():
    row = Scipy("DOP853", 1e-9, modes=17).measure(order("advection", speed=1.0, end=0.2))
    assert worst(row) < 1e-8 and max(row["drift"].values()) < 1e-7
    assert row["drift"].keys() == {"mass", "energy"} and row["points"] == [17]


def test_the_best_reference_is_not_compared_with_itself():
    row = Integrated(Lines()).measure(order("kdv", end=0.05))
    assert 0.0 < worst(row) < 1e-8
    assert row["reference"]["name"] == "its own convergence"


def test_a_network_tells_what_it_cost():
    quick = pinn.Recipe(windows=pinn.Uniform(2), points=12, steps=6)
    row = Trained(quick).measure(order("harmonic_oscillator", end=1.0))
    assert row["windows"] == 2 and row["parameter_count"] > 0 and row["steps"] > 0
    assert row["drift"].keys() == {"energy", "phase"}
    assert row["seconds"]["run"] + row["seconds"]["compile"] < row["seconds"]["total"]
    json.dumps(row)
    assert "error" not in Trained(quick, judged=False).measure(
        order("harmonic_oscillator", end=1.0)
    )


def printing(stated):
    return Outside(("python", "-c", f"print('chat'); print({json.dumps(stated)!r})"), name="peer")


def test_an_outside_row_keeps_what_it_says():
    stated = {"error": {"q": 1e-3}, "seconds": {"run": 2.0, "compile": 1.0}, "library": "9.1"}
    row = printing(stated).measure(order())
    assert row["error"] == {"q": 1e-3} and row["outside"] == {"library": "9.1"}
    assert row["seconds"]["run"] == 2.0 and row["seconds"]["total"] > 0.0


def test_an_outside_program_is_told_what_to_do_and_runs_beside_the_study():
    code = (
        "import json, os, sys; "
        "print(json.dumps({'error': {'q': 1}, 'seconds': 1, 'said': [*sys.argv[1:], os.getcwd()]}))"
    )
    words = ("python", "-c", code, "{problem}", "{seed}", "{limit}", "{parameters}")
    said = Outside(words).measure(order(seed=7, mu=2.0))["outside"]["said"]
    assert said == ["kepler", "7", "60", '{"mu": 2.0}', str(HERE)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((sys.executable, "-c", "raise SystemExit('boom')"), "exit code 1: boom"),
        ((sys.executable, "-c", "print('hello')"), "must print a JSON object.*'hello'"),
        ((sys.executable, "-c", "print('[1]')"), "must print a JSON object"),
        ((sys.executable, "-c", ""), "must print a JSON object"),
        (("no-such-program",), "cannot be started"),
    ],
)
def test_an_outside_program_that_fails_is_told_in_a_sentence(words, says):
    with pytest.raises(pinn.PinnError, match=says):
        Outside(words, name="peer").measure(order())
