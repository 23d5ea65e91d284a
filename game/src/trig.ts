/**
 * Sine, cosine, tangent and arctangent with the same bits as Python's `world/trig.py`, in every browser.
 *
 * `Math.sin` may differ in its last bit between engines, and `Math.hypot` is not correctly rounded; a
 * closed loop turns that bit into another drive. These use only IEEE-exact operations (+ - * /, square
 * root) in a fixed order. Whatever is changed here must be changed there; `parity.test.ts` compares.
 *
 * Reduction and polynomial coefficients: fdlibm (Sun Microsystems, 1993), k_sin.c, k_cos.c, s_atan.c.
 */

export const PI = 3.141592653589793;
export const TWO_PI = 6.283185307179586;
export const HALF_PI = 1.5707963267948966;

const INV_HALF_PI = 0.6366197723675814;
const HALF_PI_1 = 1.57079632673412561417;
const HALF_PI_2 = 6.0771005063039659766e-11;
const HALF_PI_3 = 2.02226624879595063154e-21;

const S0 = -1.66666666666666324348e-1;
const S1 = 8.33333333332248946124e-3;
const S2 = -1.98412698298579493134e-4;
const S3 = 2.75573137070700676789e-6;
const S4 = -2.50507602534068634195e-8;
const S5 = 1.58969099521155010221e-10;

const C0 = 4.16666666666666019037e-2;
const C1 = -1.38888888888741095749e-3;
const C2 = 2.48015872894767294178e-5;
const C3 = -2.75573143513906633035e-7;
const C4 = 2.08757232129817482790e-9;
const C5 = -1.13596475577881948265e-11;

/** Highest power first, the order in which they are summed. */
const ATAN_FALLING: readonly number[] = [
  1.62858201153657823623e-2,
  -3.65315727442169155270e-2,
  4.97687799461593236017e-2,
  -5.83357013379057348645e-2,
  6.66107313738753120669e-2,
  -7.69187620504482999495e-2,
  9.09088713343650656196e-2,
  -1.11111104054623557880e-1,
  1.42857142725034663711e-1,
  -1.99999999998764832476e-1,
  3.33333333333329318027e-1,
];
const ATAN_HALF = 4.63647609000806093515e-1;
const ATAN_ONE = 7.85398163397448278999e-1;
const ATAN_THREE_HALVES = 0.982793723247329;

/** Sine and cosine of an angle; |angle| below 1e5. */
export function sinCos(angleRad: number): readonly [sin: number, cos: number] {
  const quarter = Math.floor(angleRad * INV_HALF_PI + 0.5);
  const r = angleRad - quarter * HALF_PI_1 - quarter * HALF_PI_2 - quarter * HALF_PI_3;
  const z = r * r;
  const s = r + r * z * (S0 + z * (S1 + z * (S2 + z * (S3 + z * (S4 + z * S5)))));
  const c = 1 - 0.5 * z + z * z * (C0 + z * (C1 + z * (C2 + z * (C3 + z * (C4 + z * C5)))));
  switch (quarter & 3) {
    case 0:
      return [s, c];
    case 1:
      return [c, -s];
    case 2:
      return [-s, -c];
    default:
      return [-c, s];
  }
}

/** Sine of an angle. */
export function sin(angleRad: number): number {
  return sinCos(angleRad)[0];
}

/** Cosine of an angle. */
export function cos(angleRad: number): number {
  return sinCos(angleRad)[1];
}

/** Tangent of an angle; the angle must not be an odd multiple of pi/2. */
export function tan(angleRad: number): number {
  const [s, c] = sinCos(angleRad);
  return s / c;
}

/** Arctangent, in (-pi/2, pi/2). */
export function atan(value: number): number {
  const [base, x] = nearZero(Math.abs(value));
  const z = x * x;
  let total = 0;
  for (const coefficient of ATAN_FALLING) total = (total + coefficient) * z;
  const result = base + (x - x * total);
  return value < 0 ? -result : result;
}

/** A positive number as a known arctangent and a small number whose arctangent is to be added. */
function nearZero(x: number): readonly [base: number, rest: number] {
  if (x < 0.4375) return [0, x];
  if (x < 0.6875) return [ATAN_HALF, (2 * x - 1) / (2 + x)];
  if (x < 1.1875) return [ATAN_ONE, (x - 1) / (x + 1)];
  if (x < 2.4375) return [ATAN_THREE_HALVES, (x - 1.5) / (1 + 1.5 * x)];
  return [HALF_PI, -1 / x];
}

/** Angle of the vector (x, y) in (-pi, pi]; 0 for the zero vector. */
export function atan2(y: number, x: number): number {
  if (x > 0) return atan(y / x);
  if (x < 0) return atan(y / x) + (y >= 0 ? PI : -PI);
  if (y === 0) return 0;
  return y > 0 ? HALF_PI : -HALF_PI;
}

/** Length of the vector (x, y). */
export function hypot(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** The same direction in [-pi, pi). */
export function wrap(angleRad: number): number {
  return angleRad - TWO_PI * Math.floor((angleRad + PI) / TWO_PI);
}
