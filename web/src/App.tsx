import { type ComponentType, lazy, Suspense, useState, useSyncExternalStore } from 'react'

import { Account, nameOf } from './Account'
import { useSession } from './session'
import { Start } from './Start'
import { StepUp } from './StepUp'
import { switchTheme, useTheme } from './theme'

const Editor = lazy(() => import('./Editor'))

interface View {
  title: string
  /** Required to see the view. */
  who?: 'user' | 'admin'
  View?: ComponentType<{ user: string | null }>
}

const views: Record<string, View> = {
  '': { title: 'Start', View: Start },
  editor: { title: 'Editor' }, // stays mounted, see below
  access: { title: 'Access', View: lazy(() => import('./Access')) },
  sessions: { title: 'Sessions', who: 'user', View: lazy(() => import('./Sessions')) },
  users: { title: 'Users', who: 'admin', View: lazy(() => import('./Users')) },
  audit: { title: 'Audit', who: 'admin', View: lazy(() => import('./Audit')) },
}

/** The page: the views, and the account panel beside them. */
export function App() {
  const { name, query } = useRoute()
  const { viewer, known } = useSession()
  const { View, who } = views[name] ?? {}
  const [edited, setEdited] = useState(false)
  if (name === 'editor' && !edited) setEdited(true)

  // The answers and headers in an editor belong to a session, so the next session gets a new editor.
  // What was written before signing in stays.
  const session = viewer?.session.id
  const [editor, setEditor] = useState({ session, number: 0 })
  if (editor.session !== session) setEditor({ session, number: editor.number + (editor.session ? 1 : 0) })

  const may = (needed: View['who']) =>
    !needed || (viewer && (needed === 'user' || viewer.user.roles?.includes('ADMIN')))
  return (
    <>
      <header className="bar">
        <a className="brand" href="#/">Usher</a>
        <nav aria-label="Views">
          {Object.entries(views).map(([key, view]) => may(view.who) && (
            <a key={key} href={`#/${key}`} aria-current={key === name ? 'page' : undefined}>{view.title}</a>
          ))}
        </nav>
        {viewer && <a className="me" href="#/">{nameOf(viewer.user)}</a>}
        <ThemeSwitch />
      </header>
      <aside className={name === '' ? 'account' : 'account beside'} aria-label="Account">
        <Account />
      </aside>
      <main className={name === 'editor' ? 'edit' : ''}>
        <Suspense fallback={<p className="hint">Loading …</p>}>
          {/* The editor keeps its state while another view is shown. */}
          {edited && (
            <section className="editor" hidden={name !== 'editor'} aria-labelledby="editor-title">
              <h1 id="editor-title" className="unseen">Editor</h1>
              <Editor key={editor.number} />
            </section>
          )}
          {View && (may(who)
            ? <View key={viewer?.user.id} user={query.get('user')} />
            : known && <p className="view">{viewer ? 'Only administrators can see this page.' : 'Sign in to see this page.'}</p>)}
        </Suspense>
      </main>
      <StepUp />
    </>
  )
}

function ThemeSwitch() {
  const theme = useTheme()
  return (
    <button
      type="button"
      className="plain"
      role="switch"
      aria-checked={theme === 'dark'}
      aria-label="Dark theme"
      title="Dark theme"
      onClick={switchTheme}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" />
        <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
      </svg>
    </button>
  )
}

/** The view that the fragment of the address names: `#/audit?user=…`. */
function useRoute() {
  const hash = useSyncExternalStore(
    (listener) => {
      addEventListener('hashchange', listener)
      return () => { removeEventListener('hashchange', listener) }
    },
    () => location.hash,
  )
  const [name = '', query] = hash.replace(/^#\/?/, '').split('?')
  return { name: name in views ? name : '', query: new URLSearchParams(query) }
}
