"""The multipliers of well-known equations (Anco & Bluman 2002), found by the library."""

import jax.numpy as jnp
import pytest

import pinn

AXES = {"t": pinn.Interval(0.0, 1.0), "x": pinn.Periodic(-3.0, 3.0)}


def problem(residual, **conserved):
    return pinn.Problem(
        axes=AXES,
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: jnp.cos(jnp.pi * x / 3.0)},
        conserved=conserved,
    )


def kdv(j):
    return j.u_t + 6.0 * j.u * j.u_x + j.u_xxx


TABLE = {
    "kdv": (kdv, {}, {"1.0", "u", "x - 6.0 t*u", "3.0 u**2 + u_xx"}),
    "kdv, fifth": (
        kdv,
        {"degree": 3, "order": 4, "coordinates": False},
        {"1.0", "u", "3.0 u**2 + u_xx", "10.0 u**3 + 10.0 u*u_xx + 5.0 u_x**2 + u_xxxx"},
    ),
    "modified kdv": (
        lambda j: j.u_t + 6.0 * j.u**2 * j.u_x + j.u_xxx,
        {"degree": 3},
        {"1.0", "u", "2.0 u**3 + u_xx"},
    ),
    "bbm": (
        lambda j: j.u_t + j.u_x + j.u * j.u_x - j.u_txx,
        {},
        {"1.0", "u", "u**2 - 2.0 u_tx"},  # u + u²/2 − u_tx less u
    ),
    "burgers": (lambda j: j.u_t + j.u * j.u_x - 0.1 * j.u_xx, {}, {"1.0"}),
    "heat": (lambda j: j.u_t - j.u_xx, {}, {"1.0", "x", "2.0 t - x**2"}),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name):
    residual, options, expected = TABLE[name]
    found = pinn.find_multipliers(problem(residual), **options)
    assert {multiplier.expression for multiplier in found} == expected
    assert max(multiplier.defect for multiplier in found) < 1e-12


def test_shallow_water_has_five():
    water = pinn.Problem(
        axes=AXES,
        fields={"h": (), "u": ()},
        residual=lambda j: (
            j.h_t + j.h_x * j.u + j.h * j.u_x,
            j.u_t + j.u * j.u_x + 9.81 * j.h_x,
        ),
        initial={"h": lambda x: 2.0 + jnp.cos(jnp.pi * x / 3.0), "u": lambda x: 0.0 * x},
    )
    found = {m.expression for m in pinn.find_multipliers(water, order=0)}
    assert found == {
        "(1.0, 0)",
        "(0, 1.0)",
        "(u, h)",
        "(-x + t*u, t*h)",
        "(19.62 h + u**2, 2.0 h*u)",
    }


def test_found_multipliers_verify():
    laws = pinn.find_multipliers(problem(kdv), coordinates=False)
    claims = {f"law_{i}": pinn.Multiplier(m.function) for i, m in enumerate(laws)}
    from pinn.noether.verify import verified_charges

    assert len(verified_charges(problem(kdv, **claims))) == 3


def test_too_many_unknowns_are_refused():
    with pytest.raises(pinn.ProblemError, match="lower degree= or order="):
        pinn.find_multipliers(problem(kdv), degree=6, order=4)
