import { useDeferredValue } from 'react'

import { nameOf } from './Account'
import { Choice, Search } from './components/filters'
import { Pager } from './components/Pager'
import { type Column, Table } from './components/Table'
import { Time } from './components/Time'
import { graphql } from './gql'
import type { UserOrderField, UserRowFragment } from './gql/graphql'
import { usePages, useQuery } from './query'
import { useFilters } from './route'
import { User } from './User'

const usersDocument = graphql(`
  query ConsoleUsers($first: Int!, $after: String, $filter: UserFilter, $orderBy: UserOrder) {
    users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      edges { node { ...UserRow } }
      pageInfo { hasNextPage endCursor }
    }
    roles { name }
  }
`)

graphql(`
  fragment UserRow on User { id username email fullName roles createdAt disabledAt }
`)

const parameters = {
  search: '',
  role: '',
  status: ['', 'enabled', 'disabled'],
  order: ['-CREATED_AT', 'CREATED_AT', 'USERNAME', '-USERNAME', 'EMAIL', '-EMAIL'],
  user: '',
} as const

/** The users, for administrators. The address has the filters and the selected user. */
export default function Users() {
  const { values: { search, role, status, order, user }, set, link } = useFilters(parameters)
  const filter = {
    search: useDeferredValue(search) || null,
    role: role || null,
    disabled: status === '' ? null : status === 'disabled',
  }
  const pages = usePages(JSON.stringify([filter, order]))
  const { data, problem, loading, reload } = useQuery(usersDocument, {
    first: 20,
    after: pages.after,
    filter,
    orderBy: { field: order.replace('-', '') as UserOrderField, direction: order.startsWith('-') ? 'DESC' : 'ASC' },
  })
  const columns: Column<UserRowFragment>[] = [
    { title: 'User name', sort: 'USERNAME', names: true, cell: (u) => <a href={link({ user: u.id })}>{nameOf(u)}</a> },
    { title: 'E-mail', sort: 'EMAIL', cell: (u) => u.email ?? '–' },
    { title: 'Roles', cell: (u) => u.roles?.join(', ') },
    { title: 'Created', sort: 'CREATED_AT', cell: (u) => <Time at={u.createdAt} /> },
    { title: 'Status', cell: (u) => (u.disabledAt ? <span className="tag warn">disabled</span> : 'enabled') },
  ]
  const roles = data?.roles?.map((r) => r.name) ?? ['USER', 'ADMIN']
  return (
    <section className="view" aria-labelledby="users-title">
      <h1 id="users-title">Users</h1>
      <div className="tools">
        <Search
          label="Search users"
          hint="Name or e-mail begins with …"
          value={search}
          change={(value, options) => { set({ search: value }, options) }}
        />
        <Choice
          label="Role"
          options={{ '': 'Any role', ...Object.fromEntries(roles.map((name) => [name, name])) }}
          value={role}
          change={(value) => { set({ role: value }) }}
        />
        <Choice
          label="Status"
          options={{ '': 'Any status', enabled: 'Enabled', disabled: 'Disabled' }}
          value={status}
          change={(value) => { set({ status: value }) }}
        />
      </div>
      <Table
        label="Table of users"
        columns={columns}
        rows={data?.users?.edges.map((edge) => edge.node)}
        loading={loading}
        problem={problem?.message}
        empty="No users match."
        lines={10}
        order={order}
        onOrder={(next) => { set({ order: next as typeof order }) }}
      />
      <Pager pages={pages} end={data?.users?.pageInfo} />
      {user && <User key={user} id={user} roles={roles} changed={reload} close={() => { set({ user: '' }) }} />}
    </section>
  )
}
