"""What can be wrong with a machine or an installation, found by trying."""

import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_info

from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.problem.registry import get

if TYPE_CHECKING:
    from pinn.solution import Solution

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "diffrax", "orbax-checkpoint")
ROWS = 16_385
AGREEMENT = 1e-12
ACCURACY = 1e-9


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Args:
        what: what was looked at.
        found: what it is.
        well: whether it is as it should be.
        advice: what to do where it is not.
    """

    what: str
    found: str
    well: bool = True
    advice: str = ""


def examine(solve: "Callable[[Problem], Solution]") -> tuple[Finding, ...]:
    """Return what every check finds.

    Args:
        solve: trains a solver; it is tried on a small problem.
    """
    checks = [
        ("devices", devices),
        ("double precision", precision),
        ("batched sums", batched_sums),
        ("training", lambda: training(solve)),
        ("threads", threads),
    ]
    return (*versions(), *(_found_by(what, check) for what, check in checks))


def _found_by(what: str, check: Callable[[], Finding]) -> Finding:
    """Run one check, so that a broken installation is a finding and not the end of all checks."""
    try:
        return check()
    except Exception as error:
        found = f"failed with {type(error).__name__}: {str(error).strip().partition('\n')[0]}"
        return Finding(what, found, False, "this failed altogether; install the libraries anew.")


def versions() -> tuple[Finding, ...]:
    """Return the versions of Python and of the libraries, against what pinn asks for."""
    least = _least_versions()
    python = Finding("python", platform.python_version())
    return (python, *(_version(name, least.get(name, "")) for name in LIBRARIES))


def _version(name: str, least: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "not installed", False, f"install it: `pip install {name}`.")
    recent = _numbers(found) >= _numbers(least)
    advice = f"pinn needs at least {least}: `pip install --upgrade {name}`."
    return Finding(name, found, recent, "" if recent else advice)


def _least_versions() -> dict[str, str]:
    try:
        stated = requires("pinn") or []
    except PackageNotFoundError:  # a source tree that was never installed
        return {}
    found = (re.match(r"([\w-]+)>=([\d.]+)", requirement) for requirement in stated)
    return {match[1]: match[2] for match in found if match}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def devices() -> Finding:
    """Return the devices that JAX computes on."""
    kinds = [f"{device.platform}: {device.device_kind}" for device in jax.devices()]
    counts = {kind: kinds.count(kind) for kind in kinds}
    return Finding("devices", ", ".join(f"{count} × {kind}" for kind, count in counts.items()))


def precision() -> Finding:
    """Return the relative spacing of real numbers in compiled double-precision arithmetic."""
    with arithmetic("float64"):
        gap = jax.jit(lambda one, small: (one + small) - one)
        spacing = float(gap(jnp.ones(()), jnp.asarray(2.0**-52)))
    well = spacing == 2.0**-52
    advice = "" if well else "this device does not compute in float64: use another one."
    return Finding(
        "double precision", f"1 + {spacing:.1e} is not 1" if well else "none", well, advice
    )


def batched_sums() -> Finding:
    """Compare a compiled Σ (M r)² over many rows r with the same sum by NumPy.

    Source: jax issue 39103: jax 0.10.2 miscompiles it on CPUs from 16,385 rows on, by 7.8e-3 here.
    """
    index = np.arange(ROWS, dtype=np.float64)
    rows = np.stack([index, 0.0 * index, 0.0 * index], axis=1)
    with arithmetic("float64"):
        matrix = jnp.eye(3)
        compiled = jax.jit(jax.vmap(lambda row: jnp.sum((matrix @ row) ** 2)))
        values = np.asarray(compiled(jnp.asarray(rows)))
    truth = np.sum(rows**2, axis=1)
    error = float(np.max(np.abs(values - truth)) / np.max(truth))
    well = error < AGREEMENT
    advice = "" if well else "this jax miscompiles sums (jax issue 39103): install another version."
    return Finding("batched sums", f"relative error {error:.1e} over {ROWS:,} rows", well, advice)


def training(solve: "Callable[[Problem], Solution]") -> Finding:
    """Train on one unit of time of the harmonic oscillator and compare with its closed form."""
    problem = get("harmonic_oscillator", end=1.0)
    started = time.perf_counter()
    solution = solve(problem)
    seconds = time.perf_counter() - started
    times = np.linspace(0.0, 1.0, 101)
    error = float(np.max(np.abs(np.asarray(solution(times)["q"]) - np.cos(times))))
    well = error < ACCURACY
    advice = (
        ""
        if well
        else f"the error should be below {ACCURACY:.0e}: report this with the lines above."
    )
    found = (
        f"error {error:.1e} after {seconds:.1f} s, {solution.seconds['compile']:.1f} s to compile"
    )
    return Finding("training", found, well, advice)


def threads() -> Finding:
    """Return the threads that each linear algebra library in this process may use."""
    pools = {f"{pool['internal_api']}: {pool['num_threads']}" for pool in threadpool_info()}
    return Finding("threads", ", ".join(sorted(pools)) or "no library reports any")
