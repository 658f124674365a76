"""The elementwise operations whose last bits depend on who computes them.

Division, remainder, powers, logarithms and exponentials are computed here and nowhere else, one
element after the other, so that a value is the same to the last bit in an array of any length, at
any place in it, and alone. A result that is not finite is NaN.
"""

import math

from numba import njit

scalar = njit(error_model="numpy", _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@scalar
def quotient(a, b):
    """Return a / b; NaN where b is zero."""
    value = a / b
    return value if math.isfinite(value) else math.nan


@scalar
def remainder(a, b):
    """Return the remainder of a / b, with the sign of b; NaN where b is zero."""
    value = a % b
    return value if math.isfinite(value) else math.nan


@scalar
def power_of(a, b):
    """Return a to the power of b; NaN when either is (C says NaN to the power of 0 is 1)."""
    value = a**b
    return value if math.isfinite(value) and a == a and b == b else math.nan


@scalar
def logarithm_of(x):
    """Return the natural logarithm; NaN unless x is positive."""
    return math.log(x) if x > 0.0 else math.nan


@scalar
def exponent_of(x):
    """Return e to the power of x."""
    value = math.exp(x)
    return value if math.isfinite(value) else math.nan


@njit(cache=True, nogil=True, error_model="numpy")
def divide(a, b, out):
    """Write `quotient` of two arrays."""
    for i in range(out.size):
        out[i] = quotient(a[i], b[i])


@njit(cache=True, nogil=True, error_model="numpy")
def modulo(a, b, out):
    """Write `remainder` of two arrays."""
    for i in range(out.size):
        out[i] = remainder(a[i], b[i])


@njit(cache=True, nogil=True, error_model="numpy")
def power(a, b, out):
    """Write `power_of` two arrays."""
    for i in range(out.size):
        out[i] = power_of(a[i], b[i])


@njit(cache=True, nogil=True, error_model="numpy")
def logarithm(x, out):
    """Write `logarithm_of` an array."""
    for i in range(out.size):
        out[i] = logarithm_of(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def exponential(x, out):
    """Write `exponent_of` an array."""
    for i in range(out.size):
        out[i] = exponent_of(x[i])
