import { type ComponentType, Suspense, useEffect, useState } from 'react'

import { Account, nameOf } from './Account'
import { Boundary } from './components/Boundary'
import { LoadingView } from './components/Placeholder'
import { linkPages } from './links/secret'
import { hasMailbox } from './page'
import { usePanel } from './panel'
import { href, useRoute } from './route'
import { useSession } from './session'
import { Start } from './Start'
import { StepUp } from './StepUp'
import { switchTheme, useTheme } from './theme'
import { lazyView } from './view'

const Editor = lazyView(() => import('./Editor'))

const Links = lazyView(() => import('./links/Links'))

interface View {
  title: string
  /** Required to see the view. */
  needs?: 'user' | 'admin'
  View?: ComponentType
  /** Whether it stands alone: not in the bar, and without the account panel. */
  alone?: true
}

const views: Record<string, View> = {
  '': { title: 'Start', View: Start },
  editor: { title: 'Editor' }, // stays mounted, see below
  ...(hasMailbox && { mailbox: { title: 'Mailbox', View: lazyView(() => import('./mail/Mailbox')) } }),
  access: { title: 'Access', View: lazyView(() => import('./Access')) },
  account: { title: 'My account', needs: 'user', View: lazyView(() => import('./account/MyAccount')) },
  sessions: { title: 'Sessions', needs: 'user', View: lazyView(() => import('./Sessions')) },
  dashboard: { title: 'Dashboard', needs: 'admin', View: lazyView(() => import('./Dashboard')) },
  users: { title: 'Users', needs: 'admin', View: lazyView(() => import('./users/Users')) },
  roles: { title: 'Roles', needs: 'admin', View: lazyView(() => import('./roles/Roles')) },
  mails: { title: 'Mail', needs: 'admin', View: lazyView(() => import('./mail/Mails')) },
  audit: { title: 'Audit', needs: 'admin', View: lazyView(() => import('./Audit')) },
  clients: { title: 'Clients', needs: 'admin', View: lazyView(() => import('./Clients')) },
  keys: { title: 'Keys', needs: 'admin', View: lazyView(() => import('./Keys')) },
  ...Object.fromEntries(linkPages.map((page) => [page, { title: 'Usher', View: Links, alone: true }])),
}

const notFound: View = { title: 'Not found', View: NotFound }

/** The page: the views, and the account panel beside them. */
export function App() {
  const { name } = useRoute()
  const { viewer, known } = useSession()
  const { title, View, needs, alone } = (Object.hasOwn(views, name) ? views[name] : undefined) ?? notFound
  const [edited, setEdited] = useState(false)
  if (name === 'editor' && !edited) setEdited(true)
  const [open, toggle] = usePanel(name)
  // The bar of a small window does not have room for all views.
  useEffect(() => { document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }) }, [name])
  useEffect(() => { document.title = name === '' || alone ? 'Usher' : `${title} – Usher` }, [name, title, alone])

  // The answers and headers in an editor belong to a session, so the next session gets a new editor.
  // What was written before signing in stays.
  const session = viewer?.session.id
  const [editor, setEditor] = useState({ session, number: 0 })
  if (editor.session !== session) setEditor({ session, number: editor.number + (editor.session ? 1 : 0) })

  const may = (needed: View['needs']) =>
    !needed || (viewer && (needed === 'user' || viewer.user.roles?.includes('ADMIN')))
  return (
    <>
      <header className="bar">
        <a className="brand" href={href('')}>Usher</a>
        <nav aria-label="Views">
          {Object.entries(views).map(([key, view]) => !view.alone && may(view.needs) && (
            <a key={key} href={href(key)} aria-current={key === name ? 'page' : undefined}>{view.title}</a>
          ))}
        </nav>
        {!alone && (
          <button type="button" className="plain me" aria-expanded={open} aria-controls="account" onClick={toggle}>
            <span>{viewer ? nameOf(viewer.user) : 'Account'}</span>
          </button>
        )}
        <ThemeSwitch />
      </header>
      {!alone && (
        <aside id="account" className="account" aria-label="Account" hidden={!open}>
          <Account />
        </aside>
      )}
      <main className={name === 'editor' ? 'edit' : ''}>
        {/* The editor keeps its state while another view is shown. */}
        {edited && (
          <section className="editor" hidden={name !== 'editor'} aria-labelledby="editor-title">
            <h1 id="editor-title" className="unseen">Editor</h1>
            <Boundary key={editor.number}>
              <Suspense fallback={<LoadingView />}>
                <Editor />
              </Suspense>
            </Boundary>
          </section>
        )}
        {View && (may(needs)
          ? (
              <Boundary key={name}>
                <Suspense fallback={<LoadingView />}>
                  <View key={alone ? name : viewer?.user.id} />
                </Suspense>
              </Boundary>
            )
          : known && <p className="view">{viewer ? 'Only administrators can see this page.' : 'Sign in to see this page.'}</p>)}
      </main>
      <StepUp />
    </>
  )
}

function NotFound() {
  return (
    <section className="view">
      <h1>Not found</h1>
      <p>The console has no view at this address. <a href={href('')}>Go to the start view</a></p>
    </section>
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
