import { readAccess } from '../accessTable'
import { Search } from '../components/filters'
import { type Column, Table } from '../components/Table'
import { Time } from '../components/Time'
import { useFetched } from '../fetched'
import { graphql } from '../gql'
import type { ConsoleRolesQuery } from '../gql/graphql'
import { useQuery } from '../query'
import { href, useFilters } from '../route'
import { CreateRole, Role } from './Role'
import { isBuiltIn, placesOf, usedPermissions } from './needs'

const rolesDocument = graphql(`
  query ConsoleRoles {
    roles { name description permissions createdAt updatedAt }
  }
`)

export type RoleInFull = NonNullable<ConsoleRolesQuery['roles']>[number]

const parameters = {
  search: '',
  role: '', // a name, or `new` for the form that creates a role: names are in upper case
} as const

/** The roles, for administrators. The address has the search and the selected role. */
export default function Roles() {
  const { values: { search, role }, set, link } = useFilters(parameters)
  const { data, problem, loading, reload } = useQuery(rolesDocument)
  const { value: access } = useFetched('/access.json', readAccess)
  const close = () => { set({ role: '' }) }
  const done = () => {
    reload()
    close()
  }
  const found = data?.roles?.filter(({ name, description, permissions }) =>
    [name, description ?? '', ...permissions].some((text) => text.toLowerCase().includes(search.toLowerCase())))
  const columns: Column<RoleInFull & { id: string }>[] = [
    {
      title: 'Role',
      names: true,
      cell: ({ name }) => <><a href={link({ role: name })}>{name}</a>{isBuiltIn(name) && <span className="tag">built in</span>}</>,
    },
    { title: 'Description', cell: ({ description }) => description ?? '–' },
    { title: 'Permissions', cell: ({ permissions }) => (permissions.length > 0 ? <code>{permissions.join(', ')}</code> : '–') },
    {
      title: 'Required by',
      cell: ({ name }) => {
        const count = placesOf(access, name).length
        return count > 0 ? <a href={href('access', { role: name })}>{count} {count === 1 ? 'rule' : 'rules'}</a> : '–'
      },
    },
    { title: 'Users', cell: ({ name }) => <a href={href('users', { role: name })} aria-label={`Show users with the role ${name}`}>Show users</a> },
    { title: 'Last change', cell: ({ updatedAt }) => <Time at={updatedAt} /> },
  ]
  const hint = usedPermissions(access)
  return (
    <section className="view" aria-labelledby="roles-title">
      <header className="title">
        <h1 id="roles-title">Roles</h1>
        <button type="button" className="primary" onClick={() => { set({ role: 'new' }) }}>New role</button>
      </header>
      <p className="lead">
        A role grants permissions to its users. The rules of the schema require roles and permissions:
        see <a href={href('access')}>Access</a>.
      </p>
      <div className="tools">
        <Search
          label="Search roles"
          hint="Role, description or permission"
          value={search}
          change={(value, options) => { set({ search: value }, options) }}
        />
        <output>{found && `${String(found.length)} ${found.length === 1 ? 'role' : 'roles'}`}</output>
      </div>
      <Table
        label="Table of roles"
        columns={columns}
        rows={found?.map((row) => ({ id: row.name, ...row }))}
        loading={loading}
        problem={problem?.message}
        empty={<>No roles match. <a href={link({ search: '' })}>Show all roles</a></>}
        lines={3}
      />
      {role === 'new' && <CreateRole used={hint} done={done} close={close} />}
      {role && role !== 'new' && (
        <Role
          key={role}
          name={role}
          role={data?.roles?.find(({ name }) => name === role)}
          loading={loading && !data}
          problem={problem?.message}
          access={access}
          used={hint}
          changed={reload}
          done={done}
          close={close}
        />
      )}
    </section>
  )
}
