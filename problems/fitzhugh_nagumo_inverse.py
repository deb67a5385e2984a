"""The constants of the FitzHugh–Nagumo nerve, of which the voltage alone is seen."""

import numpy as np
from scipy.integrate import solve_ivp

import pinn


@pinn.register
def fitzhugh_nagumo_inverse(
    a: float = 0.7,
    b: float = 0.8,
    epsilon: float = 0.08,
    v: float = -1.0,
    w: float = 1.0,
    current: float = 0.5,
    count: int = 200,
    noise: float = 0.05,
    seed: int = 0,
    end: float = 50.0,
) -> pinn.Problem:
    """A nerve that fires again and again, and whose recovery w no electrode measures.

        v̇ = v − ⅓ v³ − w + I        ẇ = ε (v + a − b w)

    | unknown                 | truth is the parameter | guess                 |
    |-------------------------|------------------------|-----------------------|
    | a, b and ε > 0          | a, b, epsilon          | 1, 1 and 0.1          |
    | v(0) and w(0)           | v, w                   | 0 and 0               |

    The current I is known. The data are `count` voltages v at equal steps in time with normal noise
    of standard deviation `noise`, drawn from `seed` about an integration to 1e-12; there are none
    of w. No law is known.

    Expected behaviour: a and b to 3 %, ε to 1 %, w(0) as well as v(0), for w is told by what it
    does to v.
    Good values: a current from 0.35 to 1.4, where it fires; an end of at least one period, about
    40 by default.

    Source: FitzHugh (1961), doi:10.1016/S0006-3495(61)86902-6; as an inverse problem: Ramsay et al.
    (2007), doi:10.1111/j.1467-9868.2007.00610.x.
    """

    def rate(t, y):
        return y[0] - y[0] ** 3 / 3.0 - y[1] + current, epsilon * (y[0] + a - b * y[1])

    times = np.linspace(0.0, end, count)
    truth = solve_ivp(rate, (0.0, end), (v, w), "DOP853", times, rtol=1e-12, atol=1e-12).y
    voltages = truth[0] + noise * np.random.default_rng(seed).normal(size=count)

    def residual(j):
        return {
            "v": j.v_t - (j.v - j.v**3 / 3.0 - j.w + current),
            "w": j.w_t - j.epsilon * (j.v + j.a - j.b * j.w),
        }

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"v": (), "w": ()},
        residual=residual,
        unknowns={
            "a": pinn.Unknown(1.0),
            "b": pinn.Unknown(1.0),
            "epsilon": pinn.Unknown(0.1, lower=0.0),
        },
        initial={"v": pinn.Unknown(0.0), "w": pinn.Unknown(0.0)},
        data=[pinn.Data({"t": times}, {"v": voltages}, noise)],
    )
