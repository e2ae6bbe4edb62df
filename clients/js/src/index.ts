// Package usher-client keeps a user of Usher signed in. It owns the access token, its refresh, what all
// tabs of a browser share, the step-up, and the meaning of error codes. It depends on no GraphQL client.
export * from './errors.js'
export * from './request.js'
export * from './session.js'
export type { Question, StepUp } from './stepup.js'
