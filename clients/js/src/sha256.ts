// SHA-256 (FIPS 180-4) of texts that differ only in a number at their end.
//
// crypto.subtle does not do: pages without TLS lack it, and its answers are asynchronous, which makes it many times
// slower for short texts. A package does not do either: npm does not install what a linked package depends on.

/* eslint-disable @typescript-eslint/no-non-null-assertion -- all indices are within the arrays */

const constants = new Int32Array(64)
const initial = new Int32Array(8)
const schedule = new Int32Array(64)

// The first 32 bits of the fractional parts of the roots of the first primes (§4.2.2, §5.3.3).
const fraction = (root: number) => ((root % 1) * 2 ** 32) | 0
for (let candidate = 2, found = 0; found < 64; candidate++) {
  let isPrime = true
  for (let factor = 2; factor * factor <= candidate; factor++) isPrime &&= candidate % factor !== 0
  if (!isPrime) continue
  if (found < 8) initial[found] = fraction(Math.sqrt(candidate))
  constants[found++] = fraction(Math.cbrt(candidate))
}

/** Adds the block at an offset to a state (§6.2.2). */
function compress(state: Int32Array, bytes: DataView, offset: number): void {
  const [k, w] = [constants, schedule]
  for (let i = 0; i < 16; i++) w[i] = bytes.getInt32(offset + i * 4)
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!
    const y = w[i - 2]!
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0
  }
  state[0] = (state[0]! + a) | 0; state[1] = (state[1]! + b) | 0; state[2] = (state[2]! + c) | 0; state[3] = (state[3]! + d) | 0
  state[4] = (state[4]! + e) | 0; state[5] = (state[5]! + f) | 0; state[6] = (state[6]! + g) | 0; state[7] = (state[7]! + h) | 0
}

/** Returns a function that returns the digest of `prefix` followed by a number in decimal. It reuses the array. */
export function digestsAfter(prefix: string): (number: number) => Int32Array {
  const text = new TextEncoder().encode(prefix)
  const whole = text.length - (text.length % 64)
  const first = initial.slice() // the state after the blocks that all texts share
  for (let offset = 0; offset < whole; offset += 64) compress(first, new DataView(text.buffer), offset)

  const rest = new Uint8Array(128)
  const view = new DataView(rest.buffer)
  rest.set(text.subarray(whole))
  const state = new Int32Array(8)
  return (number) => {
    const digits = String(number)
    let end = text.length - whole
    for (let i = 0; i < digits.length; i++) rest[end++] = digits.charCodeAt(i)
    rest[end] = 0x80
    const size = end < 56 ? 64 : 128 // the padding ends with the length in bits (§5.1.1)
    rest.fill(0, end + 1, size)
    view.setUint32(size - 4, (whole + end) * 8)
    state.set(first)
    for (let offset = 0; offset < size; offset += 64) compress(state, view, offset)
    return state
  }
}
