import { StrictMode, useCallback, useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'urql'
import { Account } from './Account'
import { Admin } from './Admin'
import './app.css'
import { createClient } from './client'
import { anonymous } from './server'
import { resume, useSession } from './session'
import { SignIn } from './SignIn'

function App() {
  const session = useSession()
  const client = useMemo(() => (session ? createClient(session) : anonymous), [session])
  if (session === undefined) return <Resume />
  return (
    <Provider value={client}>
      {session ? <SignedIn key={session} session={session} /> : <SignIn />}
    </Provider>
  )
}

/** Finds out who is signed in, since a reload leaves the tab with nothing but the cookie. */
function Resume() {
  const [problem, setProblem] = useState<string>()
  const ask = useCallback(() => {
    resume().catch((error: unknown) => { setProblem(error instanceof Error ? error.message : String(error)) })
  }, [])
  useEffect(ask, [ask])
  if (problem === undefined) return <main aria-busy />
  return (
    <main>
      <p role="alert">{problem}</p>
      <button onClick={ask}>Try again</button>
    </main>
  )
}

function SignedIn({ session }: { session: string }) {
  const [view, setView] = useState<'account' | 'admin'>('account')
  return (
    <>
      <nav>
        <button aria-pressed={view === 'account'} onClick={() => { setView('account') }}>Account</button>
        <button aria-pressed={view === 'admin'} onClick={() => { setView('admin') }}>Users</button>
      </nav>
      <main>{view === 'account' ? <Account session={session} /> : <Admin />}</main>
    </>
  )
}

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(<StrictMode><App /></StrictMode>)
