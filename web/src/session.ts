// The session of this page. The refresh token is in a cookie that no script can read.
import { useSyncExternalStore } from 'react'
import { type Credentials, UsherClient } from 'usher-client'

import { graphql } from './gql'
import type { SignInFragment } from './gql/graphql'
import { fetchUsher } from './reach'

/** A signed-in user with an access token. */
export type Viewer = Credentials<SignInFragment>

// What a sign-in needs of every payload.
graphql(`
  fragment SignIn on AuthPayload {
    accessToken
    expiresIn
    passwordCompromised
    session { id authTime assurance methods }
    user { id username email emailVerifiedAt fullName roles secondFactorDueAt }
  }
`)

const refreshDocument = graphql(`
  mutation ConsoleRefresh($input: RefreshInput!) {
    refresh(input: $input) { ...SignIn }
  }
`)

const completeLogInDocument = graphql(`
  mutation ConsoleCompleteLogIn($input: CompleteLoginInput!) {
    completeLogin(input: $input) { ...SignIn }
  }
`)

/** Sends requests as the signed-in user, and keeps that user signed in. */
export const usher = new UsherClient<SignInFragment>({
  url: '/graphql',
  refresh: refreshDocument.toString(),
  completeLogin: completeLogInDocument.toString(),
  channel: 'usher-console',
  fetch: fetchUsher,
})

/** The state of the session, for components. */
export function useSession() {
  const { credentials, ...state } = useSyncExternalStore(usher.subscribe, usher.state)
  return { ...state, viewer: credentials }
}

/** The request for the user to confirm their identity, for the dialog. */
export const useQuestion = () => useSyncExternalStore(usher.stepUp.subscribe, usher.stepUp.question)
