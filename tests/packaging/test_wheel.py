"""The built wheel, installed in an empty environment, solves a problem from another folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, **options) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VIRTUAL_ENV", "JAX_"))}
    finished = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, **options
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.slow
def test_the_wheel_carries_the_problems_and_solves_one(tmp_path: Path):
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` says where it is
    assert uv, "the tests are run by uv"
    here = ("--python", sys.executable)
    run(uv, "build", "--wheel", *here, "--out-dir", str(tmp_path / "dist"), str(ROOT))
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(uv, "venv", *here, str(tmp_path / "empty"))
    python = str(tmp_path / "empty" / "bin" / "python")
    run(uv, "pip", "install", "--compile-bytecode", "--python", python, str(wheel))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pinn = str(tmp_path / "empty" / "bin" / "pinn")
    assert "harmonic_oscillator" in run(pinn, "list", cwd=elsewhere)
    solved = run(pinn, "solve", "harmonic_oscillator", "--out", "run", cwd=elsewhere)
    assert "relative L2 error of q" in solved
    loaded = "import pinn; print(sorted(pinn.load('run')(1.0)))"
    assert "['q']" in run(python, "-c", loaded, cwd=elsewhere)
