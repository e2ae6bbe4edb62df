import { StrictMode, useCallback, useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'urql'
import { Account } from './Account'
import { Admin } from './Admin'
import '../../app.css'
import { anonymous, createClient } from './client'
import { type Link, link as opened } from './link'
import { ProviderReturn, returnPath } from './Provider'
import { ResetByLink } from './Reset'
import { SignIn } from './SignIn'
import { usher, useSession } from './usher'
import { VerifyByLink } from './Verify'

function App() {
  const session = useSession()
  const [link, setLink] = useState(opened)
  const [returned, setReturned] = useState(location.pathname === returnPath)
  const leave = useCallback(() => {
    history.replaceState(null, '', '/')
    setReturned(false)
  }, [])
  const user = link?.page === 'reset-password' ? null : session
  const client = useMemo(() => (user ? createClient(user) : anonymous), [user])
  if (session === undefined) return <Restore />
  return (
    <Provider value={client}>
      {link && <main><Opened link={link} onDone={() => { setLink(undefined) }} /></main>}
      {returned
        ? <ProviderReturn signedIn={session !== null} done={leave} signIn={<SignIn />} />
        : !link && (session ? <SignedIn key={session} /> : <SignIn />)}
    </Provider>
  )
}

/** The page of a link in a mail. */
function Opened({ link, onDone }: { link: Link; onDone: () => void }) {
  if (link.page === 'reset-password') return <ResetByLink token={link.token} onDone={onDone} />
  return <VerifyByLink token={link.token} onDone={onDone} />
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
