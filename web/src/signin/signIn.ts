import type { WithSolution } from '../challenge'
import type { FieldSpec } from '../components/Field'
import { graphql } from '../gql'
import { passwordLengthHint, passwordMinLength } from '../page'
import { sendAnonymously } from '../send'
import { usher } from '../session'

const logInDocument = graphql(`
  mutation ConsoleLogIn($input: LoginInput!) {
    login(input: $input) { ...SignIn }
  }
`)

export const identifierField: FieldSpec = {
  name: 'identifier', label: 'User name or e-mail', autoComplete: 'username', required: 'Enter your user name or e-mail address.',
}

export const passwordField: FieldSpec = {
  name: 'password', label: 'Password', type: 'password', autoComplete: 'current-password', required: 'Enter your password.',
}

export const emailField: FieldSpec = {
  name: 'email', label: 'E-mail', type: 'email', autoComplete: 'email', required: 'Enter your e-mail address.',
}

export const codeField: FieldSpec = {
  name: 'code', label: 'Code of the mail', autoComplete: 'one-time-code', numeric: true, required: 'Enter the code of the mail.',
}

/** A password that its user chooses. */
export function newPasswordField(label: string, name = 'password'): FieldSpec {
  return {
    name, label, type: 'password', autoComplete: 'new-password', required: 'Choose a password.', minLength: passwordMinLength,
    hint: `${passwordLengthHint}Several words make a strong password that is easy to remember.`,
  }
}

/** Signs in with the values of identifierField and passwordField. */
export async function signIn({ identifier = '', password = '' }: Record<string, string>, withSolution: WithSolution) {
  await withSolution((challengeSolution) => usher.signIn(async () =>
    (await sendAnonymously(logInDocument, { input: { identifier, password, challengeSolution, session: 'COOKIE' } })).login))
}

/** The value of an optional field. */
export function given(text: string | undefined): string | null {
  return text === '' || text === undefined ? null : text
}

/** A code as it is sent. People copy it with spaces. */
export const trimmed = (code = '') => code.replace(/\s/g, '')
