"""Two problems share a kept reference only where they have one solution."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.conditions import AbstractCondition
from pinn.references.cache import key_of
from pinn.references.lines import Lines


def key(problem):
    return key_of(problem, Lines())


PLACES = jnp.linspace(0.0, 1.0, 5)


@dataclass(frozen=True)
class Cooled(AbstractCondition):
    """u_x + h u = g, with a coefficient of its own, and one more that nothing reads."""

    strength: float = 1.0
    label: str = "a"

    def left_side(self, jet):
        return jet.u_x + self.strength * jet.u


def stated(amplitude=1.0, width=1e-4, table=(0.0, 1.0, 0.5, 0.2, 0.0), bump=0.0, **changed):
    values = jnp.asarray(table)

    def residual(j):
        pulse = amplitude * jnp.exp(-(((j.t - 0.3) / width) ** 2))
        return j.u_t - j.u_xx - pulse - jnp.interp(j.x, PLACES, values)

    # Zero at every place that is a multiple of 1/64, whatever the bump.
    start = lambda x: jnp.sin(jnp.pi * x) + bump * jnp.sin(64.0 * jnp.pi * x) ** 2  # noqa: E731
    axes = changed.pop("axes", {"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)})
    boundary = changed.pop("boundary", [Cooled("u", "x", 0.0, None), pinn.Dirichlet("u", "x")])
    return pinn.Problem(
        axes=axes,
        fields={"u": ()},
        residual=residual,
        initial={"u": start},
        boundary=boundary,
        **changed,
    )


DIFFERENT = {
    "the amplitude of a pulse that no sample meets": {"amplitude": 1.0 + 1e-15},
    "a captured array": {"table": (0.0, 1.0, 0.5, 0.2000001, 0.0)},
    "an initial function between sample points": {"bump": 1e-3},
    "a field of the condition's own": {"boundary": [Cooled("u", "x", strength=2.0)]},
    "a field of the condition's own that nothing reads": {"boundary": [Cooled("u", "x", label="")]},
    "another end": {"boundary": [Cooled("u", "x", None, 0.0)]},
    "a demanded value": {"boundary": [Cooled("u", "x", 0.0, 1e-300)]},
    "a demanded function": {"boundary": [Cooled("u", "x", 0.0, lambda t: 1e-9 * t)]},
    "a breakpoint": {
        "axes": {"t": pinn.Interval(0.0, 1.0, breakpoints=(0.5,)), "x": pinn.Interval(0.0, 1.0)}
    },
}
PLAIN = {"boundary": [Cooled("u", "x")]}


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT)
def test_whatever_changes_the_solution_changes_the_key(change):
    assert key(stated(**{**PLAIN, **change})) != key(stated(**PLAIN))


def test_what_is_stated_twice_has_one_key():
    again = stated(name="another name", exact=lambda t, x: {"u": t * x}, **PLAIN)
    assert key(stated(**PLAIN)) == key(again)
    names = ["kepler", "kdv", "poisson", "gas_piston", "maxwell"]
    prints = [key(pinn.get(name)) for name in names]
    assert prints == [key(pinn.get(name)) for name in names]
    assert len(set(prints)) == len(names)


def test_precision_outside_does_not_matter():
    with jax.enable_x64(False):
        single = pinn.get("kepler", mu=1.1)
    assert key(single) == key(pinn.get("kepler", mu=1.1))
    assert single != key(pinn.get("kepler", mu=float(np.float32(1.1))))


def test_what_calls_back_into_python_is_told_by_its_code():
    shape = jax.ShapeDtypeStruct((), float)

    def calling(factor):
        hidden = lambda x: factor * x  # noqa: E731
        back = lambda x: jax.pure_callback(hidden, shape, x, vmap_method="sequential")  # noqa: E731
        return key(stated(boundary=[pinn.Dirichlet("u", "x", 0.0, back)]))

    assert calling(1.0) == calling(1.0) != calling(2.0)
