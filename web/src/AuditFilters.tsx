import { useState } from 'react'

import { kindGroups, readKinds, wordsOf } from './auditKinds'
import { Choice } from './components/filters'
import { Problem, useAction } from './components/Form'
import { isDay, startOf, timeZone } from './days'
import { graphql } from './gql'
import type { AuditEventFilter, AuditEventKind } from './gql/graphql'
import type { Filters } from './route'
import { send } from './send'

const findDocument = graphql(`
  query ConsoleFindUser($search: String!) {
    users(first: 1, filter: { search: $search }) { edges { node { id } } }
  }
`)

/** The parameters of the address. `kind` can have several kinds, `user` is an id. */
export const parameters = { kind: '', from: '', to: '', user: '', as: ['', 'actor'] } as const

type AuditFilters = Filters<typeof parameters>

/** The filter of the API. Days begin at midnight in the user's time zone. */
export function filterOf({ kind, from, to, user, as }: AuditFilters['values']): AuditEventFilter {
  const kinds = readKinds(kind)
  return {
    ...(kinds.length > 0 && { kinds }),
    ...(isDay(from) && { from: startOf(from) }),
    ...(isDay(to) && { to: startOf(to, { after: true }) }),
    ...(user && (as === 'actor' ? { actorId: user } : { userId: user })),
  }
}

/** The filters of the audit log. */
export function AuditFilters({ filters: { values, set } }: { filters: AuditFilters }) {
  const { kind, from, to, user, as } = values
  const day = (label: string, key: 'from' | 'to', value: string) => (
    <label className="day">
      {label}
      <input
        type="date"
        value={isDay(value) ? value : ''}
        title={`Days begin at midnight in ${timeZone}.`}
        onChange={(event) => { set({ [key]: event.target.value }, { replace: true }) }}
      />
    </label>
  )
  return (
    <>
      <div className="tools">
        {day('From', 'from', from)}
        {day('To', 'to', to)}
        <Choice
          label="How the user took part"
          options={{ '': 'About user', actor: 'By user' }}
          value={as}
          change={(value) => { set({ as: value }) }}
        />
        <FindUser key={user} user={user} show={(id) => { set({ user: id }) }} />
      </div>
      <Kinds chosen={readKinds(kind)} change={(kinds) => { set({ kind: kinds.join(' ') }, { replace: true }) }} />
      <p className="hint">Days and times are in your time zone, {timeZone}. The last day is included.</p>
    </>
  )
}

/** Chooses kinds of events. No choice means all of them. */
function Kinds({ chosen, change }: { chosen: AuditEventKind[]; change: (kinds: AuditEventKind[]) => void }) {
  const words = chosen.length === 0 ? 'all' : chosen.map(wordsOf).join(', ')
  return (
    <details className="card kinds">
      <summary>Kinds of events: <b>{words}</b></summary>
      <div className="kinds-groups">
        {kindGroups.map(({ title, kinds }) => (
          <fieldset key={title} className="plain">
            <legend>{title}</legend>
            {kinds.map((kind) => (
              <label className="check" key={kind} title={kind}>
                <input
                  type="checkbox"
                  checked={chosen.includes(kind)}
                  onChange={(event) => { change(event.target.checked ? [...chosen, kind] : chosen.filter((k) => k !== kind)) }}
                />
                {wordsOf(kind)}
              </label>
            ))}
          </fieldset>
        ))}
      </div>
      <button type="button" disabled={chosen.length === 0} onClick={() => { change([]) }}>All kinds</button>
    </details>
  )
}

/** Filters the log by a user: an id, or the beginning of a name. */
function FindUser({ user, show }: { user: string; show: (id: string) => void }) {
  const { problem, run } = useAction()
  const [text, setText] = useState(user)
  const find = async () => {
    const search = text.trim()
    const found = search === '' || /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(search)
      ? search
      : (await send(findDocument, { search })).users?.edges[0]?.node.id
    if (found === undefined) throw new Error(`No user’s name begins with “${search}”.`)
    show(found)
  }
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        void run(find)
      }}
    >
      <input type="search" aria-label="User" placeholder="User name, e-mail, or ID" value={text} onChange={(event) => { setText(event.target.value) }} />
      <button>Show</button>
      <Problem text={problem?.message} />
    </form>
  )
}
