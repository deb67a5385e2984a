"""The commands: what they print, what they keep, and how they refuse."""

import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

import pinn
import pinn.solver
from pinn.cli import main
from pinn.cli.run import _use_cache
from pinn.problem.registry import listings

SHORT = ("pendulum", "--set", "end=1", "--no-cache")
OWN = '''"""Two problems of a user's own."""

import pinn
from pinn import symmetry


@pinn.register
def spring(stiffness: float = 4.0, end: float = 1.0) -> pinn.Problem:
    """A spring of a user's own.

        ẍ = −k x
    """
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"x": ()},
        lagrangian=lambda j: 0.5 * j.x_t**2 - 0.5 * stiffness * j.x**2,
        initial={"x": 1.0, "x_t": 0.0},
        symmetries=[symmetry.time_translation()],
    )
'''
FALSE = '''

@pinn.register
def leaking(rate: float = 1.0):
    """A claim that is false."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"x": ()},
        residual=lambda j: j.x_t + rate * j.x,
        initial={"x": 1.0},
        conserved={"amount": lambda j: j.x},
    )


@pinn.register
def faulty(end: float = 1.0):
    """A mistake in Python."""
    return undefined_name
'''


@pytest.fixture
def own() -> Path:
    path = Path("own.py")
    path.write_text(OWN)
    return path


@pytest.fixture
def several() -> Path:
    path = Path("several.py")
    path.write_text(OWN + FALSE)
    return path


@pytest.fixture
def ctrl_c(monkeypatch: pytest.MonkeyPatch):
    """Make Ctrl-C arrive once, after a number of windows, as in a process in the foreground."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    go_on = pinn.solver.go_on

    def arrive(after: int) -> None:
        pressed = []

        def interrupted(parts, march):
            if len(march.windows) >= after and not pressed:
                pressed.append(True)
                signal.raise_signal(signal.SIGINT)
            return go_on(parts, march)

        monkeypatch.setattr(pinn.solver, "go_on", interrupted)

    yield arrive
    signal.signal(signal.SIGINT, previous)


# Listings


def test_list_names_every_problem_with_its_summary(capsys: pytest.CaptureFixture) -> None:
    assert main(["list"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines == {name: entry.summary for name, entry in listings().items()}


def test_problems_of_an_installed_package_are_listed_shown_and_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    site = Path("site")
    (site / "springs-1.0.dist-info").mkdir(parents=True)
    (site / "springs-1.0.dist-info" / "METADATA").write_text("Name: springs\nVersion: 1.0\n")
    (site / "springs-1.0.dist-info" / "entry_points.txt").write_text(
        "[pinn.problems]\nspring = springs_of_a_package\n"
    )
    (site / "springs_of_a_package.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(site.resolve()))
    assert main(["list"]) == 0
    assert re.search(r"^spring +installed with springs$", capsys.readouterr().out, re.MULTILINE)
    assert main(["show", "spring", "--plain"]) == 2
    assert "leave out --plain" in capsys.readouterr().err
    assert main(["show", "spring"]) == 0
    shown = capsys.readouterr().out
    assert "A spring of a user's own." in shown
    assert re.search(r"^energy +conserved +2\.", shown, re.MULTILINE)


def test_show_plain_prints_the_file_and_derives_nothing(capsys: pytest.CaptureFixture) -> None:
    assert main(["show", "kepler", "--plain"]) == 0
    shown = capsys.readouterr().out
    assert "L = ½ |q̇|² + μ/|q|" in shown and "Good values" in shown and "Source:" in shown
    assert "eccentricity: float = 0.5" in shown
    assert "Derived" not in shown


def test_show_derives_order_entries_initial_data_and_laws(capsys: pytest.CaptureFixture) -> None:
    assert main(["show", "damped_oscillator"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"order of the equation +2 in x", shown)
    assert re.search(r"jet entries it needs +x, x_t, x_tt", shown)
    assert re.search(r"x_t at the start +0\.", shown)
    energy = re.search(r"^energy +balance law +0\.5 +(\S+)$", shown, re.MULTILINE)
    other = re.search(r"^caldirola_kanai +conserved +0\.5 +(\S+)$", shown, re.MULTILINE)
    assert energy and float(energy[1]) < 1e-12
    assert other and float(other[1]) < 1e-12


def test_show_marks_a_false_claim_and_a_problem_without_laws(
    several: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["show", f"{several}:leaking"]) == 0
    assert "does not hold" in capsys.readouterr().out
    assert main(["show", "lorenz"]) == 0
    assert "No charge is known." in capsys.readouterr().out


def test_show_reads_a_file_of_the_user(own: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["show", str(own), "--plain"]) == 0
    plain = capsys.readouterr().out
    assert "ẍ = −k x" in plain and "stiffness: float = 4.0" in plain
    assert main(["show", f"{own}:spring"]) == 0
    assert capsys.readouterr().out.startswith(plain)


def shown_rows(capsys: pytest.CaptureFixture) -> dict[str, list[str]]:
    """Return the rows of what was shown, cells by their first one."""
    lines = [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    rows: dict[str, list[str]] = {}
    for name, *cells in lines:
        rows.setdefault(name, []).extend(cells)
    return rows


def test_show_tells_axes_data_walls_and_laws_of_a_field(capsys: pytest.CaptureFixture) -> None:
    assert main(["show", "heat"]) == 0
    rows = shown_rows(capsys)
    assert rows["axis t"] == ["interval from 0 to 1"] and rows["order in time"] == ["1 in u"]
    assert rows["order along x"] == ["2 in u"] and rows["jet entries it needs"] == ["u_t, u_xx"]
    assert rows["u at the start"] == ["function of x"]
    assert rows["at x = 0"] == rows["at x = 1"] == ["u = 0."]
    assert rows["charge"] == ["law", "total at the start", "defect on random jets"]
    assert rows["mass"][:2] == ["leaks through x = 0 and x = 1", "0.742723"]  # 7/(3π)
    assert rows["energy"][:2] == ["balance law", "0.3125"]
    assert rows["first_mode"][:2] == ["conserved", "0.5"]


FIELDS = '''"""Problems over space."""

import jax.numpy as jnp

import pinn


@pinn.register
def walled(soft: bool = False) -> pinn.Problem:
    """A false claim and every kind of wall."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx + j.u_xxxx,
        initial={"u": lambda x: 0.0 * x},
        boundary=[
            pinn.Robin("u", "x", value=2.0, lower=lambda t: t, upper=None),
            pinn.Neumann("u", "x", lower=None, hard=False),
            pinn.Derivative("u", "x", order=3),
        ],
        conserved={"mass": lambda j: j.u, "false": lambda j: j.u**2},
    )


