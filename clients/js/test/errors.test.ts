import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import {
  assurances, authMethods, errorCodes, explain, fieldMessages, type GraphQLError, inputErrorCodes, remedy, unauthenticatedReasons, UsherError,
} from '../src/index.js'

const schema = readFileSync(new URL('../../../../schema.graphqls', import.meta.url), 'utf8')

/** The values of an enum of the schema. */
function valuesOf(name: string): string[] {
  const body = new RegExp(`^enum ${name} \\{$(.*?)^\\}$`, 'ms').exec(schema)?.[1] ?? ''
  return [...body.matchAll(/^ {2}([A-Z_0-9]+)$/gm)].map(([, value]) => value ?? '')
}

for (const [name, values] of Object.entries({
  Assurance: assurances, AuthMethod: authMethods, ErrorCode: errorCodes, InputErrorCode: inputErrorCodes, UnauthenticatedReason: unauthenticatedReasons,
})) {
  test(`${name} is that of the schema`, () => {
    assert.notEqual(values.length, 0)
    assert.deepEqual([...values].sort(), valuesOf(name).sort())
  })
}

const error = (extensions: object, message = 'Message.'): GraphQLError => ({ message, extensions: { ...extensions } })

test('the remedy depends on the code, and for UNAUTHENTICATED on the reason', () => {
  for (const reason of unauthenticatedReasons) {
    const stale = reason === 'TOKEN_EXPIRED' || reason === 'TOKEN_INVALID'
    assert.equal(remedy(error({ code: 'UNAUTHENTICATED', reason })), stale ? 'refresh' : 'sign in', reason)
  }
  for (const [code, wanted] of [
    ['STEP_UP_REQUIRED', 'reauthenticate'], ['EMAIL_NOT_VERIFIED', 'verify email'], ['INVALID_CREDENTIALS', 'change input'], ['FORBIDDEN', 'give up'],
    ['SECOND_FACTOR_REQUIRED', 'complete sign-in'], ['SECOND_FACTOR_SETUP_REQUIRED', 'set up second factor'],
    ['RATE_LIMITED', 'wait'], ['INTERNAL_SERVER_ERROR', 'report'], ['toString', 'report'], ['NEW_IN_2040', 'report'],
  ]) assert.equal(remedy(error({ code })), wanted, code)
  assert.equal(remedy({ message: 'no extensions' }), 'report')
})

const input = error({
  code: 'BAD_USER_INPUT',
  fields: [
    { path: ['input', 'email'], code: 'TAKEN', message: 'Taken.' },
    { path: ['input'], code: 'REQUIRED', message: 'Name or address.' },
  ],
})

test('errors are explained', () => {
  for (const [errors, words] of [
    [[], 'The server cannot be reached. Try again.'],
    [[error({ code: 'FORBIDDEN' })], 'Message.'],
    [[error({ code: 'RATE_LIMITED', retryAfter: 7 })], 'Message. Try again in 7 s.'],
    [[error({ code: 'RATE_LIMITED', retryAfter: 119 })], 'Message. Try again in 119 s.'],
    [[error({ code: 'RATE_LIMITED', retryAfter: 3541 })], 'Message. Try again in 60 min.'],
    [[error({ code: 'RATE_LIMITED', retryAfter: 86_400 })], 'Message. Try again in 24 h.'],
    [[error({ code: 'INTERNAL_SERVER_ERROR', requestId: 'r1' })], 'Message. Quote the request r1 when you report it.'],
    [[input, error({ code: 'FORBIDDEN' }, 'No.')], 'Taken. Name or address. No.'],
  ] as const) assert.equal(explain(errors), words)
  assert.equal(explain([input], ['email']), 'Name or address.')
  assert.equal(new UsherError([input]).message, 'Taken. Name or address.')
})

test('messages of BAD_USER_INPUT go by input', () => {
  assert.deepEqual(fieldMessages([input, error({ code: 'FORBIDDEN' })]), { email: 'Taken.', '': 'Name or address.' })
})
