// 32 letters and digits that are hard to confuse, so that five bits of a random byte select one of them evenly.
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'

/** Makes a password of groups of five characters, with hyphens between them. It has 125 bits of entropy or more. */
export function generatePassword(minLength = 0): string {
  const groups = Math.max(5, Math.ceil((minLength + 1) / 6))
  const bytes = crypto.getRandomValues(new Uint8Array(5 * groups))
  return [...bytes].map((byte, n) => `${n > 0 && n % 5 === 0 ? '-' : ''}${alphabet.charAt(byte % 32)}`).join('')
}
