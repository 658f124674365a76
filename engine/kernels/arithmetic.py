"""The elementwise operations whose last bits depend on who computes them.

Division, remainder, powers, logarithms and exponentials are computed here and nowhere else, one
element after the other, so that a value is the same to the last bit in an array of any length and
at any place in it. A result that is not finite is NaN.
"""

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def divide(a, b, out):
    """Write a / b; NaN where b is zero."""
    for i in range(out.size):
        value = a[i] / b[i]
        out[i] = value if math.isfinite(value) else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def modulo(a, b, out):
    """Write the remainder of a / b, with the sign of b; NaN where b is zero."""
    for i in range(out.size):
        value = a[i] % b[i]
        out[i] = value if math.isfinite(value) else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def power(a, b, out):
    """Write a to the power of b; NaN when either is (C says NaN to the power of 0 is 1)."""
    for i in range(out.size):
        value = a[i] ** b[i]
        known = math.isfinite(value) and a[i] == a[i] and b[i] == b[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def logarithm(x, out):
    """Write the natural logarithm; NaN unless x is positive."""
    for i in range(out.size):
        out[i] = math.log(x[i]) if x[i] > 0.0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def exponential(x, out):
    """Write e to the power of x."""
    for i in range(out.size):
        value = math.exp(x[i])
        out[i] = value if math.isfinite(value) else np.nan
