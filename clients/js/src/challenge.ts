// Proof of work: the answer to CHALLENGE_REQUIRED.
import { extensionsOf, find, type GraphQLError } from './errors.js'
import { errorsIn } from './result.js'
import { digestsAfter } from './sha256.js'

/** A challenge of the server, in the format of ALTCHA. */
export interface Challenge {
  readonly algorithm: string
  /** The digest to find, in hexadecimal. */
  readonly challenge: string
  readonly salt: string
  /** The largest number to try. */
  readonly maxnumber: number
  readonly signature: string
}

export interface SolveOptions {
  /** Ends the search. The promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** How many milliseconds the search takes before the page has a turn. */
const slice = 10

/**
 * Solves a challenge. Resolves to the `challengeSolution`. It works in slices, between which a page stays responsive,
 * and needs neither a worker nor crypto.subtle. In a page, `solveInWorker` of `usher-client/worker` is better.
 */
export async function solveChallenge(challenge: Challenge, { signal }: SolveOptions = {}): Promise<string> {
  signal?.throwIfAborted()
  let pause = performance.now() + slice
  for (const found of search(challenge)) {
    if (found !== undefined) return found
    if (performance.now() < pause) continue
    await new Promise((resolve) => { setTimeout(resolve) })
    signal?.throwIfAborted()
    pause = performance.now() + slice
  }
  throw unsolvable()
}

/** Solves a challenge without a pause, for a worker. */
export function solveAtOnce(challenge: Challenge): string {
  for (const found of search(challenge)) if (found !== undefined) return found
  throw unsolvable()
}

const unsolvable = () => new Error('The challenge has no solution.')

/** How many numbers are tried between two chances to pause. */
const batch = 2000

/** Tries one number after another. Yields undefined now and then, and the solution in the end. */
function* search(challenge: Challenge): Generator<string | undefined> {
  const { algorithm, challenge: wanted, maxnumber, salt } = challenge
  if (algorithm !== 'SHA-256') throw new Error(`The challenge has the unknown algorithm ${algorithm}.`)
  const first = parseInt(wanted.slice(0, 8), 16) | 0 // 32 bits rule out almost all numbers
  const digestOf = digestsAfter(salt)
  for (let number = 0; number <= maxnumber; number++) {
    const digest = digestOf(number)
    if (digest[0] === first && hex(digest) === wanted) yield solution(challenge, number)
    if (number % batch === 0) yield
  }
}

const hex = (words: Int32Array) => Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

function solution({ algorithm, challenge, salt, signature }: Challenge, number: number): string {
  return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }))
}

/** Returns the challenge of the error CHALLENGE_REQUIRED, if it is among the errors. */
export function challengeOf(errors: readonly GraphQLError[] | undefined): Challenge | undefined {
  const error = find(errors, 'solve challenge')
  const challenge = error && extensionsOf(error).challenge
  return typeof challenge === 'object' ? challenge : undefined
}

export interface ChallengeOptions extends SolveOptions {
  /** How to solve a challenge. The default is `solveChallenge`. */
  readonly solve?: (challenge: Challenge, options: SolveOptions) => Promise<string>
  /** Is told when solving begins and ends, so that a page can say so. */
  readonly onSolving?: (solving: boolean) => void
}

/** How often an operation is sent again. The server's price can rise, and a solution can expire on its way. */
const retries = 3

/**
 * Runs an operation. If the server requires proof of work, it solves the challenge and runs the operation again, with
 * the `challengeSolution` for its input. The operation throws or resolves to something with errors, as those of every
 * GraphQL client do.
 */
export async function withChallenge<T>(
  run: (challengeSolution?: string) => Promise<T>,
  { solve = solveChallenge, signal, onSolving }: ChallengeOptions = {},
): Promise<T> {
  let challengeSolution: string | undefined
  for (let left = retries; ; left--) {
    const result = await run(challengeSolution).then((value) => ({ value }), (thrown: unknown) => ({ thrown }))
    const challenge = challengeOf(errorsIn('value' in result ? result.value : result.thrown))
    if (!challenge || left === 0) {
      if ('thrown' in result) throw result.thrown
      return result.value
    }
    signal?.throwIfAborted()
    onSolving?.(true)
    try {
      challengeSolution = await solve(challenge, { signal })
    } finally {
      onSolving?.(false)
    }
  }
}
