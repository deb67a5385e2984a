"""How noisy a sampled function is, and what its derivatives are."""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import make_interp_spline, make_smoothing_spline

FEWEST = 8
ORDERS = range(2, 11)
MEDIAN = 0.6745  # of |x| for a standard normal x
ROUNDING = 4.0 * float(np.finfo(float).eps)
CLEAN = 1e-6
REPLICATES = 8
DEGREE = 9
END = 0.05


def noise_of(times: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"]) -> float:
    """Return the standard deviation of the independent noise in samples of a smooth function.

    Divided differences of order m annihilate polynomials below degree m, and those of noise do not
    vanish: normalised to unit weights, the median of their size is 0.6745 σ. The least over orders
    2 to 10 is taken, since what a low order leaves of the function is no noise; where the samples
    are too coarse for any, it is an upper bound (Moré & Wild 2011, doi:10.1137/100786125).
    """
    floor = ROUNDING * float(np.max(np.abs(values), initial=0.0))
    found = [_by_order(times, values, m) for m in ORDERS if m <= len(times) // 2]
    return max(min(found, default=0.0), floor)


def _by_order(times: np.ndarray, values: np.ndarray, order: int) -> float:
    at = np.lib.stride_tricks.sliding_window_view(times, order + 1)
    seen = np.lib.stride_tricks.sliding_window_view(values, order + 1)
    gaps = (at[:, :, None] - at[:, None, :]) / (at[:, -1:, None] - at[:, :1, None])
    weights = 1.0 / np.prod(np.where(np.eye(order + 1, dtype=bool), 1.0, gaps), axis=2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return float(np.median(np.abs(np.sum(weights * seen, axis=1)))) / MEDIAN


def derivative_of(
    times: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"], noise: float, order: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return a derivative of sampled values, and its standard error at each time.

    Clean values are interpolated by a spline of degree 9, whose error is at most its difference to
    one of degree 7. Noisy ones are smoothed by the cubic spline whose stiffness generalised cross
    validation chooses (Craven & Wahba 1979, doi:10.1007/BF01404567), and the standard error is that
    of the same for values drawn about it, bias included. NaN near the ends, where splines are poor.
    """
    if noise <= CLEAN * np.std(values):
        found, error = _interpolated(times, values, noise, order)
    else:
        found, error = _smoothed(times, values, noise, order)
    margin = max(2, round(END * len(times)))
    found[:margin], found[-margin:] = np.nan, np.nan
    return found, error


def _interpolated(times, values, noise: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    degree = min(DEGREE, (len(times) - 2) // 2 * 2 + 1)
    fine, coarse = (
        make_interp_spline(times, values, k=k).derivative(order)(times)
        for k in (degree, max(degree - 2, 1))
    )
    rounding = noise / np.min(np.diff(times)) ** order
    return fine, np.abs(fine - coarse) + rounding


def _smoothed(times, values, noise: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    fit = make_smoothing_spline(times, values)
    found, centre = fit.derivative(order)(times), fit(times)
    squares = np.zeros_like(found)
    for _ in range(REPLICATES):
        drawn = centre + noise * random.normal(size=len(times))
        other = make_smoothing_spline(times, drawn).derivative(order)(times)
        squares += (other - found) ** 2 / REPLICATES
    return found, np.sqrt(squares)
