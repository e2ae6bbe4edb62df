// What the schema requires of roles and permissions.
import type { TypeAccess } from '../accessTable'

/** Whether the server itself needs a role, so that it cannot be deleted. */
export const isBuiltIn = (name: string) => name === 'USER' || name === 'ADMIN'

const rulesOf = (access: TypeAccess[] | undefined) => access?.flatMap(({ entries }) => entries) ?? []

/** The coordinates of the rules that require a role. */
export const placesOf = (access: TypeAccess[] | undefined, role: string): string[] =>
  rulesOf(access).filter(({ requires }) => requires?.includes(role)).map(({ place }) => place)

/** The coordinates of the rules that require a permission. */
export const placesWith = (access: TypeAccess[] | undefined, permission: string): string[] =>
  rulesOf(access).filter(({ permissions }) => permissions?.includes(permission)).map(({ place }) => place)

/** The permissions that the schema requires. */
export const usedPermissions = (access: TypeAccess[] | undefined): string[] =>
  [...new Set(rulesOf(access).flatMap(({ permissions }) => permissions ?? []))].sort()
