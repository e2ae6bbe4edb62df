import { useDeferredValue, useState } from 'react'

import { nameOf } from '../Account'
import { Choice, Search } from '../components/filters'
import { Pager } from '../components/Pager'
import { type Column, Table } from '../components/Table'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import type { UserOrderField, UserRowFragment } from '../gql/graphql'
import { usePages, useQuery } from '../query'
import { useFilters } from '../route'
import { CreateUser } from './CreateUser'
import { InviteUser } from './InviteUser'
import { User } from './User'

const usersDocument = graphql(`
  query ConsoleUsers($first: Int!, $after: String, $filter: UserFilter, $orderBy: UserOrder) {
    users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      edges { node { ...UserRow } }
      pageInfo { hasNextPage endCursor }
    }
    roles { name description }
  }
`)

graphql(`
  fragment UserRow on User { id username email fullName roles createdAt lastSignInAt disabledAt }
`)

const parameters = {
  search: '',
  role: '',
  status: ['', 'enabled', 'disabled'],
  order: ['-CREATED_AT', 'CREATED_AT', 'USERNAME', '-USERNAME', 'EMAIL', '-EMAIL'],
  user: '', // an id, `new` for the form that creates an account, or `invite`
} as const

/** The users, for administrators. The address has the filters and the selected user. */
export default function Users() {
  const { values: { search, role: named, status, order, user }, set, link } = useFilters(parameters)
  const role = /^[A-Z][A-Z0-9_]{0,62}$/.test(named) ? named : ''
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
  const [created, setCreated] = useState('')
  const columns: Column<UserRowFragment>[] = [
    { title: 'User name', sort: 'USERNAME', names: true, cell: (u) => <a href={link({ user: u.id })}>{nameOf(u)}</a> },
    { title: 'E-mail', sort: 'EMAIL', cell: (u) => u.email ?? '–' },
    { title: 'Full name', cell: (u) => u.fullName ?? '–' },
    { title: 'Roles', cell: (u) => u.roles?.join(', ') },
    { title: 'Created', sort: 'CREATED_AT', cell: (u) => <Time at={u.createdAt} /> },
    { title: 'Last sign-in', cell: (u) => (u.lastSignInAt ? <Time at={u.lastSignInAt} /> : 'never') },
    { title: 'Status', cell: (u) => (u.disabledAt ? <span className="tag warn">disabled</span> : 'enabled') },
  ]
  const roles = data?.roles ?? [{ name: 'USER' }, { name: 'ADMIN' }]
  const close = () => { set({ user: '' }) }
  return (
    <section className="view" aria-labelledby="users-title">
      <header className="title">
        <h1 id="users-title">Users</h1>
        <div className="buttons">
          <button type="button" onClick={() => { set({ user: 'invite' }) }}>Invite user</button>
          <button type="button" className="primary" onClick={() => { set({ user: 'new' }) }}>New user</button>
        </div>
      </header>
      <div className="tools">
        <Search
          label="Search users"
          hint="Name or e-mail begins with …"
          value={search}
          change={(value, options) => { set({ search: value }, options) }}
        />
        <Choice
          label="Role"
          options={{ '': 'Any role', ...(role && { [role]: role }), ...Object.fromEntries(roles.map(({ name }) => [name, name])) }}
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
        empty={<>No users match. <a href={link({ search: '', role: '', status: '' })}>Show all users</a></>}
        lines={10}
        order={order}
        onOrder={(next) => { set({ order: next as typeof order }) }}
      />
      <Pager pages={pages} end={data?.users?.pageInfo} />
      {user === 'new' && (data ?? problem) && ( // with the roles of the server
        <CreateUser
          roles={roles}
          created={(id) => {
            setCreated(id)
            reload()
            set({ user: id }, { replace: true })
          }}
          close={close}
        />
      )}
      {user === 'invite' && (data ?? problem) && <InviteUser roles={roles} close={close} />}
      {user && user !== 'new' && user !== 'invite' && (
        <User key={user} id={user} roles={roles} notice={user === created ? 'Account created.' : undefined} changed={reload} close={close} />
      )}
    </section>
  )
}
