// The ways to prove who one is, in words.
import type { AuthMethod } from './gql/graphql'

const words: Record<AuthMethod, string> = {
  PASSWORD: 'Password',
  TOTP: 'Authenticator app',
  PASSKEY: 'Passkey',
  RECOVERY_CODE: 'Recovery codes',
  EMAIL_CODE: 'Code by mail',
  PROVIDER: 'Account at a provider',
}

/** The words for a method. A newer server may have more methods. */
export const wordsOfMethod = (method: AuthMethod): string => (words as Partial<Record<string, string>>)[method] ?? method

/** What a sign-in used, in words. */
export const wordsOfMethods = (methods: readonly AuthMethod[]): string =>
  methods.map((method) => (method === 'RECOVERY_CODE' ? 'Recovery code' : wordsOfMethod(method))).join(', ') || '–'
