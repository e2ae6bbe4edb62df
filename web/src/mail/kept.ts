// The mails that a server in development keeps instead of sending them.
import { useEffect, useState } from 'react'
import { UsherError } from 'usher-client'

import { failureOfQuery } from '../failure'
import { fetchUsher, isUnreachable, whenBack } from '../reach'

export interface KeptMail {
  id: string
  time: string
  to: string
  subject: string
}

/** One mail. Its HTML part is at htmlOf. */
export interface WholeMail extends KeptMail {
  text: string
  source: string
}

/** The address of the HTML part of a mail, which is a page of its own. */
export const htmlOf = (id: string) => `/mailbox.html?id=${encodeURIComponent(id)}`

/** How often the server is asked for new mails, in milliseconds. */
const interval = 2000

async function load<T>(id: string): Promise<T> {
  const query = id && `?id=${encodeURIComponent(id)}`
  const response = await fetchUsher(`/mailbox.json${query}`).catch((cause: unknown) => { throw new UsherError([], undefined, { cause }) })
  if (response.status === 404) throw new Error('The mailbox does not have this mail any more.')
  if (!response.ok) throw new Error((await response.text()) || `status ${String(response.status)}`)
  return await response.json() as T
}

/** The list of mails, the newest first. It is kept up to date while the page is visible. */
export function useMailbox() {
  const [result, setResult] = useState<{ mails?: KeptMail[]; problem?: string }>({})
  useEffect(() => {
    let stale = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const again = async () => {
      try {
        const mails = await load<KeptMail[]>('')
        if (!stale) setResult({ mails })
      } catch (thrown) {
        if (!stale) setResult((last) => ({ ...last, problem: failureOfQuery(thrown).message }))
        if (isUnreachable(thrown)) await whenBack()
      }
      if (!stale) timer = setTimeout(next, interval)
    }
    const next = () => {
      if (document.visibilityState === 'visible') void again()
      else document.addEventListener('visibilitychange', next, { once: true })
    }
    next()
    return () => {
      stale = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', next)
    }
  }, [])
  return result
}

/** One mail. */
export function useMail(id: string) {
  const [result, setResult] = useState<{ mail?: WholeMail; problem?: string }>({})
  useEffect(() => {
    let stale = false
    load<WholeMail>(id).then(
      (mail) => { if (!stale) setResult({ mail }) },
      (thrown: unknown) => { if (!stale) setResult({ problem: failureOfQuery(thrown).message }) },
    )
    return () => { stale = true }
  }, [id])
  return result
}
