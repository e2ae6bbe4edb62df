// Step-up: a request that was refused with STEP_UP_REQUIRED waits here until the user confirms their identity.
import { type Assurance, type AuthMethod, extensionsOf, type GraphQLError } from './errors.js'
import type { SecondFactorAnswer } from './secondfactor.js'

/** With what a user confirms their identity: the input of `reauthenticate`. */
export type Confirmation = { readonly password: string } | SecondFactorAnswer

/** A request for the user to confirm their identity. */
export interface Question {
  /** The session that asks. */
  readonly session: string
  /** The methods that will do, any one of them. A newer server may have methods that this package does not know. */
  readonly methods: readonly AuthMethod[]
  /** The level that the confirmation must reach. */
  readonly assurance: Assurance
  /** Sends a password, a code or a passkey. Throws an UsherError when it is wrong; the question then stays open. */
  readonly confirm: (input: Confirmation) => Promise<void>
  /** Gives up. The requests that wait get the answer of the server, STEP_UP_REQUIRED. */
  readonly cancel: () => void
}

/** The question to show, for a dialog. */
export interface StepUp {
  /** Returns the open question. */
  readonly question: () => Question | null
  /** Calls a listener when the question changes. Returns how to stop. */
  readonly subscribe: (listener: () => void) => () => void
}

interface Session {
  readonly isCurrent: (session: string) => boolean
  readonly subscribe: (listener: () => void) => () => void
  readonly reauthenticate: (session: string, input: Confirmation) => Promise<void>
}

/** Makes the step-up of a client. */
export function createStepUp({ isCurrent, subscribe, reauthenticate }: Session) {
  let open: { question: Question; confirmed: Promise<boolean> } | null = null
  const listeners = new Set<() => void>()

  function set(next: typeof open) {
    open = next
    for (const listener of listeners) listener()
  }

  /**
   * Asks what an error STEP_UP_REQUIRED requires, once for all requests that wait. Resolves to false if the user cancels, if the session ends, or
   * if nothing listens that could ask.
   */
  function ask(session: string, required: GraphQLError): Promise<boolean> {
    if (listeners.size === 0 || !isCurrent(session)) return Promise.resolve(false)
    if (open) return open.confirmed // of the same session, because a question ends with its session
    let settle: (confirmed: boolean) => void = () => undefined
    const confirmed = new Promise<boolean>((resolve) => { settle = resolve })
    const close = (result: boolean) => {
      if (open?.question !== question) return
      stop()
      set(null)
      settle(result)
    }
    const { methods = ['PASSWORD'], assurance = 'AAL1' } = extensionsOf(required)
    const question: Question = {
      session,
      methods,
      assurance,
      confirm: async (input) => {
        await reauthenticate(session, input)
        close(true)
      },
      cancel: () => { close(false) },
    }
    const stop = subscribe(() => { if (!isCurrent(session)) question.cancel() })
    set({ question, confirmed })
    return confirmed
  }

  const stepUp: StepUp = {
    question: () => open?.question ?? null,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
  }
  return { ask, stepUp }
}
