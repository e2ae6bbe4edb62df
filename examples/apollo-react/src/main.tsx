import { ApolloProvider } from '@apollo/client/react'
import { StrictMode, useCallback, useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Account } from './Account'
import { Admin } from './Admin'
import '../../app.css'
import { anonymous, createClient } from './client'
import { SignIn } from './SignIn'
import { usher, useSession } from './usher'

function App() {
  const session = useSession()
  const client = useMemo(() => (session ? createClient(session) : anonymous), [session])
  if (session === undefined) return <Restore />
  return (
    <ApolloProvider client={client}>
      {session ? <SignedIn key={session} /> : <SignIn />}
    </ApolloProvider>
  )
}

/** Finds out whether the user is signed in. After a reload the page has only the cookie. */
function Restore() {
  const [problem, setProblem] = useState<string>()
  const restore = useCallback(() => {
    usher.restore().catch((error: unknown) => { setProblem(error instanceof Error ? error.message : String(error)) })
  }, [])
  useEffect(restore, [restore])
  if (problem === undefined) return <main aria-busy />
  return (
    <main>
      <p role="alert">{problem}</p>
      <button onClick={restore}>Try again</button>
    </main>
  )
}

function SignedIn() {
  const [view, setView] = useState<'account' | 'admin'>('account')
  return (
    <>
      <nav>
        <button aria-pressed={view === 'account'} onClick={() => { setView('account') }}>Account</button>
        <button aria-pressed={view === 'admin'} onClick={() => { setView('admin') }}>Users</button>
      </nav>
      <main>{view === 'account' ? <Account /> : <Admin />}</main>
    </>
  )
}

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(<StrictMode><App /></StrictMode>)
