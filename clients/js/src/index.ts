// Package usher-client keeps a user of Usher signed in. It owns the access token, its refresh, what all
// tabs of a browser share, the second step of a sign-in, the step-up, passkeys, sign-ins at providers, proof of
// work, and the meaning of error codes. It depends on no GraphQL client.
export { type Challenge, challengeOf, type ChallengeOptions, solveChallenge, type SolveOptions, withChallenge } from './challenge.js'
export * from './errors.js'
export type { Options, TokenStore } from './options.js'
export type { AddedPasskey, PasskeyAnswer, PasskeyResponse, PasskeyResult, PasskeySetupResult } from './passkey.js'
export type { Provider, ProviderFailure, ProviderResult } from './provider.js'
export * from './request.js'
export * from './session.js'
export type { Credentials, Payload, State } from './state.js'
export { type SecondFactor, type SecondFactorAnswer, secondFactorOf } from './secondfactor.js'
export type { Confirmation, Question, StepUp } from './stepup.js'
