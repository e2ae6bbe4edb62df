import assert from 'node:assert/strict'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { afterEach, mock, test } from 'node:test'

import { solveAtOnce } from '../src/challenge.js'
import { type Challenge, challengeOf, solveChallenge, UsherError, withChallenge } from '../src/index.js'
import { digestsAfter } from '../src/sha256.js'
import { solveInWorker } from '../src/worker.js'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Makes a challenge as the server does, except for the signature. */
function challenge(number: number, { maxnumber = 10_000, field = 'Mutation.login' } = {}): Challenge {
  const salt = `${randomBytes(12).toString('hex')}?expires=1764450600&field=${field}&`
  return { algorithm: 'SHA-256', challenge: sha256(`${salt}${String(number)}`), salt, maxnumber, signature: 'signed' }
}

const read = (solution: string) => JSON.parse(atob(solution)) as Record<string, unknown>

/** An error of the server that asks for proof of work. */
const required = (of: Challenge) => ({ message: 'Solve the challenge first.', extensions: { code: 'CHALLENGE_REQUIRED', challenge: of } })

afterEach(() => { Reflect.deleteProperty(globalThis, 'Worker') })

test('the digests are those of SHA-256, for prefixes of every length around its blocks', () => {
  for (let length = 0; length < 200; length++) {
    const prefix = randomBytes(length).toString('latin1').slice(0, length)
    const digest = digestsAfter(prefix)
    // One after another, because the digits of a number must not stay behind in those of the next.
    for (const number of [0, 9, 16_000_000, 7, randomInt(1e9), Number.MAX_SAFE_INTEGER, 42]) {
      const words = Array.from(digest(number), (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
      assert.equal(words, sha256(`${prefix}${String(number)}`), `${String(length)} characters and ${String(number)}`)
    }
  }
})

for (const [what, solve] of [['in slices', solveChallenge], ['at once', solveAtOnce]] as const) {
  test(`a challenge is solved ${what}, from the first number to the last`, async () => {
    for (const number of [0, 1, 1999, 2000, 2001, 10_000]) {
      const asked = challenge(number)
      const { algorithm, challenge: digest, salt, signature } = asked
      assert.deepEqual(read(await solve(asked)), { algorithm, challenge: digest, number, salt, signature })
    }
  })

  test(`what cannot be solved ${what} fails`, async () => {
    await assert.rejects(async () => solve(challenge(10_001)), /no solution/)
    await assert.rejects(async () => solve({ ...challenge(1), algorithm: 'SHA-512' }), /SHA-512/)
  })
}

test('other tasks have a turn while a challenge is solved, and one of them can end it', async () => {
  const end = new AbortController()
  const solved = solveChallenge(challenge(-1, { maxnumber: 1e9 }), { signal: end.signal })
  setTimeout(() => { end.abort(new Error('left')) })
  await assert.rejects(solved, /left/)
  await assert.rejects(solveChallenge(challenge(0), { signal: end.signal }), /left/)
})

test('an operation that needs no proof of work runs once', async () => {
  const run = mock.fn((solution?: string) => Promise.resolve({ solution }))
  assert.deepEqual(await withChallenge(run), { solution: undefined })
  assert.equal(run.mock.callCount(), 1)
})

test('other errors are not retried', async () => {
  const wrong = new UsherError([{ message: 'No.', extensions: { code: 'INVALID_CREDENTIALS' } }])
  const run = mock.fn(() => Promise.reject(wrong))
  await assert.rejects(withChallenge(run), wrong)
  assert.equal(run.mock.callCount(), 1)
})

const asks: [string, (asked: Challenge) => Promise<unknown>][] = [
  ['throws an UsherError', (asked) => Promise.reject(new UsherError([required(asked)]))],
  ['throws as Apollo Client does', (asked) => Promise.reject(Object.assign(new Error(), { errors: [required(asked)] }))],
  ['throws as urql does', (asked) => Promise.reject(Object.assign(new Error(), { graphQLErrors: [required(asked)] }))],
  ['throws as graphql-request does', (asked) => Promise.reject(Object.assign(new Error(), { response: { errors: [required(asked)] } }))],
  ['returns the response', (asked) => Promise.resolve({ data: null, errors: [required(asked)] })],
  ['returns the result of Apollo Client', (asked) => Promise.resolve({ data: undefined, error: { errors: [required(asked)] } })],
  ['returns the result of urql', (asked) => Promise.resolve({ error: { graphQLErrors: [required(asked)] } })],
]
for (const [what, ask] of asks) {
  test(`an operation that ${what} runs again with the solution`, async () => {
    const asked = challenge(1234)
    const told: boolean[] = []
    const run = mock.fn((solution?: string) => (solution === undefined ? ask(asked) : Promise.resolve(read(solution).number)))
    assert.equal(await withChallenge(run, { onSolving: (solving) => { told.push(solving) } }), 1234)
    assert.equal(run.mock.callCount(), 2)
    assert.deepEqual(told, [true, false])
  })
}

test('each answer may have another challenge, but not for ever', async () => {
  const numbers: unknown[] = []
  let next = 0
  const run = (solution?: string) => {
    if (solution !== undefined) numbers.push(read(solution).number)
    return Promise.reject(new UsherError([required(challenge(next++))]))
  }
  await assert.rejects(withChallenge(run), (thrown) => thrown instanceof UsherError && challengeOf(thrown.errors) !== undefined)
  assert.deepEqual(numbers, [0, 1, 2])
})

test('the caller can end it, and the operation does not run again', async () => {
  const end = new AbortController()
  const told: boolean[] = []
  const run = mock.fn(() => Promise.reject(new UsherError([required(challenge(-1, { maxnumber: 1e9 }))])))
  const done = withChallenge(run, {
    signal: end.signal,
    onSolving: (solving) => {
      told.push(solving)
      if (solving) setTimeout(() => { end.abort(new Error('left')) })
    },
  })
  await assert.rejects(done, /left/)
  assert.equal(run.mock.callCount(), 1)
  assert.deepEqual(told, [true, false])
})

/** A worker that answers as it is told. Node.js has none of the web. */
function workers(answer: (worker: Worker) => void) {
  const terminate = mock.fn()
  globalThis.Worker = class {
    onmessage: Worker['onmessage'] = null
    onerror: Worker['onerror'] = null
    terminate = terminate
    postMessage() { setTimeout(() => { answer(this as unknown as Worker) }) }
  } as unknown as typeof Worker
  return terminate
}

function answers(worker: Worker, data: unknown) {
  worker.onmessage?.(new MessageEvent('message', { data }))
}

test('a worker solves the challenge, and ends', async () => {
  const terminate = workers((worker) => { answers(worker, { solution: 'solved' }) })
  assert.equal(await solveInWorker(challenge(1)), 'solved')
  assert.equal(terminate.mock.callCount(), 1)
})

test('what a worker cannot solve is not tried again in the page', async () => {
  const terminate = workers((worker) => { answers(worker, { problem: 'too hard' }) })
  await assert.rejects(solveInWorker(challenge(1)), /too hard/)
  assert.equal(terminate.mock.callCount(), 1)
})

test('the search of a worker ends with the signal', async () => {
  const end = new AbortController()
  const terminate = workers(() => { end.abort(new Error('left')) })
  await assert.rejects(solveInWorker(challenge(1), { signal: end.signal }), /left/)
  assert.equal(terminate.mock.callCount(), 1)
})

test('a challenge is solved in the page without workers, and with a worker that does not start', async () => {
  assert.equal(read(await solveInWorker(challenge(12))).number, 12)

  const terminate = workers((worker) => { worker.onerror?.(new Event('error') as ErrorEvent) })
  assert.equal(read(await solveInWorker(challenge(34))).number, 34)
  assert.equal(terminate.mock.callCount(), 1)

  globalThis.Worker = function refuse() { throw new DOMException('', 'SecurityError') } as unknown as typeof Worker
  assert.equal(read(await solveInWorker(challenge(56))).number, 56)
})
