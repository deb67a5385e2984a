"""Names on jet space: how subscripts are read, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinn.errors import ProblemError, UnknownEntryError
from pinn.jets import Entry, JetSpace, entry_of

SPACE = JetSpace.of(("t", "x", "y"), {"u": (), "q": (2,), "q_dot": (3, 2)})
FIELDS = st.sampled_from(sorted(SPACE.fields))
SUBSCRIPTS = st.text("txy", max_size=6)


@given(field=FIELDS, subscripts=SUBSCRIPTS, data=st.data())
def test_order_of_subscripts_does_not_matter(field, subscripts, data):
    shuffled = "".join(data.draw(st.permutations(subscripts)))
    one, other = (f"{field}_{s}" if s else field for s in (subscripts, shuffled))
    assert SPACE.parse(one) == SPACE.parse(other)
    assert SPACE.canonical(one) == SPACE.canonical(other)
    assert SPACE.shape(one) == SPACE.fields[field]


@given(field=FIELDS, orders=st.tuples(*[st.integers(0, 4)] * 3))
def test_name_and_parse_are_inverse(field, orders):
    entry = Entry(field, orders)
    assert SPACE.parse(SPACE.name(entry)) == entry
    assert SPACE.canonical(SPACE.name(entry)) == SPACE.name(entry)


@given(field=FIELDS, subscripts=SUBSCRIPTS, coordinate=st.sampled_from("txy"))
def test_raising_adds_one_subscript(field, subscripts, coordinate):
    name = f"{field}_{subscripts}" if subscripts else field
    raised = SPACE.raised(name, coordinate)
    assert raised == SPACE.canonical(f"{field}_{subscripts}{coordinate}")


def test_canonical_name_has_the_coordinates_in_their_order():
    assert SPACE.canonical("u_yxtx") == "u_txxy"
    assert JetSpace.of(("x", "t"), {"u": ()}).canonical("u_tx") == "u_xt"
    assert SPACE.canonical("q_dot_yt") == "q_dot_ty"
    assert entry_of(SPACE, "q_dot", "x", 3) == "q_dot_xxx"
    assert entry_of(SPACE, "u", "t", 0) == "u"


def test_coordinates_are_scalar_entries_of_their_own():
    assert SPACE.is_coordinate("x") and not SPACE.is_coordinate("u_x")
    assert SPACE.canonical("x") == "x" and SPACE.shape("x") == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("uu_t", r"no entry 'uu_t'; the fields are u, q, q_dot .*did you mean 'u_t'"),
        ("q_z", r"no entry 'q_z'; .* the subscripts t, x, y.*did you mean 'q_\w'"),
        ("q_dott", r"did you mean 'q_dot"),
        ("u_", r"no entry 'u_'"),
        ("u__t", r"no entry 'u__t'"),
        ("u_T", r"no entry 'u_T'.*did you mean 'u_y' or 'u_x' or 'u_t'"),
        ("_t", r"no entry '_t'"),
        ("", r"no entry ''"),
        (
            "velocity",
            r"no entry 'velocity'; the fields are u, q, q_dot and the subscripts t, x, y$",
        ),
    ],
)
def test_unknown_name_is_refused_with_the_near_ones(name, message):
    with pytest.raises(UnknownEntryError, match=message):
        SPACE.parse(name)


@pytest.mark.parametrize("name", ["tt", "1", "_", "", "t "])
def test_coordinate_that_is_not_one_letter_is_refused(name):
    with pytest.raises(ProblemError, match="is not a single letter"):
        JetSpace.of((name,), {"u": ()})


@pytest.mark.parametrize("name", ["2u", "u v", "", "_u", "t"])
def test_field_without_a_usable_name_is_refused(name):
    with pytest.raises(ProblemError, match="needs a name"):
        JetSpace.of(("t",), {name: ()})


def test_field_named_like_another_ones_derivative_is_refused():
    """Else u_t would silently be the second field, and the first one's velocity out of reach."""
    with pytest.raises(ProblemError, match="u_t"):
        JetSpace.of(("t",), {"u": (), "u_t": ()})


@pytest.mark.parametrize("name", ["space", "values", "items", "keys", "get"])
def test_field_named_like_an_attribute_of_the_jet_is_refused(name):
    """Else `j.values` would be a method of the jet and not the field."""
    with pytest.raises(ProblemError, match=name):
        JetSpace.of(("t",), {name: ()})
