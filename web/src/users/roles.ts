import type { FieldSpec } from '../components/Field'

/** A role as a choice. */
export interface RoleOption {
  name: string
  description?: string | null
}

/** The field of the roles of a user. Every user has the role USER. */
export function rolesField(all: RoleOption[], value: string): FieldSpec {
  return {
    name: 'roles',
    label: 'Roles',
    type: 'choices',
    value,
    options: all.map(({ name, description }) => ({
      value: name,
      about: description,
      fixed: name === 'USER',
    })),
  }
}
