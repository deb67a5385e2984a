"""Lynx and hare, from the pelts of the Hudson's Bay Company."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

import pinn


@pinn.register
def lynx_hare(first: int = 1900, last: int = 1920) -> pinn.Problem:
    """Rates of hares h and lynxes l from twenty-one years of trade in their furs.

        ḣ = α h − β h l        l̇ = δ h l − γ l,        t in years, h and l in thousands of pelts

    | unknown                 | prior: mean and standard deviation |
    |-------------------------|------------------------------------|
    | α and γ, positive       | 1 and 0.5                          |
    | β and δ, positive       | 0.05 and 0.05                      |
    | h(0) and l(0), positive | none                               |

    | law            | quantity                                  |
    |----------------|-------------------------------------------|
    | first integral | volterra V = δ h − γ ln h + β l − α ln l  |

    The data are real: ln h and ln l of every year, with normal noise of unknown size, another one
    for each, that is estimated. Priors are those of the source; it has priors for the start and for
    the noise too, which the data outweigh.

    Expected behaviour: α = 0.55 ± 0.06, β = 0.028 ± 0.004, γ = 0.80 ± 0.09, δ = 0.024 ± 0.004,
    h(0) = 34 ± 3 and l(0) = 5.9 ± 0.5, a noise of 0.25 in each logarithm.
    Good values: first from 1900 and last to 1920, ten years apart or more.

    Source: Carpenter (2018), Predator-Prey Population Dynamics: the Lotka-Volterra model in Stan;
    the counts: Howard (2009), Modeling Basics, after Elton and Nicholson (1942), doi:10.2307/1358.
    """
    path = Path(__file__).with_name("lynx_hare.csv")
    table = np.genfromtxt(path, delimiter=",", skip_header=2, names=True)
    table = table[(table["year"] >= first) & (table["year"] <= last)]
    counted = {f"log_{name}": np.log(table[name]) for name in ("hare", "lynx")}

    def residual(j):
        return {
            "hare": j.hare_t - (j.alpha - j.beta * j.lynx) * j.hare,
            "lynx": j.lynx_t - (j.delta * j.hare - j.gamma) * j.lynx,
        }

    def volterra(j):
        prey = j.delta * j.hare - j.gamma * jnp.log(j.hare)
        return prey + j.beta * j.lynx - j.alpha * jnp.log(j.lynx)

    own, met = (pinn.Unknown(lower=0.0, prior=prior) for prior in ((1.0, 0.5), (0.05, 0.05)))
    return pinn.Problem(
        axes={"t": pinn.Interval(float(first), float(last))},
        fields={"hare": (), "lynx": ()},
        residual=residual,
        unknowns={"alpha": own, "beta": met, "gamma": own, "delta": met},
        initial={"hare": pinn.Unknown(30.0, lower=0.0), "lynx": pinn.Unknown(5.0, lower=0.0)},
        conserved={"volterra": volterra},
        data=[
            pinn.Data(
                {"t": table["year"]},
                counted,
                observe={
                    "log_hare": lambda j: jnp.log(j.hare),
                    "log_lynx": lambda j: jnp.log(j.lynx),
                },
            )
        ],
    )
