import { Commands } from './components/Commands'
import { CopyId } from './components/CopyId'
import { Pager } from './components/Pager'
import { type Column, Table } from './components/Table'
import { Time } from './components/Time'
import { graphql } from './gql'
import type { ConsoleClientsQuery } from './gql/graphql'
import { usePages, useQuery } from './query'

const clientsDocument = graphql(`
  query ConsoleClients($first: Int!, $after: String) {
    oauthClients(first: $first, after: $after) {
      edges { node { id name resource createdAt } }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

type Client = NonNullable<ConsoleClientsQuery['oauthClients']>['edges'][number]['node']

const columns: Column<Client>[] = [
  { title: 'Name', names: true, cell: (client) => client.name },
  { title: 'Client ID', cell: (client) => <CopyId label="client ID" id={client.id} /> },
  { title: 'May introspect tokens for', cell: (client) => client.resource ?? '–' },
  { title: 'Created', cell: (client) => <Time at={client.createdAt} /> },
]

const commands = [
  { about: 'Register a client. Its secret is shown only once.', command: 'usher client create --name NAME' },
  { about: 'Register an API that introspects its access tokens.', command: 'usher client create --name NAME --resource URI' },
  { about: 'Delete a client. Its tokens become inactive.', command: 'usher client delete CLIENT_ID' },
]

/** The OAuth clients, for administrators. */
export default function Clients() {
  const pages = usePages('')
  const { data, problem, loading, reload } = useQuery(clientsDocument, { first: 20, after: pages.after })
  return (
    <section className="view" aria-labelledby="clients-title">
      <h1 id="clients-title">OAuth clients</h1>
      <p className="lead">Programs that get access tokens for themselves, with a client ID and a secret (RFC 6749 §4.4).</p>
      <div className="tools"><button type="button" onClick={reload}>Reload</button></div>
      <Table
        label="Table of OAuth clients"
        columns={columns}
        rows={data?.oauthClients?.edges.map((edge) => edge.node)}
        loading={loading}
        problem={problem?.message}
        empty="No OAuth clients are registered."
      />
      <Pager pages={pages} end={data?.oauthClients?.pageInfo} />
      <Commands list={commands} />
    </section>
  )
}
