"""Fields derived from potentials: their entries are total derivatives, identities hold exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.jets import JetSpace, on_jets
from pinn.jets.random import random_jets

SPACE = JetSpace.of(("t", "x", "y"), {"psi": ()})
FLOW = pinn.derived_fields(u=lambda j: j.psi_y, v=lambda j: -j.psi_x, omega=lambda j: j.v_x - j.u_y)


def at_random(function, count=16):
    """Return a function's values on random jets."""
    asked = on_jets(SPACE, function)
    return jax.vmap(asked)(random_jets(SPACE, asked.needs, 0, count))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (lambda j: j.u, lambda j: j.psi_y),
        (lambda j: j.omega_t, lambda j: -j.psi_txx - j.psi_tyy),
        (lambda j: j["v_yt"] * j.psi, lambda j: -j.psi_txy * j.psi),
        (lambda j: j.u_xx - j.t, lambda j: j.psi_xxy - j.t),
    ],
)
def test_an_entry_is_a_total_derivative(written, meant):
    np.testing.assert_array_equal(at_random(FLOW(written)), at_random(meant))


def test_the_product_rule_holds_for_fields_of_several_entries():
    bent = pinn.derived_fields(w=lambda j: j.x * j.psi**2)
    found = at_random(bent(lambda j: j.w_x))
    wanted = at_random(lambda j: j.psi**2 + 2.0 * j.x * j.psi * j.psi_x)
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_vectors_have_derivatives_too():
    flow = pinn.derived_fields(U=lambda j: jnp.stack([j.psi_y, -j.psi_x]))
    divergence = at_random(flow(lambda j: j.U_x[0] + j.U_y[1]))
    np.testing.assert_array_equal(divergence, np.zeros(16))


def test_what_a_function_needs_is_what_its_fields_derive_from():
    assert on_jets(SPACE, FLOW(lambda j: j.omega_x)).needs == ("psi_xxx", "psi_xyy")
    assert on_jets(SPACE, FLOW(lambda j: j.u * j.psi)).needs == ("psi", "psi_y")


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(pinn.ProblemError, match="no entry 'w_x'") as refusal:
        at_random(FLOW(lambda j: j.w_x))
    assert "derived fields are u, v, omega" in str(refusal.value)


def test_a_field_may_use_earlier_ones_only():
    tangled = pinn.derived_fields(a=lambda j: j.b, b=lambda j: j.a)
    with pytest.raises(pinn.ProblemError, match="no entry 'b'"):
        at_random(tangled(lambda j: j.a))


def test_a_field_of_the_problem_is_not_hidden():
    with pytest.raises(pinn.ProblemError, match="'psi' has the name of a field"):
        at_random(pinn.derived_fields(psi=lambda j: j.psi_x)(lambda j: j.psi))


def test_no_field_at_all_is_refused():
    with pytest.raises(pinn.ProblemError, match="names no field"):
        pinn.derived_fields()


def test_a_potential_keeps_the_mass_of_any_network():
    """With u = φ_x, ∫ u dx on a circle is zero whatever the weights: here after no training."""
    heat = pinn.derived_fields(u=lambda j: j.phi_x)
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.1), "x": pinn.Periodic(0.0, 2.0 * np.pi)},
        fields={"phi": ()},
        residual=heat(lambda j: j.phi_t - 0.1 * j.u_x),
        initial={"phi": jnp.sin},
        conserved={"mass": heat(lambda j: j.u)},
        scales={"mass": 1.0},
    )
    rough = pinn.Recipe(
        network=pinn.Network(width=6), windows=pinn.Uniform(1), steps=1, conservation=0.0
    )
    solution = pinn.solve(problem, seed=0, recipe=rough, progress=False)
    times = np.linspace(0.0, 0.1, 5)
    assert np.max(np.abs(solution.charges(times)["mass"])) < 1e-14
    flux = solution.evaluate(heat(lambda j: j.u), times[:, None], np.linspace(0.0, 6.0, 7))
    assert flux.shape == (5, 7)
    np.testing.assert_allclose(
        flux, solution.jet(times[:, None], np.linspace(0.0, 6.0, 7), entries=("phi_x",)).phi_x
    )
