import type { FieldSpec } from '../components/Field'
import { graphql } from '../gql'
import type { CompleteSignupInput } from '../gql/graphql'
import { sendAnonymously } from '../send'
import { usher } from '../session'
import { given, newPasswordField } from './signIn'

const completeDocument = graphql(`
  mutation ConsoleCompleteSignUp($input: CompleteSignupInput!) {
    completeSignup(input: $input) { ...SignIn }
  }
`)

/** What a new account with a confirmed address still needs. */
export const newAccountFields: FieldSpec[] = [
  { name: 'username', label: 'User name (optional)', autoComplete: 'username' },
  { name: 'fullName', label: 'Full name (optional)', autoComplete: 'name' },
  newPasswordField('Password'),
]

/** Creates an account with the values of newAccountFields, and signs in. */
export async function completeSignUp(
  secret: Pick<CompleteSignupInput, 'token' | 'email' | 'code'>,
  { username, fullName, password = '' }: Record<string, string>,
) {
  const input = { ...secret, username: given(username), fullName: given(fullName), password, session: 'COOKIE' as const }
  await usher.signIn(async () => (await sendAnonymously(completeDocument, { input })).completeSignup)
}
