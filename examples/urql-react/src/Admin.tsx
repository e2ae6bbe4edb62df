import { type SubmitEvent, useState } from 'react'
import { useQuery } from 'urql'
import { explain } from 'usher-client'
import { graphql } from './generated'

const Users = graphql(`
  query Users($search: String, $after: String) {
    users(first: 10, after: $after, filter: { search: $search }) {
      edges {
        node {
          id
          username
          email
          roles
          createdAt
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

/** The users, for administrators. The server decides whether the user is one, not the page. */
export function Admin() {
  const [search, setSearch] = useState<string | null>(null)
  const [cursors, setCursors] = useState<string[]>([]) // of the pages before this one
  const [{ data, error, fetching }] = useQuery({
    query: Users,
    variables: { search, after: cursors.at(-1) ?? null },
    requestPolicy: 'cache-and-network',
  })
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    setSearch((new FormData(event.currentTarget).get('search') as string) || null)
    setCursors([])
  }
  const next = data?.users?.pageInfo.hasNextPage ? data.users.pageInfo.endCursor : null
  return (
    <section aria-label="Users" aria-busy={fetching}>
      <h1>Users</h1>
      {error ? (
        <p role="alert">{explain(error.graphQLErrors)}</p>
      ) : (
        <>
          <form role="search" onSubmit={submit}>
            <input name="search" type="search" aria-label="Name or address begins with" />
            <button>Search</button>
          </form>
          <table>
            <thead>
              <tr><th>User name</th><th>E-mail address</th><th>Roles</th><th>Since</th></tr>
            </thead>
            <tbody>
              {data?.users?.edges.map(({ node }) => (
                <tr key={node.id}>
                  <td>{node.username}</td>
                  <td>{node.email}</td>
                  <td>{node.roles?.join(', ')}</td>
                  <td>{new Date(node.createdAt).toLocaleDateString()}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <button disabled={cursors.length === 0} onClick={() => { setCursors(cursors.slice(0, -1)) }}>Previous</button>
          <button disabled={!next} onClick={() => { if (next) setCursors([...cursors, next]) }}>Next</button>
        </>
      )}
    </section>
  )
}
