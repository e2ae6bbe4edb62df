// The list of mails for administrators. Argument: the address of a server whose SMTP server rejects the first mail.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertAccessible, openAsAdmin } from './browser.mjs'
import { requestReset } from './mails.mjs'

test('a mail that was rejected shows why, and is sent again', async () => {
  const page = await openAsAdmin('mails')
  await page.getByText('No mail was requested yet.').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Mailbox' }).count(), 0, 'there is a mailbox beside the SMTP server')
  await requestReset('root')
  const row = page.getByRole('row').filter({ hasText: 'root@example.com' })
  await page.getByLabel('State').selectOption('failed')
  for (let tries = 0; tries < 20 && await row.count() === 0; tries++) { // the worker is on its way
    await page.getByRole('button', { name: 'Reload' }).click()
    await page.locator('.scroll[aria-busy=false]').waitFor()
  }
  await row.getByText('no such mailbox').waitFor()
  await assertAccessible(page, 'a mail that was rejected')
  await row.getByRole('button', { name: 'Retry the mail to root@example.com' }).click()
  await page.getByText('No mails match.').waitFor()
  await page.getByRole('link', { name: 'Show all mails' }).click()
  for (let tries = 0; tries < 20 && await row.getByText('sent', { exact: true }).count() === 0; tries++) {
    await page.getByRole('button', { name: 'Reload' }).click()
    await page.locator('.scroll[aria-busy=false]').waitFor()
  }
  await row.getByText('sent', { exact: true }).waitFor()
  await row.getByRole('link', { name: 'root@example.com' }).click()
  await page.getByRole('dialog', { name: 'root' }).waitFor()
})
