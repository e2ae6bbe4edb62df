import { graphql } from '../gql'
import type { ResetPasswordInput } from '../gql/graphql'
import { sendAnonymously } from '../send'
import { usher } from '../session'

const resetDocument = graphql(`
  mutation ConsoleResetPassword($input: ResetPasswordInput!) {
    resetPassword(input: $input) { auth { ...SignIn } }
  }
`)

/** Sets a password and signs in, if the server needs nothing more for that. */
export async function resetPassword(input: Omit<ResetPasswordInput, 'session'>) {
  await usher.signIn(async () =>
    (await sendAnonymously(resetDocument, { input: { ...input, session: 'COOKIE' } })).resetPassword.auth)
}
