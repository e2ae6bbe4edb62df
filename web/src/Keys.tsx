import { Commands } from './components/Commands'
import { CopyId } from './components/CopyId'
import { type Column, Table } from './components/Table'
import { Time } from './components/Time'
import { graphql } from './gql'
import type { ConsoleKeysQuery, SigningKeyState } from './gql/graphql'
import { useQuery } from './query'

const keysDocument = graphql(`
  query ConsoleKeys {
    signingKeys { kid algorithm state createdAt signsFrom verifiesUntil retiredAt }
  }
`)

const states: Record<SigningKeyState, { word: string; about: string; warn?: true }> = {
  PUBLISHED: { word: 'published', about: 'In the JWK Set. It starts to sign later.' },
  SIGNING: { word: 'signing', about: 'Signs new access tokens.' },
  VERIFYING: { word: 'verifying', about: 'A newer key signs. Tokens of this key are valid until they expire.' },
  EXPIRED: { word: 'expired', about: 'All access tokens of this key have expired.' },
  RETIRED: { word: 'retired', about: 'An operator retired it. Its access tokens are rejected.', warn: true },
}

type Key = NonNullable<ConsoleKeysQuery['signingKeys']>[number] & { id: string }

const columns: Column<Key>[] = [
  { title: 'Key ID', names: true, cell: (key) => <CopyId label="key ID" id={key.kid} /> },
  {
    title: 'State',
    cell: ({ state }) => {
      const { word, about, warn } = states[state]
      return <><span className={`tag${warn ? ' warn' : ''}`}>{word}</span> <span className="hint">{about}</span></>
    },
  },
  { title: 'Algorithm', cell: (key) => key.algorithm },
  { title: 'Signs from', cell: (key) => <Time at={key.signsFrom} /> },
  { title: 'Verifies until', cell: (key) => <Time at={key.verifiesUntil ?? key.retiredAt} /> },
  { title: 'Created', cell: (key) => <Time at={key.createdAt} /> },
]

const commands = [
  { about: 'Make the next key now. It signs after a delay, so that services can fetch it first.', command: 'usher keys rotate' },
  { about: 'Retire a key that may be in the wrong hands. Its tokens are rejected within seconds.', command: 'usher keys retire -- KEY_ID' },
]

/** The keys that sign access tokens, for administrators. */
export default function Keys() {
  const { data, problem, loading, reload } = useQuery(keysDocument)
  const keys = data?.signingKeys
  return (
    <section className="view" aria-labelledby="keys-title">
      <h1 id="keys-title">Signing keys</h1>
      <p className="lead">
        The keys that sign access tokens. Other services find their public parts in
        the <a href="/.well-known/jwks.json">JWK Set</a>. Usher rotates them by itself.
      </p>
      {keys && !keys.some(({ state }) => state === 'SIGNING') && (
        <p className="lead">None of these keys signs. With HS256, the key is derived from the server’s secret.</p>
      )}
      <div className="tools"><button type="button" onClick={reload}>Reload</button></div>
      <Table
        label="Table of signing keys"
        columns={columns}
        rows={keys?.map((key) => ({ ...key, id: key.kid }))}
        loading={loading}
        problem={problem?.message}
        empty="There are no signing keys."
      />
      <Commands list={commands} />
    </section>
  )
}
