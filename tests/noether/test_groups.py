"""Finite groups, averages over them, and solutions that are symmetrised."""

import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import group
from pinn.noether.group import averaged

SHAPES = {"q": (3, 2), "u": ()}


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (group.parity("x", signs={"u": -1}), 2),
        (group.time_reversal({"q": (1.0, -1.0)}), 2),
        (group.rotations("q", 3), 3),
        (group.rotations("q", 12), 12),
        (group.permutations("q"), 6),
        (group.sign("u"), 2),
        (group.rotations("q", 3) * group.reflection("q", [[1.0, 0.0], [0.0, -1.0]]), 6),
        (group.permutations("q") * group.sign("u"), 12),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_groups_have_the_order_they_should(given, order):
    assert len(given.elements(SHAPES)) == order


def test_a_network_averaged_over_z3_is_exactly_equivariant():
    """The threefold symmetry of Hénon and Heiles, for a potential and for a force."""
    elements = group.rotations("q", 3).elements({"q": (2,)})
    turns = [e.fields.get("q", np.eye(2)) for e in elements]
    model = nnx.Linear(2, 2, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
    force = lambda x: jnp.tanh(model(x)) * jnp.sum(x**3)  # noqa: E731
    with jax.enable_x64(True):
        x = jnp.array([0.3, -0.8])
        potential = averaged(lambda x: force(x)[0], turns)
        turned = averaged(force, turns, turns)
        for turn in turns:
            np.testing.assert_allclose(potential(turn @ x), potential(x), rtol=1e-14)
            np.testing.assert_allclose(turned(turn @ x), turn @ turned(x), atol=1e-15)
        assert abs(force(turns[1] @ x) - turns[1] @ force(x)).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("henon_heiles", group.rotations("q", 3)),
        ("henon_heiles", group.time_reversal()),
        ("kepler", group.rotations("q", 7)),
        ("three_body", group.permutations("q")),
        ("pendulum", group.sign("theta")),
        ("kdv", group.parity("t", "x")),
        ("klein_gordon", group.parity("x", signs={"u": -1})),
    ],
)
def test_symmetries_of_equations_are_accepted(name, given):
    given.checked_elements(pinn.get(name))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("henon_heiles", group.rotations("q", 4)),
        ("henon_heiles", group.sign("q")),
        ("damped_oscillator", group.time_reversal()),
        ("kdv", group.parity("x")),
        ("burgers", group.sign("u")),
    ],
)
def test_transformations_that_change_the_equation_are_refused(name, given):
    with pytest.raises(pinn.ProblemError, match=r"does not map solutions of .* to solutions"):
        given.checked_elements(pinn.get(name))


def test_an_action_on_what_is_not_there_is_refused():
    with pytest.raises(pinn.ProblemError, match="by a matrix of shape"):
        group.rotations("q", 3).elements({"q": (3,)})
    with pytest.raises(pinn.ProblemError, match="more than 720 elements"):
        group.reflection("q", [[1.0, 1.0], [0.0, 1.0]]).elements({"q": (2,)})


@pytest.fixture(scope="module")
def orbit():
    recipe = pinn.Recipe(
        network=pinn.Network(width=8), points=12, windows=pinn.Uniform(6), steps=12
    )
    return pinn.solve(pinn.get("kepler", eccentricity=0.3), recipe=recipe, progress=False)


def test_a_symmetrised_orbit_is_symmetric_to_round_off_also_when_loaded(orbit, tmp_path):
    """About its aphelion: x(T − t) = x(t), y(T − t) = −y(t)."""
    mirror = group.time_reversal({"q": (1.0, -1.0)})
    orbit.save(tmp_path / "run")
    loaded = pinn.load(tmp_path / "run").symmetrized(mirror)
    times = np.linspace(0.1, 6.0, 13)
    end = orbit.problem.interval.upper
    flip = np.array([[1.0, -1.0]])
    here = loaded.jet(times, entries=("q", "q_t"))
    there = loaded.jet(end - times, entries=("q", "q_t"))
    np.testing.assert_allclose(here.q, np.asarray(there.q) * flip, atol=1e-13)
    np.testing.assert_allclose(here.q_t, -np.asarray(there.q_t) * flip, atol=1e-12)
    raw = np.asarray(orbit(times)["q"]) - np.asarray(orbit(end - times)["q"]) * flip
    assert np.abs(raw).max() > 1e-7
    truth = np.asarray(pinn.reference(orbit.problem)(times)["q"])
    gap, gap_before = (np.linalg.norm(np.asarray(s(times)["q"]) - truth) for s in (loaded, orbit))
    assert gap < 1.01 * gap_before
    with pytest.raises(pinn.CheckpointError, match="symmetrised solution is not saved"):
        loaded.save(tmp_path / "other")


def test_a_solution_without_the_symmetry_is_refused(orbit):
    with pytest.raises(pinn.ProblemError, match=r"not symmetric under the group rotations"):
        orbit.symmetrized(group.rotations("q", 2))
    with pytest.raises(pinn.ProblemError, match=r"not map solutions"):
        orbit.symmetrized(group.reflection("q", [[0.0, 2.0], [0.5, 0.0]]))
