"""Damaged runs end in a sentence or in the same solver: no raw exception, no other solver."""

import copy
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pinn
from pinn.checkpoint import manifest
from pinn.schema import check_spec
from pinn.training.spec import from_spec

TIMES = np.linspace(0.0, 0.5, 5)
ODD = [
    *(None, True, 0, -1, 2, 1e300, float("nan"), float("inf"), 10**30, "", "x", "\u0000", "../x"),
    *("float32", "sine", "exact", "os:system", "file", [], {}, [1], [[]], {"kind": "Recipe"}),
    *({"kind": "own", "path": "os:getcwd", "values": {}}, {"shape": [1], "dtype": "float64"}),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    recipe = pinn.Recipe(network=pinn.Network(width=4), windows=pinn.Uniform(2), steps=4, points=8)
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    pinn.solve(pinn.get("pendulum", end=0.5), recipe=recipe, progress=False).save(folder)
    return folder


@pytest.fixture(scope="module")
def truth(run) -> np.ndarray:
    return np.asarray(pinn.load(run)(TIMES)["theta"])


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Return the path of everything in a tree of plain data."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def mutated(spec: Any, chance: random.Random) -> tuple[Any, tuple]:
    changed = copy.deepcopy(spec)
    path = chance.choice([*places(changed)])
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    old, kind = parent[path[-1]], chance.random()
    if kind < 0.15:
        del parent[path[-1]]
    elif kind < 0.25 and isinstance(parent, dict):
        parent["extra"] = chance.choice(ODD)
    elif kind < 0.5 and type(old) in (int, float):
        parent[path[-1]] = chance.choice([old + 1, -old, 2 * old, str(old), old + 0.5, 1e9 * old])
    elif kind < 0.55:
        parent[path[-1]] = nested(chance.choice([5, 40, 400]))
    else:
        parent[path[-1]] = chance.choice(ODD)
    return changed, path


def outcome(run: Path, truth: np.ndarray) -> str:
    """Return `refused` or `same`; anything else fails the test."""
    try:
        values = np.asarray(pinn.load(run)(TIMES)["theta"])
    except pinn.CheckpointError as error:
        assert str(error).endswith(".") and len(str(error)) < 600
        return "refused"
    np.testing.assert_allclose(values, truth, rtol=0.0, atol=1e-6)
    return "same"


def test_bits_files_and_lengths_are_noticed(run, truth, tmp_path):
    """A bit flipped, a file cut, swapped with another, emptied or lost, anywhere in the run."""
    files = sorted(p.relative_to(run) for p in run.rglob("*") if p.is_file())
    chance = random.Random(1)
    for number in range(150):
        broken = tmp_path / f"{number}"
        shutil.copytree(run, broken)
        file, other = (broken / name for name in chance.sample(files, 2))
        data, harm = bytearray(file.read_bytes()), number % 5
        if harm == 0 and data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            file.write_bytes(data)
        elif harm == 1:
            file.write_bytes(data[: len(data) // 2])
        elif harm == 2:
            file.write_bytes(other.read_bytes())
        elif harm == 3:
            file.write_bytes(b"[" * chance.choice([0, 3, 100_000]))
        else:
            file.unlink()
        unchanged = all(
            (broken / name).is_file() and (broken / name).read_bytes() == (run / name).read_bytes()
            for name in files
        )
        assert unchanged or outcome(broken, truth) == "refused", (number, file)
        shutil.rmtree(broken)


def test_a_spec_of_any_shape_is_refused_or_can_be_read(run):
    """Four thousand specs, each with one thing wrong: only a sentence, or a recipe, comes out."""
    spec, chance = json.loads((run / "spec.json").read_text()), random.Random(2)
    refused = 0
    for _ in range(4000):
        changed, _ = mutated(spec, chance)
        try:
            check_spec(changed)
            assert isinstance(from_spec(changed["recipe"]), pinn.Recipe)
        except pinn.CheckpointError:
            refused += 1
    assert 2000 < refused < 4000


def test_a_spec_that_is_sealed_again_gives_no_other_solver(run, truth, tmp_path):
    """What every check of form lets through meets the problem, the arrays and the witness."""
    spec, chance = json.loads((run / "spec.json").read_text()), random.Random(3)
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    found = []
    for _ in range(400):
        changed, path = mutated(spec, chance)
        try:
            check_spec(changed)
        except pinn.CheckpointError:
            continue
        if path[0] in ("recipe", "records", "problem", "witness", "arrays") and len(found) < 25:
            (broken / "spec.json").write_text(json.dumps(changed))
            (broken / "manifest.json").write_text(json.dumps(manifest(broken)))
            found.append(outcome(broken, truth))
    assert "refused" in found and len(found) == 25


def test_arrays_of_another_run_sealed_again_are_no_solver(run, truth, tmp_path):
    """The same shapes, other numbers: the witness sees it."""
    recipe = pinn.load(run).recipe
    other = pinn.solve(pinn.get("pendulum", end=0.5), seed=5, recipe=recipe, progress=False)
    other.save(tmp_path / "other")
    mixed = tmp_path / "mixed"
    shutil.copytree(run, mixed)
    shutil.rmtree(mixed / "arrays")
    shutil.copytree(tmp_path / "other" / "arrays", mixed / "arrays")
    assert outcome(mixed, truth) == "refused"
    (mixed / "manifest.json").write_text(json.dumps(manifest(mixed)))
    with pytest.raises(pinn.CheckpointError, match="does not give the 'theta'"):
        pinn.load(mixed)
