import { useDeferredValue, useState } from 'react'

import { nameOf } from './Account'
import { Problem } from './form'
import { graphql } from './gql'
import type { Role, UserOrderField } from './gql/graphql'
import { Pager } from './Pager'
import { usePages, useQuery } from './query'
import { Time } from './time'
import { User } from './User'

const usersDocument = graphql(`
  query ConsoleUsers($first: Int!, $after: String, $filter: UserFilter, $orderBy: UserOrder) {
    users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      edges { node { ...UserRow } }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

graphql(`
  fragment UserRow on User { id username email fullName roles createdAt disabledAt }
`)

const columns: { title: string; field?: UserOrderField }[] = [
  { title: 'User name', field: 'USERNAME' },
  { title: 'E-mail', field: 'EMAIL' },
  { title: 'Roles' },
  { title: 'Created', field: 'CREATED_AT' },
  { title: 'Status' },
]

/** The users, for administrators. */
export default function Users() {
  const [search, setSearch] = useState('')
  const [role, setRole] = useState<Role | ''>('')
  const [disabled, setDisabled] = useState('')
  const [order, setOrder] = useState<{ field: UserOrderField; direction: 'ASC' | 'DESC' }>({ field: 'CREATED_AT', direction: 'DESC' })
  const [chosen, setChosen] = useState<string>()
  const pages = usePages()
  const { data, problem, reload } = useQuery(usersDocument, {
    first: 20,
    after: pages.after,
    filter: { search: useDeferredValue(search) || null, role: role || null, disabled: disabled === '' ? null : disabled === 'yes' },
    orderBy: order,
  })
  const users = data?.users?.edges.map((edge) => edge.node) ?? []
  const user = users.find((u) => u.id === chosen)
  const sort = (field: UserOrderField) => {
    pages.first()
    setOrder({ field, direction: order.field === field && order.direction === 'ASC' ? 'DESC' : 'ASC' })
  }
  return (
    <section className="view" aria-labelledby="users-title">
      <h1 id="users-title">Users</h1>
      <div className="tools">
        <input
          type="search"
          aria-label="Search users"
          placeholder="Name or e-mail begins with …"
          value={search}
          onChange={(event) => { pages.first(); setSearch(event.target.value) }}
        />
        <select aria-label="Role" value={role} onChange={(event) => { pages.first(); setRole(event.target.value as Role | '') }}>
          <option value="">Any role</option>
          <option>USER</option>
          <option>ADMIN</option>
        </select>
        <select aria-label="Status" value={disabled} onChange={(event) => { pages.first(); setDisabled(event.target.value) }}>
          <option value="">Any status</option>
          <option value="no">Enabled</option>
          <option value="yes">Disabled</option>
        </select>
      </div>
      <Problem text={problem?.message} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Table of users">
        <table>
          <thead>
            <tr>
              {columns.map(({ title, field }) => (
                <th key={title} scope="col" aria-sort={field === order.field ? (order.direction === 'ASC' ? 'ascending' : 'descending') : undefined}>
                  {field ? <button type="button" className="plain" onClick={() => { sort(field) }}>{title}</button> : title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {users.map((u) => (
              <tr key={u.id}>
                <th scope="row">
                  <button type="button" className="link" onClick={() => { setChosen(u.id) }}>{nameOf(u)}</button>
                </th>
                <td>{u.email ?? '–'}</td>
                <td>{u.roles?.join(', ')}</td>
                <td><Time at={u.createdAt} /></td>
                <td>{u.disabledAt ? <span className="tag warn">disabled</span> : 'enabled'}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {data && users.length === 0 && <p className="hint">No users match.</p>}
      </div>
      <Pager pages={pages} end={data?.users?.pageInfo} />
      {user && <User key={user.id} user={user} changed={reload} close={() => { setChosen(undefined) }} />}
    </section>
  )
}
