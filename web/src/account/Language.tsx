import { useState } from 'react'

import { Form } from '../components/Form'
import { graphql } from '../gql'
import { send } from '../send'
import { localeField } from './locales'
import type { PartProps } from './MyAccount'

const localeDocument = graphql(`
  mutation ConsoleSetLocale($input: UpdateMeInput!) {
    updateMe(input: $input) { user { id locale } }
  }
`)

/** Chooses the language of mails. */
export function Language({ me, changed }: PartProps) {
  const [done, setDone] = useState(false)
  return (
    <section className="card" aria-labelledby="language-title">
      <header><h2 id="language-title">Language</h2></header>
      <div className="part">
        <Form
          key={me.locale}
          submit="Save"
          secondary
          fields={[localeField(me.locale ?? '', 'Automatic')]}
          action={async ({ locale = '' }) => {
            await send(localeDocument, { input: { locale } })
            setDone(true)
            changed()
          }}
        />
        <p role="status" className="hint">{done && 'Saved.'}</p>
      </div>
    </section>
  )
}
