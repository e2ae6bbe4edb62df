// The mails in the mailbox of the server under test, without a browser.
import { graphql, password, until, url } from './browser.mjs'

/** @typedef {{ id: string, to: string, subject: string, text: string, source: string, link: string, code: string }} Mail */

/** The mails that tests have had. @type {Set<string>} */
const had = new Set()

/** @param {string} query @returns {Promise<unknown>} */
const mailbox = async (query) => (await fetch(`${url}/mailbox.json${query}`)).json()

/** Waits for the next mail to an address. @param {string} to @param {RegExp} [subject] @returns {Promise<Mail>} */
export async function nextMail(to, subject = /./) {
  /** @type {{ id: string, to: string, subject: string } | undefined} */
  let found
  await until(async () => {
    const mails = /** @type {{ id: string, to: string, subject: string }[]} */ (await mailbox(''))
    found = mails.findLast((mail) => mail.to === to && !had.has(mail.id) && subject.test(mail.subject))
    return found !== undefined
  }, 20)
  const id = found?.id ?? ''
  had.add(id)
  const mail = /** @type {Mail} */ (await mailbox(`?id=${encodeURIComponent(id)}`))
  return { ...mail, link: /^https?:\/\/\S+$/m.exec(mail.text)?.[0] ?? '', code: /^\d{6}$/m.exec(mail.text)?.[0] ?? '' }
}

/** The number of mails to an address. @param {string} to */
export const countMails = async (to) =>
  /** @type {{ to: string }[]} */ (await mailbox('')).filter((mail) => mail.to === to).length

/** Makes an account with an address. Resolves to its access token. @param {string} name */
export async function accountWithEmail(name, email = `${name}@example.com`) {
  const { data } = await graphql(
    'mutation ($input: SignupInput!) { signup(input: $input) { accessToken } }',
    { input: { username: name, email, password } },
  )
  return /** @type {{signup: {accessToken: string}}} */ (data).signup.accessToken
}

/** Asks for a mail that resets a password. @param {string} identifier */
export const requestReset = (identifier) => graphql(
  'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { flow } }', { input: { identifier } },
)

/** Asks for a mail that verifies an address. @param {string} bearer */
export const requestVerification = (bearer) => graphql('mutation { requestEmailVerification { user { id } } }', {}, bearer)
