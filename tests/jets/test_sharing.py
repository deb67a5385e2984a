"""Merging equal subexpressions changes the work, never the result."""

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import JetSpace, prolong
from pinn.jets.sharing import shared


def test_equal_subexpressions_run_once():
    twice = lambda x, y: jnp.tanh(x * y) + jnp.tanh(y * x) + 0.1  # noqa: E731
    x, y = jnp.asarray(0.3), jnp.asarray(-0.7)
    program = str(jax.make_jaxpr(lambda x, y: shared(twice, x, y))(x, y))
    assert program.count("tanh") == 1
    assert shared(twice, x, y) == twice(x, y)


def test_close_constants_are_told_apart():
    apart = lambda x: jnp.stack([x * 0.1234567891, x * 0.1234567892])  # noqa: E731
    np.testing.assert_array_equal(shared(apart, jnp.asarray(1.0)), apart(jnp.asarray(1.0)))


def test_outputs_that_nobody_reads_are_not_taken_over():
    def function(x):
        jnp.sin(x)
        return jnp.sin(x) * jnp.linalg.eigh(jnp.eye(2) * x)[0]

    x = jnp.asarray(2.0)
    np.testing.assert_array_equal(shared(function, x), function(x))


def test_reverse_mode_meets_each_weight_once_an_order():
    space = JetSpace.of(("x",), {"u": ()})

    def fourth(weight, x):
        fields = lambda x: {"u": jnp.sum(jnp.tanh(weight @ jnp.tanh(x * weight[0])))}  # noqa: E731
        return prolong(fields, space, ["u_xxxx"])(x).u_xxxx

    forward = str(jax.make_jaxpr(fourth)(jnp.eye(3), jnp.asarray(0.5)))
    assert forward.count("dot_general") <= 5
