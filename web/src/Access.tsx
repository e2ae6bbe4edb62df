import { useState } from 'react'

import { type AccessEntry, readAccess, type State, stateFor } from './accessTable'
import { Choice, Search } from './components/filters'
import { Placeholder } from './components/Placeholder'
import { useFetched } from './fetched'
import { href, useFilters } from './route'
import { useSession } from './session'

const words: Record<State, string> = {
  allowed: 'allowed',
  verify: 'needs a verified e-mail address',
  factor: 'needs a second factor',
  confirm: 'needs a recent confirmation',
  own: 'allowed on your own',
  denied: 'not allowed',
}

/** The access rules and rate limits of the schema, and what the rules allow the current user. */
export default function Access() {
  const { viewer } = useSession()
  const { value: types, problem } = useFetched('/access.json', readAccess)
  const { values: { filter, role, only }, set } = useFilters({ filter: '', role: '', only: ['', 'mine'] })
  const [now] = useState(Date.now)

  const roles = [...new Set([...(types ?? []).flatMap(({ entries }) => entries.flatMap(({ requires }) => requires ?? [])), ...(role ? [role] : [])])]
  const shown = (rule: AccessEntry) =>
    (!role || rule.requires?.includes(role)) &&
    (!only || stateFor(rule, viewer, now) !== 'denied') &&
    `${rule.place} ${rule.description ?? ''} ${rule.access} ${limitsOf(rule).join(' ')}`.toLowerCase().includes(filter.toLowerCase())
  const found = (types ?? [])
    .map((type) => ({ ...type, entries: type.entries.filter(shown) }))
    .filter((type) => type.entries.length > 0)
  const count = found.reduce((n, type) => n + type.entries.length, 0)
  return (
    <section className="view" aria-labelledby="access-title">
      <h1 id="access-title">Access</h1>
      <p className="lead">
        The access rules and rate limits of the schema, and what the rules allow {viewer ? 'you' : 'a user who is not signed in'}.
      </p>
      <div className="tools">
        <Search
          label="Filter the rules"
          hint="Field, role, rule or limit"
          value={filter}
          change={(value, options) => { set({ filter: value }, options) }}
        />
        <Choice
          label="Required role"
          options={{ '': 'Any role', ...Object.fromEntries(roles.map((name) => [name, name])) }}
          value={role}
          change={(value) => { set({ role: value }) }}
        />
        <label className="check">
          <input type="checkbox" checked={only === 'mine'} onChange={(event) => { set({ only: event.target.checked ? 'mine' : '' }) }} />
          Only what I can use
        </label>
        <output>{types && `${String(count)} ${count === 1 ? 'rule' : 'rules'}`}</output>
      </div>
      {count === 0 && <Placeholder loading={!types} problem={problem?.message} empty={<>No rules match. <a href={href('access')}>Show all rules</a></>} lines={12} />}
      {found.map((type) => (
        <section className="card" key={type.name} aria-labelledby={`type-${type.name}`}>
          <header>
            <h2 id={`type-${type.name}`}>{type.name}</h2>
            <p>{type.description}</p>
          </header>
          <ul className="rules">
            {type.entries.map((rule) => {
              const state = stateFor(rule, viewer, now)
              return (
                <li key={rule.place} data-state={state} data-place={rule.place}>
                  <LockIcon open={state !== 'denied'} />
                  <code>{rule.place.slice(type.name.length + 1)}</code>
                  <span className="about">
                    {rule.description?.split('`').map((part, n) => (n % 2 ? <code key={n}>{part}</code> : part))}
                  </span>
                  <div className="rule">
                    <p>{rule.access}{rule.assurance && <span className="tag">{rule.assurance}</span>}</p>
                    {rule.limits && (
                      <ul aria-label="Rate limits">
                        {limitsOf(rule).map((text) => <li key={text}>{text}</li>)}
                      </ul>
                    )}
                  </div>
                  <span className="state">{words[state]}</span>
                </li>
              )
            })}
          </ul>
        </section>
      ))}
    </section>
  )
}

const limitsOf = (rule: AccessEntry) => (rule.limits ?? []).map(({ text }) => text)

function LockIcon({ open }: { open: boolean }) {
  return (
    <svg className="lock" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path
        d={open ? 'M5 7V4.5a3 3 0 0 1 5.8-1' : 'M5 7V4.5a3 3 0 0 1 6 0V7'}
        fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round"
      />
      <rect x="3" y="7" width="10" height="7" rx="1.5" fill="currentColor" />
    </svg>
  )
}
