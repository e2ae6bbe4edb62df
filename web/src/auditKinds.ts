import type { AuditEventKind } from './gql/graphql'

/** The kinds of audit events in words, in groups. The type requires every kind. */
const groups = {
  'Sign-in': {
    SIGNUP: 'Signed up',
    LOGIN: 'Signed in',
    LOGIN_FAILED: 'Sign-in failed',
    REAUTHENTICATED: 'Confirmed identity',
    SECOND_FACTOR_REQUIRED: 'Second factor asked for',
    FACTOR_FAILED: 'Second factor failed',
    LOGOUT: 'Signed out',
  },
  'Sessions and tokens': {
    SESSION_REVOKED: 'Revoked own session',
    TOKEN_REVOKED: 'Token revoked',
    USER_SESSIONS_REVOKED: 'All sessions revoked',
    REFRESH_REPLAYED: 'Refresh repeated',
    REFRESH_REUSE: 'Refresh token reused',
  },
  Accounts: {
    PASSWORD_CHANGED: 'Password changed',
    PASSWORD_SET: 'Password set',
    FACTOR_ADDED: 'Second factor added',
    FACTOR_REMOVED: 'Second factor removed',
    FACTORS_RESET: 'Second factors reset',
    IDENTITY_LINKED: 'Account at a provider linked',
    IDENTITY_UNLINKED: 'Account at a provider unlinked',
    RECOVERY_CODE_USED: 'Recovery code used',
    RECOVERY_CODES_REPLACED: 'Recovery codes replaced',
    EMAIL_VERIFICATION_REQUESTED: 'Confirmation of address requested',
    EMAIL_VERIFIED: 'Address confirmed',
    PASSWORD_RESET_REQUESTED: 'Password reset requested',
    PASSWORD_RESET: 'Password reset',
    LOGIN_CODE_REQUESTED: 'Sign-in by mail requested',
    MAILED_CODE_FAILED: 'Code of a mail failed',
    EMAIL_CHANGE_REQUESTED: 'Change of address requested',
    EMAIL_CHANGED: 'Address changed',
    EMAIL_CHANGE_CANCELLED: 'Change of address cancelled',
    EMAIL_CHANGE_UNDONE: 'Change of address undone',
    EMAIL_RELEASED: 'Address released',
    DELETION_REQUESTED: 'Deletion requested',
    DELETION_CANCELLED: 'Deletion cancelled',
    DATA_EXPORTED: 'Data exported',
    USER_INVITED: 'Invitation sent',
    MAIL_RETRIED: 'Mail sent again',
    USER_CREATED: 'Account created',
    USER_UPDATED: 'Account updated',
    USER_ROLES_CHANGED: 'Roles changed',
    USER_DISABLED: 'Account disabled',
    USER_ENABLED: 'Account enabled',
    USER_UNLOCKED: 'Account unlocked',
    USER_DELETED: 'Account deleted',
  },
  Roles: {
    ROLE_CREATED: 'Role created',
    ROLE_UPDATED: 'Role updated',
    ROLE_DELETED: 'Role deleted',
  },
  'OAuth clients': {
    CLIENT_CREATED: 'Client created',
    CLIENT_DELETED: 'Client deleted',
  },
} as const

type Listed = { [G in keyof typeof groups]: keyof (typeof groups)[G] }[keyof typeof groups]

const all = Object.assign({}, ...Object.values(groups)) as Record<Listed, string> satisfies Record<AuditEventKind, string>

export const kindGroups = Object.entries(groups).map(([title, kinds]) => ({ title, kinds: Object.keys(kinds) as AuditEventKind[] }))

/** The words for a kind. A newer server may have more kinds. */
export const wordsOf = (kind: AuditEventKind): string => (all as Partial<Record<string, string>>)[kind] ?? kind

/** The kinds in a parameter of the address, in which spaces are between them. */
export const readKinds = (text: string) => text.split(' ').filter((kind): kind is AuditEventKind => Object.hasOwn(all, kind))
