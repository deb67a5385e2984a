"""Runs that earlier versions wrote are read, and give the numbers that they gave."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import pinn
from pinn.checkpoint import SPEC, _checksum

DATA = Path(__file__).parents[1] / "data" / "format-1.zip"
TIMES = np.linspace(0.0, 0.5, 5)
# What the version that wrote them gave, at these times, or at these places at t = 0.05.
THEN = {
    "pendulum": [
        2.0,
        1.9928924143624747,
        1.971523859295381,
        1.9357619852829195,
        1.8853996936064703,
    ],
    "interrupted": [2.0, 1.9928961138529244, 1.9715844554116975],
    "advection": [
        -1.044273455553269,
        -0.9632240238904024,
        -0.863714620735959,
        -0.7504716008707334,
        -0.6285919211135506,
    ],
}


@pytest.fixture
def old() -> Path:
    with zipfile.ZipFile(DATA) as stored:
        stored.extractall("old")
    return Path("old")


@pytest.mark.parametrize("name", THEN)
def test_a_run_of_format_1_gives_its_numbers_and_is_saved_in_the_present_one(old, name):
    solution = pinn.load(old / name)
    at = (0.05, TIMES) if name == "advection" else (TIMES[: len(THEN[name])],)
    (values,) = solution(*at).values()
    np.testing.assert_allclose(values, THEN[name], rtol=1e-12)
    solution.save("new")
    (again,) = pinn.load("new")(*at).values()
    np.testing.assert_array_equal(again, values)
    assert json.loads(Path("new", SPEC).read_text())["format"] == 2


def test_an_interrupted_run_of_format_1_goes_on(old):
    """Leaves that were numbered get their names: 60 steps of Adam end where they would have."""
    part = pinn.load(old / "interrupted")
    assert not part.complete and part.march.loop is not None
    whole = pinn.resume(part, progress=False)
    anew = pinn.solve(part.problem, recipe=part.recipe, progress=False)
    np.testing.assert_array_equal(whole(TIMES)["theta"], anew(TIMES)["theta"])


def test_a_changed_problem_is_noticed_there_too(old):
    run = old / "pendulum"
    spec = json.loads((run / SPEC).read_text())
    spec["problem"]["parameters"]["angle"] = 1.0
    (run / SPEC).write_text(json.dumps(spec))
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, SPEC: _checksum(run / SPEC)}))
    with pytest.raises(pinn.CheckpointError, match=r"has changed .*\(its initial\)"):
        pinn.load(run)


def test_damage_is_noticed_there_too(old):
    run = old / "advection"
    (run / SPEC).write_text((run / SPEC).read_text().replace('"width": 4', '"width": 5'))
    with pytest.raises(pinn.CheckpointError, match=r"spec\.json changed"):
        pinn.load(run)
