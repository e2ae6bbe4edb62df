// The access rules of the schema, as the server describes them, and what they mean for the viewer.
import type { Viewer } from './session'

/** A field, argument or input field with its rule and its rate limits. */
export interface AccessEntry {
  /** The schema coordinate: `Query.me`, `Query.user(id:)` or `UpdateUserInput.roles`. */
  place: string
  description?: string
  /** The rule in words. */
  access: string
  public: boolean
  requires?: string[]
  permissions?: string[]
  orOwner?: boolean
  /** In seconds. */
  maxAge?: number
  /** The required level. AAL1: one factor, even if the server requires two. AAL2: two. HIGHEST: two if the user has a second one. */
  assurance?: 'AAL1' | 'AAL2' | 'HIGHEST'
  /** Whether the user's e-mail address must be verified. */
  verified?: boolean
  /** The rate limits of a field, in words. */
  limits?: { name: string, text: string }[]
}

/** The entries of a type. */
export interface TypeAccess {
  name: string
  description?: string
  entries: AccessEntry[]
}

/** Reads the access table of `/access.json`, which has the root types first. */
export const readAccess = (json: string) => JSON.parse(json) as TypeAccess[]

/** What the viewer may do: `verify` needs a verified address, `factor` a second factor, `confirm` a new confirmation of their identity, `own` is allowed on their own objects. */
export type State = 'allowed' | 'verify' | 'factor' | 'confirm' | 'own' | 'denied'

/**
 * Decides what an entry means for a viewer at a time in milliseconds. Only the server knows which
 * permissions a role has, so a required role counts as having them. What a confirmed access token proves is not known either,
 * so it counts as what is required.
 */
export function stateFor(entry: AccessEntry, viewer: Viewer | null, now: number): State {
  if (entry.public) return 'allowed'
  if (!viewer) return 'denied'
  const { secondFactorDueAt } = viewer.user
  const overdue = secondFactorDueAt && now >= Date.parse(secondFactorDueAt)
  if (!entry.requires?.some((role) => viewer.user.roles?.includes(role))) return entry.orOwner && !(overdue && !entry.assurance) ? 'own' : 'denied'
  if (entry.verified && !viewer.user.emailVerifiedAt) return 'verify'
  if (overdue && !(entry.assurance && entry.requires.includes('USER'))) return entry.assurance && entry.orOwner ? 'own' : 'factor'
  if (entry.assurance === 'AAL2' && viewer.session.assurance !== 'AAL2' && !viewer.confirmed) return 'factor'
  return entry.maxAge !== undefined && !(now - viewer.provedAt <= entry.maxAge * 1000) ? 'confirm' : 'allowed'
}
