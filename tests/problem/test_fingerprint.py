"""Fingerprints: equal for the same problem, different wherever anything of it differs."""

import dataclasses
import itertools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.digest import digest, traced
from pinn.problem.fingerprint import differences, fingerprint


def rod(**statement) -> pinn.Problem:
    usual = {
        "residual": lambda j: j.u_t - 0.1 * j.u_xx,
        "initial": {"u": lambda x: jnp.sin(jnp.pi * x)},
        "boundary": [pinn.Dirichlet("u", "x")],
        "conserved": {"mass": pinn.Balance(lambda j: j.u, flux={"x": lambda j: -0.1 * j.u_x})},
        "exact": lambda t, x: {"u": jnp.exp(-t) * jnp.sin(jnp.pi * x)},
    }
    axes = {"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)}
    return pinn.Problem(**{"axes": axes, "fields": {"u": ()}, **usual, **statement})


@dataclasses.dataclass(frozen=True)
class Radiating(pinn.AbstractCondition):
    """A condition of a user's own, with a field of its own."""

    strength: float = 1.0

    def left_side(self, jet):
        return jet.u_x + self.strength * jet.u


CHANGES = {
    "axes": {"axes": {"t": pinn.Interval(0.0, 2.0), "x": pinn.Interval(0.0, 1.0)}},
    "residual": {"residual": lambda j: j.u_t - 0.1 * j.u_xx - jnp.where(j.x > 0.99999, 1.0, 0.0)},
    "initial u": {"initial": {"u": lambda x: jnp.sin(jnp.pi * x) * jnp.where(x < 1e-9, 2.0, 1.0)}},
    "boundary": {"boundary": [pinn.Neumann("u", "x")]},
    "conserved mass": {"conserved": {"mass": pinn.Balance(lambda j: j.u)}},
    "exact": {"exact": lambda t, x: {"u": jnp.exp(-2.0 * t) * jnp.sin(jnp.pi * x)}},
    "scales": {"scales": {"mass": 2.0}},
}


@pytest.mark.parametrize("part", CHANGES)
def test_a_change_is_found_in_the_part_where_it_is(part):
    assert differences(fingerprint(rod()), fingerprint(rod(**CHANGES[part]))) == [part]


def test_the_same_statement_has_the_same_fingerprint():
    assert fingerprint(rod()) == fingerprint(rod())


def test_conditions_differ_in_type_ends_functions_and_fields_of_their_own():
    conditions = [
        pinn.Dirichlet("u", "x"),
        pinn.Dirichlet("u", "x", hard=False),
        pinn.Dirichlet("u", "x", upper=None),
        pinn.Dirichlet("u", "x", upper=lambda t: t),
        pinn.Dirichlet("u", "x", upper=lambda t: 2.0 * t),
        pinn.Robin("u", "x"),
        pinn.Robin("u", "x", slope=2.0),
        Radiating("u", "x"),
        Radiating("u", "x", strength=2.0),
    ]
    found = [fingerprint(rod(boundary=[one]))["boundary"] for one in conditions]
    assert all(one != other for one, other in itertools.combinations(found, 2))


def test_every_constant_of_a_function_counts_and_its_names_do_not():
    table = np.zeros(10_000)
    other = table.copy()
    other[7_777] = 1e-12
    by = lambda values: traced(lambda x: x * jnp.asarray(values)[3], ())  # noqa: E731
    assert by(table) != by(other) and by(table) == by(table.copy())
    assert traced(lambda x: jnp.tanh(x), ()) == traced(lambda renamed: jnp.tanh(renamed), ())
    assert traced(lambda x: x, ()) != traced(lambda x: x, (2,)) != traced(lambda x: {"u": x}, (2,))
    loops = [
        traced(lambda x, n=n: jax.lax.fori_loop(0, n, lambda _, v: 2.0 * v, x), ()) for n in (3, 4)
    ]
    assert loops[0] != loops[1]


def test_a_function_that_is_not_traced_is_told_by_its_code_and_what_it_closes_over():
    def make(k):
        return lambda x: k * x

    assert digest(make(2.0)) == digest(make(2.0)) != digest(make(3.0))
    assert digest(lambda x: x + 1) != digest(lambda x: x + 2)


def test_values_of_different_kinds_differ():
    values = [0, 0.0, False, None, "0", (), (0,), ((0,),), np.zeros(1), np.zeros(1, np.float32), {}]
    assert len({digest(value) for value in values}) == len(values)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest("a", "bc") != digest("ab", "c")


def test_gravity_thrice_as_strong_is_another_lagrangian():
    once, thrice = pinn.get("pendulum"), pinn.get("pendulum", omega=3.0**0.5)
    assert "lagrangian" in differences(fingerprint(once), fingerprint(thrice))


def test_it_is_the_same_in_another_process_and_at_any_precision():
    program = """
import pinn
from pinn.problem.fingerprint import fingerprint
for name in ("kepler", "gas_piston", "kdv"):
    print(sorted(fingerprint(pinn.get(name)).items()))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    here = [sorted(fingerprint(pinn.get(name)).items()) for name in ("kepler", "gas_piston", "kdv")]
    assert run.stdout.splitlines() == list(map(str, here))
