"""A process that solves one problem after another does not keep all of them.

Every compiled function takes a few of the memory maps that a process may have (65,530 on Linux by
default); where they run out it is killed without a word.
"""

import gc
import weakref

import pinn
from pinn.noether.anchor import anchor
from pinn.training.machinery import machinery


def test_problems_that_are_done_with_are_let_go():
    seen = []
    for rate in range(1, 11):
        problem = pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)},
            fields={"u": ()},
            residual=lambda j, rate=rate: j.u_t + rate * j.u,
            initial={"u": 1.0},
        )
        anchor(problem)
        machinery(problem, pinn.Recipe()).time_scale()
        seen.append(weakref.ref(problem))
    del problem
    gc.collect()
    alive = [one() is not None for one in seen]
    assert not alive[0] and alive[-1]
