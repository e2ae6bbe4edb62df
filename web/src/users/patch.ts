// JSON objects as text, and what to send when one was edited.

type JSONObject = Record<string, unknown>

const isObject = (value: unknown): value is JSONObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Writes an object for people. */
export const textOf = (object: unknown): string => JSON.stringify(object ?? {}, null, 2)

/**
 * The JSON merge patch (RFC 7396) that makes an object of the server what a text says. So members that were not
 * edited stay as they are, whoever else changes them. Undefined if nothing was edited. Throws an Error that says
 * what is wrong with the text.
 */
export function patchTo(text: string, former: unknown): JSONObject | undefined {
  let value: unknown
  try {
    value = JSON.parse(text.trim() === '' ? '{}' : text)
  } catch (thrown) {
    throw new Error(`This is not valid JSON. ${(thrown as Error).message}`, { cause: thrown })
  }
  if (!isObject(value)) throw new Error('Enter a JSON object, such as {"plan": "free"}.')
  const patch = patchBetween(isObject(former) ? former : {}, value)
  JSON.stringify(patch, (_, part: unknown) => {
    if (typeof part === 'number' && Math.abs(part) > Number.MAX_SAFE_INTEGER) {
      throw new Error(`A browser cannot keep all digits of ${String(part)}. Write the number as a string.`)
    }
    return part
  })
  return Object.keys(patch).length > 0 ? patch : undefined
}

function patchBetween(before: JSONObject, after: JSONObject): JSONObject {
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key)).map((key) => [key, null])
  const changed = Object.entries(after).flatMap(([key, value]) => {
    if (value === null) throw new Error(`“${key}” is null, which would remove it. Remove it from the text instead.`)
    const old = Object.hasOwn(before, key) ? before[key] : undefined
    if (!isObject(value)) return JSON.stringify(value) === JSON.stringify(old) ? [] : [[key, value]]
    const inner = patchBetween(isObject(old) ? old : {}, value)
    return isObject(old) && Object.keys(inner).length === 0 ? [] : [[key, inner]]
  })
  return Object.fromEntries([...removed, ...changed]) as JSONObject
}
