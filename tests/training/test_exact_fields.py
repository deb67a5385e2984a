"""Fields that are projected on the level set of their totals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.errors import RecipeError
from pinn.measure import drift
from pinn.noether.field_levels import FieldLevels
from pinn.spectral import Grid
from pinn.training.machinery import machinery

SMALL = {
    "network": pinn.Network(width=8, depth=1, spread=1.0, harmonics=2),
    "windows": pinn.Uniform(2),
    "points": 96,
    "steps": 8,
    "modes": 33,
    "slices": 4,
}
TIMES = np.linspace(0.0, 0.2, 7)
HELD = {"mass": "exact", "momentum": "exact"}  # the energy's direction takes five derivatives


def solved(problem, conservation="exact"):
    recipe = pinn.Recipe(conservation=conservation, **SMALL)
    return pinn.solve(problem, recipe=recipe, progress=False)


@pytest.fixture(scope="module")
def soliton():
    return solved(pinn.get("kdv", delta=0.2, end=0.2), HELD)


def worst(trajectory, times):
    drifts = drift(trajectory, times)
    return max(drifts[name] for name in HELD)


def test_totals_hold_to_round_off_at_every_time_and_beyond(soliton):
    times = np.append(TIMES, 0.2 + np.linspace(0.01, 0.05, 3))
    assert worst(soliton.unprojected.extrapolated, times) > 1e-9
    assert worst(soliton.trajectory.extrapolated, times) < 1e-13


def test_totals_hold_where_extrapolation_is_nonsense(soliton):
    far = np.append(0.0, np.linspace(0.3, 0.6, 4))
    assert worst(soliton.unprojected.extrapolated, far) > 1.0
    assert worst(soliton.trajectory.extrapolated, far) < 1e-12


def test_the_values_themselves_conserve_on_nodes_of_ones_own(soliton):
    """Values at points, not the totals that the solution reports; a plain sum over a circle."""
    x = -1.0 + 2.0 * (np.arange(128) + 0.3) / 128
    jet = soliton.jet(TIMES[:, None], x[None], entries=("u",))
    mass = 2.0 * np.mean(jet.u, axis=1)
    momentum = np.mean(np.asarray(jet.u) ** 2, axis=1)
    for total in (mass, momentum):
        np.testing.assert_allclose(total, total[0], rtol=0.0, atol=1e-12)


def test_the_jet_is_that_of_the_projected_field(soliton):
    """Space and time derivatives by name against differences of values."""
    at, step = np.array([[0.05], [0.13]]), 1e-4
    x = np.array([[-0.7, 0.1, 0.45]])
    jet = soliton.jet(at, x, entries=("u", "u_x", "u_t", "t"))
    value = lambda t, x: np.asarray(soliton(t, x)["u"])  # noqa: E731
    np.testing.assert_allclose(
        jet.u_x, (value(at, x + step) - value(at, x - step)) / (2 * step), atol=1e-6
    )
    np.testing.assert_allclose(
        jet.u_t, (value(at + step, x) - value(at - step, x)) / (2 * step), atol=1e-5
    )
    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(lambda x: soliton(0.05, x)["u"]))(jnp.asarray(0.1))
    np.testing.assert_allclose(slope, jet.u_x[0, 1], rtol=1e-10)


def test_it_survives_saving_and_tells_what_it_was(soliton, tmp_path):
    soliton.save(tmp_path / "run")
    loaded = pinn.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded(0.1, 0.3)["u"], soliton(0.1, 0.3)["u"])
    assert loaded.projected and dict(loaded.recipe.conservation) == HELD


def test_mass_and_square_by_shift_and_scaling():
    """The closed form: u* = M*/V + s (u − M/V) with s² = (P* − M*²/2V) / (P − M²/2V), P = ∫½u²."""
    problem = pinn.get("kdv")
    with jax.enable_x64(True):
        charges = machinery(problem, pinn.Recipe(**SMALL)).charges
        grid = Grid.of(problem.extent, {"x": 64})
        kept = {n: charges[n] for n in ("mass", "momentum")}
        levels = FieldLevels.of(problem, kept, grid)
        wave = lambda x: 0.1 + jnp.cos(jnp.pi * x) + 0.2 * jnp.sin(3.0 * jnp.pi * x)  # noqa: E731
        x = jnp.asarray(grid.points[:, 0])
        u = wave(x)
        jets = pinn.Jet(problem.space, {"u": u, "x": x})
        (shift, share), _ = levels.coefficients(jets, jets)
    mean, weights = float(np.mean(u)), grid.weights
    scale = np.sqrt(0.5 / (0.5 * weights @ (u - mean) ** 2))
    np.testing.assert_allclose(u + shift + share * u, scale * (u - mean), atol=1e-13)


def moved_totals(name, start, count=256):
    """Return |I − level| / scale by law, of a state that is not on the level set, once moved."""
    problem = pinn.get(name)
    with jax.enable_x64(True):
        grid = Grid.of(problem.extent, {"x": count})
        charges = machinery(problem, pinn.Recipe(**SMALL)).charges
        levels = FieldLevels.of(problem, charges, grid)
        x = jnp.asarray(grid.points[:, 0])
        derivatives = [start]
        while len(derivatives) < 7:
            derivatives.append(jax.grad(derivatives[-1]))
        entries = {"u" + "_" * bool(n) + "x" * n: jax.vmap(f)(x) for n, f in enumerate(derivatives)}
        jets = pinn.Jet(problem.space, {**entries, "x": x})
        found, _ = levels.coefficients(jets, jets)
        moved = {n: jets[n] + jax.vmap(levels.move(n))(jets) @ found for n in ("u", "u_x")}
        after = pinn.Jet(problem.space, {**moved, "x": x})
        totals = {n: grid.weights @ jax.vmap(c.density)(after) for n, c in charges.items()}
    return {n: abs(float(v - levels.levels[n])) / levels.scales[n] for n, v in totals.items()}


def test_a_state_far_from_its_level_is_brought_there():
    missed = moved_totals("kdv", lambda x: 3.0 * jnp.cos(jnp.pi * x) + jnp.sin(7.0 * jnp.pi * x))
    assert max(missed.values()) < 1e-12


def test_where_no_move_reaches_all_levels_the_simpler_laws_hold():
    """A lone soliton has the least energy at its momentum: what is not one does not become one."""
    missed = moved_totals(
        "mkdv", lambda x: 2.0 / jnp.cosh(2.0 * x) + 0.1 * jnp.sin(0.1 * jnp.pi * x)
    )
    assert missed["mass"] < 1e-12 and missed["momentum"] < 1e-12
    assert 1e-6 < missed["energy"] < 1.0


@pytest.mark.slow
def test_walls_stay_where_they_are():
    """The wave between walls, held at zero there: its energy is kept by moves that vanish."""
    solution = solved(pinn.get("wave", end=0.2))
    scores = pinn.compare(solution, samples=5)
    assert scores.drift_before["energy"] > 1e-9 > 1e-13 > scores.drift["energy"]
    ends = solution.problem.extent["x"]
    values = solution(TIMES[::2, None], np.array([[ends.lower, ends.upper]]))
    field = next(iter(solution.problem.fields))
    np.testing.assert_allclose(values[field], 0.0, atol=1e-13)


def test_what_cannot_be_held_is_refused():
    burgers = pinn.get("burgers", nu=0.1)
    with pytest.raises(RecipeError, match=r"total of 'energy' changes by a source"):
        solved(burgers, {"energy": "exact"})
    with pytest.raises(RecipeError, match=r"A stationary problem has no totals"):
        machinery(pinn.get("kovasznay"), pinn.Recipe(conservation="exact"))
    blanket = machinery(burgers, pinn.Recipe(conservation="exact", **SMALL))
    assert {mode.weight for mode in blanket.modes.values()} == {0.01}
