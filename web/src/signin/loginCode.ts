// The mails that sign in: their code, and their link, which needs the flow that the tab that asked for the mail has.
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
const question = 'Which flow?'
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel(key) : undefined
const ownFlow = () => sessionStorage.getItem(key)

// Mail programs open links in a new tab, which has a sessionStorage of its own. It asks the others.
tabs?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const flow = ownFlow()
  if (data === question && flow) tabs.postMessage({ flow })
})

/** How long other tabs have to answer, in milliseconds. */
const patience = 500

/** Resolves to the flow of the last mail that this browser has asked for, or undefined. */
export async function findFlow(): Promise<string | undefined> {
  const flow = ownFlow()
  if (flow || !tabs) return flow ?? undefined
  return new Promise((resolve) => {
    const end = (found?: string) => {
      tabs.removeEventListener('message', answered)
      clearTimeout(timer)
      resolve(found)
    }
    const answered = ({ data }: MessageEvent<{ flow?: string }>) => { if (data.flow) end(data.flow) }
    const timer = setTimeout(end, patience)
    tabs.addEventListener('message', answered)
    tabs.postMessage(question)
  })
}

/** Asks for a mail that signs in. Its link will work in this browser. */
export async function requestLoginCode(email: string, withSolution: WithSolution) {
  const { requestLoginCode } = await withSolution((challengeSolution) =>
    sendAnonymously(requestDocument, { input: { email, challengeSolution } }))
  return requestLoginCode.flow
}

/** Keeps the flow of a mail for its link. */
export function keepFlow(flow: string) {
  sessionStorage.setItem(key, flow)
}

/** Signs in with the code or the link of a mail. */
export async function logInWithCode(secret: Omit<LoginWithCodeInput, 'session'>) {
  await usher.signIn(async () =>
    (await sendAnonymously(logInDocument, { input: { ...secret, session: 'COOKIE' } })).loginWithCode)
  sessionStorage.removeItem(key)
}
