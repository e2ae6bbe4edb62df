import { CopyButton } from '../components/CopyButton'
import { Form } from '../components/Form'
import { graphql } from '../gql'
import type { ConsoleBeginTotpSetupMutation } from '../gql/graphql'
import { send } from '../send'
import { appCodeField } from '../signin/MethodForm'
import { trimmed } from '../signin/signIn'

const confirmDocument = graphql(`
  mutation ConsoleConfirmTotpSetup($input: ConfirmTotpSetupInput!) {
    confirmTotpSetup(input: $input) { recoveryCodes }
  }
`)

/** Shows the key of an authenticator app, and asks for the code that the app then shows. */
export function SetUpApp({ setup: { otpauthUri, qrCodeSvg, key }, cancel, done }: {
  setup: ConsoleBeginTotpSetupMutation['beginTotpSetup']
  cancel: () => void
  done: (recoveryCodes: string[] | null | undefined) => void
}) {
  return (
    <div className="set-up">
      {/* In an image, nothing of an SVG runs or loads. */}
      <img src={`data:image/svg+xml,${encodeURIComponent(qrCodeSvg)}`} alt="QR code with the key" width="180" height="180" />
      <div>
        <p>Scan the QR code with an authenticator app. On a phone, <a href={otpauthUri}>open the app with this link</a>, or enter the key:</p>
        <p className="key"><code>{(key.match(/.{1,4}/g) ?? []).join(' ')}</code><CopyButton label="key" text={key} /></p>
        <Form
          submit="Turn on"
          fields={[{ ...appCodeField, name: 'code', label: 'Code that the app shows', focus: true }]}
          action={async ({ code }) => {
            done((await send(confirmDocument, { input: { code: trimmed(code) } })).confirmTotpSetup.recoveryCodes)
          }}
        >
          <button type="button" onClick={cancel}>Cancel</button>
        </Form>
      </div>
    </div>
  )
}
