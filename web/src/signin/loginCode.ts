// The mails that sign in: their code, and their link, which needs the flow that the tab that asked for the mail has.
import { secondFactorOf } from 'usher-client'

import type { WithSolution } from '../challenge'
import { graphql } from '../gql'
import type { LoginWithCodeInput } from '../gql/graphql'
import { sendAnonymously } from '../send'
import { usher } from '../session'

const requestDocument = graphql(`
  mutation ConsoleRequestLoginCode($input: RequestLoginCodeInput!) {
    requestLoginCode(input: $input) { flow }
  }
`)

const logInDocument = graphql(`
  mutation ConsoleLogInWithCode($input: LoginWithCodeInput!) {
    loginWithCode(input: $input) { ...SignIn }
  }
`)

const key = 'usher-login-flow'

/** The flow of a mail, and when it was asked for. */
interface Flow {
  flow: string
  at: number
}

/** What tabs say to each other: whether one has a flow, the flow of one, and that one was used. */
type Message = 'Which flow?' | Flow | { used: string }

const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel(key) : undefined
const say = (message: Message) => tabs?.postMessage(message)

function ownFlow(): Flow | undefined {
  const kept = sessionStorage.getItem(key)
  return kept === null ? undefined : JSON.parse(kept) as Flow
}

// Mail programs open links in a new tab, which has a sessionStorage of its own. It asks the others.
tabs?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
  const own = ownFlow()
  if (!own) return
  if (data === 'Which flow?') say(own)
  else if ('used' in data && data.used === own.flow) sessionStorage.removeItem(key)
})

/** How long other tabs have to answer, in milliseconds. */
const patience = 500

/** Resolves to the flow of the last mail that this browser has asked for, or undefined. */
export async function findFlow(): Promise<string | undefined> {
  const found = [ownFlow()]
  if (tabs) {
    const collect = ({ data }: MessageEvent<Message>) => { if (typeof data === 'object' && 'flow' in data) found.push(data) }
    tabs.addEventListener('message', collect)
    say('Which flow?')
    await new Promise((resolve) => { setTimeout(resolve, patience) })
    tabs.removeEventListener('message', collect)
  }
  return found.filter((one) => one !== undefined).sort((a, b) => b.at - a.at)[0]?.flow
}

/** Asks for a mail that signs in. Its link will work in this browser. */
export async function requestLoginCode(email: string, withSolution: WithSolution) {
  const { requestLoginCode } = await withSolution((challengeSolution) =>
    sendAnonymously(requestDocument, { input: { email, challengeSolution } }))
  return requestLoginCode.flow
}

/** Keeps the flow of a mail for its link. */
export function keepFlow(flow: string) {
  sessionStorage.setItem(key, JSON.stringify({ flow, at: Date.now() } satisfies Flow))
}

/** Signs in with the code or the link of a mail. The secret is used up, also if a second factor is needed. */
export async function logInWithCode(secret: Omit<LoginWithCodeInput, 'session'>) {
  try {
    await usher.signIn(async () =>
      (await sendAnonymously(logInDocument, { input: { ...secret, session: 'COOKIE' } })).loginWithCode)
  } catch (thrown) {
    if (!secondFactorOf(thrown)) throw thrown
    forget(secret.flow)
    throw thrown
  }
  forget(secret.flow)
}

function forget(used: string | null | undefined) {
  const flow = used ?? ownFlow()?.flow
  if (flow === undefined) return
  if (ownFlow()?.flow === flow) sessionStorage.removeItem(key)
  say({ used: flow })
}
