"""A probe finds what is there, and controls expose what only looks like it."""

import numpy as np
import pytest

from pinn import learning
from pinn.learning import LearningError

FILM = learning.orbiting(60, 20, size=8)
STATE = np.concatenate([FILM.positions, FILM.velocities], axis=-1)
QUANTITIES = {"momentum": FILM.velocities, "energy": FILM.energy}
RANDOM = np.random.default_rng(0)


def test_a_linear_mixture_of_the_state_holds_momentum_linearly_and_energy_in_squares():
    hidden = STATE @ RANDOM.normal(size=(4, 10)) + 0.3
    found = learning.probe(QUANTITIES, hidden)
    for name in ("momentum_0", "momentum_1"):
        np.testing.assert_allclose(found[name, "linear"].r2, 1.0, atol=1e-6)
    assert found["energy", "linear"].r2 < 0.3 and not found["energy", "linear"].found
    energy = found["energy", "quadratic"]
    np.testing.assert_allclose([energy.r2, energy.between], 1.0, atol=1e-6)
    assert energy.found and energy.drift < 1e-3 and energy.true_drift < 1e-12
    assert found.rank == 4 and found.dimension == 10


def test_a_probe_without_what_it_looks_for_is_not_found():
    hidden = np.cumsum(RANDOM.normal(size=(60, 20, 6)), axis=1)
    found = learning.probe(QUANTITIES, hidden)
    assert not any(p.found for p in found.probes)
    assert all(p.r2 < 0.3 for p in found.probes)


def test_a_collapsed_state_has_no_drift_and_is_exposed():
    """Constant along each trajectory: as conserved as can be, and empty."""
    hidden = np.broadcast_to(RANDOM.normal(size=(60, 1, 3)), (60, 20, 3))
    found = learning.probe(QUANTITIES, hidden)
    energy = found["energy", "quadratic"]
    assert energy.drift < 1e-6 and not energy.found
    constant = learning.probe(QUANTITIES, np.ones((60, 20, 3)))
    assert constant.rank == 0 and not any(p.found for p in constant.probes)


def test_a_quantity_that_all_trajectories_share_is_given_away_by_the_controls():
    """A clock in the hidden state reads a decaying quantity well, without knowing the body."""
    decay = np.broadcast_to(np.exp(-np.linspace(0.0, 2.0, 20)), (60, 20))
    decay = decay * (1.0 + 0.01 * RANDOM.normal(size=(60, 1)))
    clock = np.broadcast_to(np.linspace(0.0, 1.0, 20)[:, None], (60, 20, 1))
    found = learning.probe({"amplitude": decay}, clock + 1e-3 * RANDOM.normal(size=clock.shape))
    amplitude = found["amplitude", "quadratic"]
    assert amplitude.r2 > 0.9
    assert amplitude.shuffled > 0.9 and amplitude.clock > 0.9
    assert not amplitude.found


def test_whole_trajectories_are_held_out():
    """A state that only names its trajectory reads the energy of those that it was fitted to."""
    names = np.broadcast_to(np.eye(60)[:, None], (60, 20, 60))
    assert learning.probe({"energy": FILM.energy}, names)["energy", "linear"].r2 < 0.1


def test_one_array_is_called_by_its_components_and_the_table_has_them_all():
    found = learning.probe(STATE, STATE)
    assert {p.quantity for p in found.probes} == {"0", "1", "2", "3"}
    assert len(found.table().splitlines()) == 9
    with pytest.raises(LearningError, match="There is no probe"):
        found["momentum", "linear"]


@pytest.mark.parametrize(
    ("states", "latents", "says"),
    [
        (FILM.energy, STATE[:4], "at least 8 trajectories"),
        (FILM.energy[:, :5], STATE, r"\(60, 20\), got \(60, 5\)"),
        (np.ones((60, 20)), STATE, "never varies"),
        (FILM.energy, STATE * np.nan, "not finite"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(states, latents, says):
    with pytest.raises(LearningError, match=says):
        learning.probe(states, latents)
    with pytest.raises(LearningError, match="held_out"):
        learning.probe(FILM.energy, STATE, held_out=0.99)


@pytest.mark.parametrize("make", [learning.bouncing, learning.orbiting, learning.swinging])
def test_films_keep_their_energy_and_show_where_the_body_is(make):
    film = make(5, 30, size=24, seed=3)
    np.testing.assert_allclose(film.energy, film.energy[:, :1] * np.ones(30), rtol=2e-3)
    assert np.max(np.abs(film.positions)) < 1.0
    weights = film.frames / film.frames.sum((2, 3), keepdims=True)
    pixels = -1.0 + (np.arange(24) + 0.5) / 12.0
    seen = np.stack([weights.sum(2) @ pixels, weights.sum(3) @ pixels[::-1]], axis=-1)
    np.testing.assert_allclose(seen, film.positions, atol=0.06)


def test_velocities_are_the_rates_of_positions():
    fine = learning.orbiting(4, 400, size=4, interval=0.005)
    rate = np.gradient(fine.positions, 0.005, axis=1)[:, 1:-1]
    np.testing.assert_allclose(rate, fine.velocities[:, 1:-1], atol=1e-4)
    swing = learning.swinging(4, 400, size=4, interval=0.005)
    rate = np.gradient(swing.positions, 0.005, axis=1)[:, 1:-1]
    np.testing.assert_allclose(rate, swing.velocities[:, 1:-1], atol=1e-4)


def test_bad_films_are_refused():
    with pytest.raises(LearningError, match="two coordinates last"):
        learning.render(np.zeros((3, 3)))
    with pytest.raises(LearningError, match="times ≥ 2"):
        learning.bouncing(3, 1)
    with pytest.raises(LearningError, match="size ≥ 2"):
        learning.render(np.zeros((3, 2)), size=1)