@pinn.register
def resting() -> pinn.Problem:
    """A potential whose flux is what its source gives."""
    return pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0), "y": pinn.Periodic(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_xx + j.u_yy - jnp.ones(()),
        boundary=[pinn.Dirichlet("u", "x")],
        conserved={
            "flow": pinn.Balance(
                lambda j: 0.0 * j.u,
                source=lambda j: jnp.ones(()) + 0.0 * j.u,
                flux={"x": lambda j: j.u_x, "y": lambda j: j.u_y},
            )
        },
    )
'''


def test_show_states_every_kind_of_wall_and_marks_false_laws(capsys: pytest.CaptureFixture) -> None:
    Path("fields.py").write_text(FIELDS)
    assert main(["show", "fields.py:walled"]) == 0
    rows = shown_rows(capsys)
    assert rows["at x = 0"] == ["2 u + 1 u_x = function of t", "u_xxx = 0."]
    assert rows["at x = 1"] == ["u_x = 0.", "(a row of the loss)", "u_xxx = 0."]
    assert rows["mass"][-1] == "(does not hold: flux through x = 0)"
    assert rows["false"][-1] == "(does not hold)"


def test_show_a_stationary_problem_and_its_flux(capsys: pytest.CaptureFixture) -> None:
    Path("fields.py").write_text(FIELDS)
    assert main(["show", "fields.py:resting"]) == 0
    rows = shown_rows(capsys)
    assert rows["order in time"] == ["stationary"] and rows["axis y"] == ["circle from 0 to 1"]
    assert rows["charge"] == ["law", "defect on random jets"]
    assert rows["flow"][0] == "flux and source"
    assert main(["show", "poisson"]) == 0
    assert shown_rows(capsys)["momentum"][0] == "flux and source"
    assert main(["show", "lorenz"]) == 0
    assert "No charge is known." in capsys.readouterr().out


LIGHT = [
    ["--help"],
    ["--version"],
    ["list"],
    ["show", "kepler", "--plain"],
    ["show", "nothing", "--plain"],
    *[[command, "--help"] for command in ("list", "show", "check", "solve", "resume", "doctor")],
    ["solve", "nothing"],
    ["solve", "kepler", "--out", "."],
]


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_light_commands_import_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom pinn.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('heavy:', [m for m in ('jax', 'numpy', 'scipy', 'flax') if m in sys.modules])"
    )
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    print(f"pinn {' '.join(words)}: {time.perf_counter() - started:.2f} s")
    assert run.stdout.endswith("heavy: []\n")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = [sys.executable, "-m", "pinn.cli", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


# Refusals


REFUSALS = {
    "": "required: COMMAND",
    "solv kepler": "There is no command 'solv' (did you mean 'solve'",
    "solve": "required: PROBLEM",
    "solve kepler more": "a word too many, 'more'",
    "solve kepler --sed 1": "There is no option '--sed' (did you mean '--seed'",
    "solve kepler --seed one": "Argument --seed: invalid int value: 'one'; `pinn solve --help`",
    "solve kepler --precision float16": "choose from 'float64', 'float32'",
    "solve keplr": "There is no problem 'keplr' (did you mean 'kepler'",
    "show keplr --plain": "There is no problem 'keplr' (did you mean 'kepler'",
    "check missing.py": "There is no problem file 'missing.py'",
    "check several.py": "choose one",
    "check several.py:springs": "did you mean 'spring'",
    "check several.py:leaking": "'amount' is not conserved on solutions",
    "check pendulum --set nd=1": "has no parameter 'nd', only angle, omega, end (did you mean",
    "check pendulum --set end": "--set takes NAME=VALUE, as in --set end=5, got 'end'",
    "check pendulum --set end=long": "The parameter 'end' of 'pendulum' takes a number, got 'long'",
    "check pendulum --set end=1 --set end=2": "--set gives 'end' twice",
    "check pendulum --set end=-1": "must increase, got",
    "check kepler --set eccentricity=1": "cannot be built with eccentricity=1.0",
    "solve pendulum --width 0": "width ≥ 1",
    "solve pendulum --windows 0": "at least 1, got 0",
    "solve pendulum --tolerance 0": "must be positive, got 0.0",
    "solve pendulum --learning-rate 1": "add --optimiser adam",
    "solve pendulum --optimiser adam": "needs a --learning-rate",
    "solve pendulum --optimiser adma --learning-rate 1": "did you mean 'adam",
    "solve pendulum --out several.py/run": "cannot be made",
    "resume nothing": "There is no saved solver in 'nothing'",
}


@pytest.mark.parametrize("command", REFUSALS)
def test_wrong_input_gets_one_sentence_and_exit_code_2(
    command: str, several: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(command.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pinn: ") and captured.err.count("\n") == 1
    assert REFUSALS[command] in captured.err
    assert sorted(path.name for path in Path().iterdir()) == ["several.py"]


BROKEN = {
    "import": (
        "import a_module_that_is_not_there\n",
        "No module named 'a_module_that_is_not_there'",
    ),
    "mistake": ("value = 1 / 0\n", "ZeroDivisionError: division by zero"),
    "syntax": ("def broken(:\n", "SyntaxError: invalid syntax (file "),
    "exit": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "nothing": ("value = 1\n", "registers no problem"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("command", ["check", "solve", "show"])
def test_a_file_that_cannot_be_read_is_told_with_its_place(
    name: str, command: str, capsys: pytest.CaptureFixture
) -> None:
    text, message = BROKEN[name]
    Path("mine.py").write_text("\n" + text + "\n\nimport pinn\n")
    assert main([command, "mine.py"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("pinn: ") and captured.err.count("\n") == 1
    if command != "show" or name in ("syntax", "nothing"):  # `show` reads files without running
        assert message in captured.err and "mine.py" in captured.err


FAULTS = {
    "residual=lambda j: j.x_t + {}['rate'] * j.x": "The residual raises KeyError: 'rate'",
    "residual=lambda j: j.x_t > j.x": "The residual is true or false",
    "residual=lambda j: j.x_t, conserved={'c': lambda j: 3}": "whole numbers",
    "residual=lambda j: j.x_t, exact=lambda t: {}['x']": "closed form in exact= raises KeyError",
    "residual=lambda j: undefined_name": "The residual raises NameError",
}


@pytest.mark.parametrize("statement", FAULTS)
def test_an_error_in_a_users_function_is_a_sentence_and_exit_code_2(
    statement: str, capsys: pytest.CaptureFixture
) -> None:
    Path("mine.py").write_text(
        "import pinn\n\n@pinn.register\ndef mine():\n    return pinn.Problem(\n"
        "        axes={'t': pinn.Interval(0.0, 1.0)}, fields={'x': ()}, initial={'x': 1.0},\n"
        f"        {statement})\n"
    )
    for command in ("check", "solve"):
        assert main([command, "mine.py", "--no-cache"]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("pinn: ") and captured.err.count("\n") == 1
        assert FAULTS[statement] in captured.err
        assert "raises" not in captured.err or "mine.py', line 7)" in captured.err


def test_debug_shows_where_a_mistake_is(several: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["check", f"{several}:faulty", "--set", "end=2"]
    assert main(command) == 2
    short = capsys.readouterr().err
    assert "NameError: name 'undefined_name'" in short and short.count("\n") == 1
    assert f"in faulty, file '{several.resolve()}', line" in short
    assert main([*command, "--debug"]) == 2
    told = capsys.readouterr().err
    assert told.endswith(short) and "return undefined_name" in told and "Traceback" in told


# Work


def test_check_prints_the_report(own: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(own), "--set", "stiffness=9", "--no-cache"]) == 0
    report = capsys.readouterr().out
    assert "every claim holds" in report and "symmetry of energy" in report


def test_solve_prints_scores_and_saves(capsys: pytest.CaptureFixture) -> None:
    assert main(["solve", *SHORT, "--out", "runs/short", "--seed", "3"]) == 0
    captured = capsys.readouterr()
    title, *table = captured.out.splitlines()
    assert title == "pendulum(angle=2.0, omega=1.0, end=1.0)"
    for row in ("relative L2 error of theta", "drift of energy", "seconds: compilation"):
        assert any(line.startswith(row) for line in table)
    for fact in ("windows", "parameters", "steps", "device", "precision"):
        assert any(line.startswith(fact) for line in table)
    assert captured.err == "The solver is saved in runs/short.\n"
    solution = pinn.load("runs/short")
    assert solution.seed == 3 and solution.complete and solution.scores["error"]["theta"] < 1e-9


def test_an_existing_folder_is_refused_before_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def never(*_, **__):
        pytest.fail("it trained")

    Path("taken").mkdir()
    Path("taken/kept").write_text("kept")
    with monkeypatch.context() as patched:
        patched.setattr(pinn.solver, "solve", never)
        assert main(["solve", *SHORT, "--out", "taken"]) == 2
    assert capsys.readouterr().err == (
        "pinn: The folder 'taken' exists: give another to --out, or add --overwrite.\n"
    )
    assert Path("taken/kept").read_text() == "kept"
    assert main(["solve", *SHORT, "--out", "taken", "--overwrite"]) == 0
    assert pinn.load("taken").complete


def test_ctrl_c_keeps_what_is_trained_and_resume_goes_on(
    own: Path, ctrl_c, capsys: pytest.CaptureFixture
) -> None:
    command = ["solve", str(own), "--no-cache", "--out"]
    assert main([*command, "whole"]) == 0
    ctrl_c(after=2)
    assert main([*command, "part"]) == 130
    captured = capsys.readouterr()
    assert "Training was interrupted at t = " in captured.err
    assert "saved in part; `pinn resume part` goes on from there." in captured.err
    assert "drift of energy" in captured.out
    assert not json.loads(Path("part/spec.json").read_text())["complete"]

    assert main(["resume", "part", "--no-cache"]) == 2
    assert "pass --trust to run it" in capsys.readouterr().err
    assert main(["resume", "part", "--trust", "--no-cache"]) == 0
    assert "spring(stiffness=4.0, end=1.0)" in capsys.readouterr().out
    times = np.linspace(0.0, 1.0, 11)
    whole, part = (pinn.load(folder, trust=True) for folder in ("whole", "part"))
    assert part.complete
    np.testing.assert_array_equal(part(times)["x"], whole(times)["x"])

    assert main(["resume", "part", "--trust", "--no-cache"]) == 0
    captured = capsys.readouterr()
    assert "nothing is left to train" in captured.err and "drift of energy" in captured.out


def test_ctrl_c_before_the_first_window_keeps_nothing(
    ctrl_c, capsys: pytest.CaptureFixture
) -> None:
    ctrl_c(after=0)
    assert main(["solve", *SHORT, "--out", "runs/none"]) == 130
    captured = capsys.readouterr()
    assert captured.err == "Interrupted before the first window was trained; nothing is kept.\n"
    assert captured.out == "" and not Path("runs").exists()


def test_a_stalled_training_is_saved_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    go_on = pinn.solver.go_on

    def stall(parts, march):
        return dataclasses.replace(march, stuck=True) if march.windows else go_on(parts, march)

    monkeypatch.setattr(pinn.solver, "go_on", stall)
    assert main(["solve", *SHORT, "--out", "stalled"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("Training stalled at t = ") and "Warning" not in captured.err
    assert "relative L2 error" in captured.out and not pinn.load("stalled").complete


def test_what_is_not_converged_is_saved_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(pinn.Solution, "converged", property(lambda solution: False))
    assert main(["solve", *SHORT, "--out", "rough"]) == 1
    assert "has not converged: at points that training did not see" in capsys.readouterr().err
    assert pinn.load("rough").complete


def test_sigterm_keeps_what_is_trained(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    go_on, sent = pinn.solver.go_on, []

    def terminated(parts, march):
        if len(march.windows) == 2 and not sent:
            sent.append(True)
            signal.raise_signal(signal.SIGTERM)
        return go_on(parts, march)

    monkeypatch.setattr(pinn.solver, "go_on", terminated)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["solve", str(own), "--no-cache", "--out", "part"]) == 130
    assert "saved in part; `pinn resume part` goes on" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
    assert pinn.load("part", trust=True).model.count == 2


def test_the_librarys_own_warnings_are_sentences(capsys: pytest.CaptureFixture) -> None:
    text = OWN.replace('"x": 1.0,', '"x": np.float32(0.1),').replace(
        "import pinn\n", "import numpy as np\nimport pinn\n", 1
    )
    Path("single.py").write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(["check", "single.py", "--no-cache"]) == 0
    said = capsys.readouterr().err
    assert "pinn: The initial value of 'x' is given in float32" in said and "Warning" not in said


def test_the_cache_of_compiled_programs_is_opt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    try:
        _use_cache(True)
        assert jax.config.jax_compilation_cache_dir == before[names[0]]  # the user's own stays
        jax.config.update(names[0], None)
        _use_cache(False)
        assert jax.config.jax_compilation_cache_dir is None
        _use_cache(True)
        assert jax.config.jax_compilation_cache_dir == "/caches/pinn/xla"
        assert jax.config.jax_persistent_cache_min_compile_time_secs == 0.2
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


# Fields

BRIEF = ("--points", "64", "--steps", "4", "--width", "6", "--no-cache")


def test_solve_and_resume_a_field(ctrl_c, capsys: pytest.CaptureFixture) -> None:
    ctrl_c(after=1)
    small = ("--points", "64", "--steps", "4", "--waves", "4", "--times", "3", "--no-cache")
    command = ["solve", "heat", "--set", "end=0.02", "--windows", "2", *small, "--out", "heat"]
    assert main(command) == 130
    captured = capsys.readouterr()
    assert "Training was interrupted at t = 0.01 of 0.02" in captured.err
    assert main(["resume", "heat", "--no-cache"]) == 0
    title, *table = capsys.readouterr().out.splitlines()
    assert title == "heat(kappa=0.1, overtone=0.5, end=0.02)"
    for row in ("relative L2 error of u", "drift of mass", "drift of first_mode"):
        assert any(line.startswith(row) for line in table)
    solution = pinn.load("heat")
    assert solution.complete and solution.recipe.points == 64 and solution.recipe.network.times == 3


def test_solve_a_stationary_problem(capsys: pytest.CaptureFixture) -> None:
    assert main(["solve", "poisson", *BRIEF, "--out", "rest"]) == 1  # four steps are too few
    assert "relative L2 error of u" in capsys.readouterr().out
    assert main(["resume", "rest", "--steps", "6", "--no-cache"]) == 1
    assert pinn.load("rest").steps == 6
    assert main(["solve", "poisson", "--windows", "2", "--no-cache"]) == 2
    assert "no time to cut into windows" in capsys.readouterr().err
