// Reads from the schema who may have what, and says it in words.
import {
  type ConstDirectiveNode, type DefinitionNode, type DirectiveDefinitionNode, type FieldDefinitionNode,
  type InputValueDefinitionNode, Kind, parse, type StringValueNode, valueFromASTUntyped,
} from 'graphql'

import type { AuthCheck, Role } from './gql/enums'
import type { Viewer } from './session'

/** What an `@auth` asks for. The schema describes its arguments. */
interface Auth {
  requires: Role[]
  permissions: string[]
  orOwner: boolean
  check: AuthCheck
  /** In seconds. */
  maxAge: number | null
}

/** A place of the schema that says who may have it. */
export interface Lock {
  /** As in `Query.me`, `Query.user(id:)` or `UpdateUserInput.roles`. */
  place: string
  description: string
  /** Null is `@public`. */
  auth: Auth | null
}

/** The locks of a type. */
export interface LockedType {
  name: string
  description: string
  locks: Lock[]
}

/** Reads the locks of a schema in SDL, the root types first. Throws a GraphQLError when it is none. */
export function readLocks(sdl: string): LockedType[] {
  const { definitions } = parse(sdl, { noLocation: true })
  const definition = definitions.find(
    (d): d is DirectiveDefinitionNode => d.kind === Kind.DIRECTIVE_DEFINITION && d.name.value === 'auth',
  )
  const types = definitions.flatMap((type) => {
    if (!('fields' in type)) return []
    const locks = placesOf(type).flatMap(([place, node]): Lock[] => {
      const auth = node.directives?.find((d) => d.name.value === 'auth')
      if (!auth && !node.directives?.some((d) => d.name.value === 'public')) return []
      return [{ place, description: text(node), auth: auth ? readAuth(auth, definition) : null }]
    })
    return locks.length > 0 ? [{ name: type.name.value, description: text(type), locks }] : []
  })
  const roots = ['Subscription', 'Mutation', 'Query']
  return types.sort((a, b) => roots.indexOf(b.name) - roots.indexOf(a.name))
}

function text(node: { kind: Kind; description?: StringValueNode }): string {
  return node.description?.value ?? ''
}

type Place = [name: string, node: FieldDefinitionNode | InputValueDefinitionNode]

/** The fields of a type and their arguments. */
function placesOf(type: Extract<DefinitionNode, { fields?: unknown }>): Place[] {
  return (type.fields ?? []).flatMap((field): Place[] => {
    const place = `${type.name.value}.${field.name.value}`
    const args = 'arguments' in field ? (field.arguments ?? []) : []
    return [[place, field], ...args.map((arg): Place => [`${place}(${arg.name.value}:)`, arg])]
  })
}

/** Reads the arguments of an `@auth`; its definition says what those are that it leaves out. */
function readAuth(auth: ConstDirectiveNode, definition?: DirectiveDefinitionNode): Auth {
  const value = (name: string) => {
    const given = auth.arguments?.find((a) => a.name.value === name)?.value
    const node = given ?? definition?.arguments?.find((a) => a.name.value === name)?.defaultValue
    return node && valueFromASTUntyped(node)
  }
  return {
    requires: [value('requires') ?? []].flat() as Role[],
    permissions: [value('permissions') ?? []].flat() as string[],
    orOwner: value('orOwner') === true,
    check: value('check') as AuthCheck,
    maxAge: (value('maxAge') as number | null | undefined) ?? null,
  }
}

/** Says who may have something. */
export function ruleInWords({ auth }: Lock): string {
  if (!auth) return 'Everyone'
  const words = [auth.requires.map((role) => (role === 'USER' ? 'signed-in users' : role)).join(' or ')]
  if (auth.permissions.length > 0) words.push(`whose role allows ${auth.permissions.join(' and ')}`)
  if (auth.orOwner) words.push('or the owner')
  if (auth.maxAge !== null) words.push(`who proved who they are within ${duration(auth.maxAge)}`)
  if (auth.check === 'TOKEN') words.push('(by the access token alone)')
  const rule = words.join(' ')
  return rule.charAt(0).toUpperCase() + rule.slice(1)
}

function duration(seconds: number): string {
  for (const [unit, length] of [['hour', 3600], ['minute', 60]] as const) {
    if (seconds % length === 0) return `${String(seconds / length)} ${unit}${seconds === length ? '' : 's'}`
  }
  return `${String(seconds)} seconds`
}

/** How a lock is for somebody: proof wants the password again, own is open on their own objects. */
export type State = 'open' | 'proof' | 'own' | 'shut'

/**
 * Tells how a lock is for a viewer at a time in milliseconds. What a role allows, only the server
 * knows: whoever has the role counts as having the permissions.
 */
export function stateFor(lock: Lock, viewer: Viewer | null, now: number): State {
  const { auth } = lock
  if (!auth) return 'open'
  if (!viewer) return 'shut'
  if (!auth.requires.some((role) => viewer.user.roles?.includes(role))) return auth.orOwner ? 'own' : 'shut'
  return auth.maxAge !== null && !(now - viewer.provedAt <= auth.maxAge * 1000) ? 'proof' : 'open'
}
