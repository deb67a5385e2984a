"""The jet as a mapping, as attributes and as a pytree."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.errors import ProblemError, UnknownEntryError
from pinn.jets import Jet, JetSpace, random_jets

SPACE = JetSpace.of(("t", "x"), {"u": (), "q": (2,)})
ENTRIES = ("u", "u_tx", "q_xx", "t")


@pytest.fixture
def jets():
    return random_jets(SPACE, ENTRIES, 3, 5)


def test_entries_are_attributes_and_items_under_every_spelling(jets):
    assert jets.u_xt is jets.u_tx is jets["u_xt"] is jets["u_tx"]
    assert jets.t is jets["t"]


def test_mapping(jets):
    assert sorted(jets) == sorted(ENTRIES) and len(jets) == 4
    assert dict(jets).keys() == set(ENTRIES)
    assert "u_xt" in jets and "u_x" not in jets and 3 not in jets
    assert {**jets}["q_xx"].shape == (5, 2)
    assert repr(Jet(SPACE, {"u": 1.5})) == "Jet(u=1.5)"


def test_mapping_answers_for_what_it_does_not_hold(jets):
    """As every mapping does: no error from `in` and `get`."""
    assert "velocity" not in jets
    assert jets.get("u_x") is None
    assert jets.get("velocity", 7.0) == 7.0


def test_entry_that_is_not_held_is_refused(jets):
    with pytest.raises(UnknownEntryError, match=r"does not hold 'u_t', only q_xx, t, u, u_tx"):
        jets["u_t"]


def test_entry_that_does_not_exist_is_refused_and_is_no_attribute(jets):
    with pytest.raises(ProblemError, match=r"no entry 'v_t'.*did you mean"):
        jets["v_t"]
    assert not hasattr(jets, "v_t") and not hasattr(jets, "_anything")


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda j: pickle.loads(pickle.dumps(j))]
)
def test_copies(jets, clone):
    copied = clone(jets)
    assert copied.space == jets.space
    assert all(np.array_equal(copied[n], jets[n]) for n in ENTRIES)


def test_pytree_goes_through_jit_and_vmap(jets):
    double = jax.tree.map(lambda leaf: 2.0 * leaf, jets)
    assert isinstance(double, Jet) and double.space == SPACE
    each = jax.jit(jax.vmap(lambda j: j.u * j.u_xt + j.q_xx @ j.q_xx))(jets)
    expected = jets.u * jets.u_tx + jnp.sum(jets.q_xx**2, axis=-1)
    np.testing.assert_allclose(each, expected, rtol=1e-14)


def test_pytree_keeps_every_leaf_in_place(jets):
    leaves, structure = jax.tree.flatten(jets)
    again = jax.tree.unflatten(structure, leaves)
    assert list(again) == sorted(ENTRIES)
    assert all(again[n] is jets[n] for n in ENTRIES)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(jets)]
    assert paths == [f"['{name}']" for name in sorted(ENTRIES)]


def test_gradient_with_respect_to_a_jet_is_a_jet(jets):
    one = jax.tree.map(lambda leaf: leaf[0], jets)
    slope = jax.grad(lambda j: j.u**2 * j.u_tx + j.q_xx[1])(one)
    assert isinstance(slope, Jet)
    np.testing.assert_allclose(slope.u, 2.0 * one.u * one.u_tx, rtol=1e-15)
    np.testing.assert_array_equal(slope.q_xx, [0.0, 1.0])


def test_random_jets_repeat_and_depend_on_the_seed(jets):
    again, other = random_jets(SPACE, ENTRIES, 3, 5), random_jets(SPACE, ENTRIES, 4, 5)
    assert all(np.array_equal(jets[n], again[n]) for n in ENTRIES)
    assert not any(np.array_equal(jets[n], other[n]) for n in ENTRIES)
    assert all(np.max(np.abs(jets[n])) <= 1.0 for n in ENTRIES)


def test_random_jets_stay_around_their_centre():
    """Within half of each component; a vanishing one moves by half the largest."""
    centre = {"u": -3.0, "q": (0.0, 8.0)}
    jets = random_jets(SPACE, ("u", "q", "q_t"), 0, 500, centre)
    assert -4.5 <= jets.u.min() < -4.0 and -2.0 < jets.u.max() <= -1.5
    assert np.all(np.abs(jets.q[:, 0]) <= 4.0) and np.max(jets.q[:, 0]) > 3.0
    assert np.all(np.abs(jets.q[:, 1] - 8.0) <= 4.0)
    assert np.max(np.abs(jets.q_t)) <= 1.0
