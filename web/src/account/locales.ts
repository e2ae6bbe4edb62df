import type { FieldSpec } from '../components/Field'

/** The languages of Usher's own mail templates. */
const own = ['ar', 'de', 'en', 'es', 'fr', 'ja', 'pt']

/** A language in its own words. */
export function languageOf(tag: string): string {
  try {
    return new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag // the server knows more tags than this browser
  }
}

/** The field of the language of mails. The server may have templates in other languages, so a tag of the account is listed too. */
export function localeField(value: string, unset: string): FieldSpec {
  const tags = own.includes(value) || value === '' ? own : [...own, value]
  return {
    name: 'locale', label: 'Language of mail', type: 'select', value,
    options: [{ value: '', label: unset }, ...tags.map((tag) => ({ value: tag, label: languageOf(tag) }))],
  }
}
