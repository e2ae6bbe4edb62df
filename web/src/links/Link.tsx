import { type ReactNode, useState } from 'react'
import { extensionsOf, type InputErrorCode, UsherError } from 'usher-client'

import { Problem } from '../components/Form'

/** Why the server refuses the token of a link, if that is what it refuses. */
function refusal(thrown: unknown): InputErrorCode | undefined {
  if (!(thrown instanceof UsherError)) return undefined
  const fields = thrown.errors.flatMap((error) => extensionsOf(error).fields ?? [])
  return fields.find(({ path }) => path.join('.') === 'input.token')?.code
}

/** Does what a link is for. If its token is refused, the link is of no more use, and `dead` says why. Other failures are thrown. */
export function useLink() {
  const [dead, setDead] = useState<InputErrorCode>()
  const redeem = async (action: () => Promise<void>) => {
    try {
      await action()
    } catch (thrown) {
      const code = refusal(thrown)
      if (!code) throw thrown
      setDead(code)
    }
  }
  return { dead, redeem }
}

/** A page that a link opens. `again` says how to get another link. */
export function Link({ title, token, dead, again, children }: {
  title: string
  token: string
  dead: InputErrorCode | undefined
  again: ReactNode
  children: ReactNode
}) {
  return (
    <section className="view link" aria-labelledby="link-title">
      <h1 id="link-title">{title}</h1>
      {token === ''
        ? <><p>This page needs the link of a mail. Open it again from the mail.</p>{again}</>
        : dead
          ? <><Problem text={words[dead] ?? 'This link is not valid.'} />{again}</>
          : children}
    </section>
  )
}

const words: Partial<Record<InputErrorCode, string>> = {
  EXPIRED: 'This link has expired.',
  TAKEN: 'Another account has this address now.',
  INCORRECT: 'This link is no longer valid. It was used before, a newer mail has replaced it, or it is incomplete.',
}
