"""The doctor finds this machine well, and finds what is wrong with others."""

import time

import numpy as np
import pytest

import pinn
from pinn import doctor
from pinn.cli import main


def test_this_machine_is_well(capsys: pytest.CaptureFixture) -> None:
    started = time.perf_counter()
    assert main(["doctor"]) == 0
    print(f"pinn doctor: {time.perf_counter() - started:.1f} s")
    printed = capsys.readouterr().out
    for what in ("python", "jax", "orbax-checkpoint", "devices", "double precision", "training"):
        assert f"ok  {what} " in printed
    assert "16,385 rows" in printed and "All is well." in printed


def test_compiled_batched_sums_are_exact() -> None:
    assert doctor.batched_sums().well


def test_wrong_batched_sums_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_):
        return lambda rows: np.sum(np.asarray(rows) ** 2, axis=1) * (1.0 + 2e-3)

    monkeypatch.setattr(doctor.jax, "jit", wrong)
    found = doctor.batched_sums()
    assert not found.well and "39103" in found.advice


def test_old_and_missing_libraries_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "diffrax":
            raise doctor.PackageNotFoundError(name)
        return {"jax": "0.10.2", "flax": "100.0"}.get(name, "0.12.8")

    monkeypatch.setattr(doctor, "version", version)
    found = {finding.what: finding for finding in doctor.versions()}
    assert not found["jax"].well and "at least" in found["jax"].advice
    assert found["flax"].well
    assert not found["diffrax"].well and found["diffrax"].found == "not installed"


def test_an_inaccurate_or_failing_training_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Poor:
        seconds = {"compile": 0.0}  # noqa: RUF012

        def __call__(self, times):
            return {"q": 1.0 + 0.0 * times}

    assert not doctor.training(lambda problem: Poor()).well

    def fail(*_, **__):
        raise RuntimeError("no device\nmore")

    monkeypatch.setattr(pinn.solver, "solve", fail)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG  training" in printed and "failed with RuntimeError: no device" in printed
    assert "1 of 12 are wrong." in printed
