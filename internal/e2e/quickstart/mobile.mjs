// Runs a module of docs/quickstart.md twice, as two starts of a mobile application. The arguments are the folder of the
// project and the module. Map stands in for the keychain, which only devices have.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'vite'

const [root, module] = process.argv.slice(2)
globalThis.keychain = new Map()
writeFileSync(join(root, 'secure-store.js'), `
  export const getItemAsync = async (key) => globalThis.keychain.get(key) ?? null
  export const setItemAsync = async (key, value) => { globalThis.keychain.set(key, value) }
  export const deleteItemAsync = async (key) => { globalThis.keychain.delete(key) }
`)
const tokens = []
for (let start = 0; start < 2; start++) {
  const server = await createServer({
    root, configFile: false, appType: 'custom', server: { middlewareMode: true, ws: false },
    resolve: { alias: { 'expo-secure-store': join(root, 'secure-store.js') } }, ssr: { noExternal: ['usher-client'] },
  })
  await server.ssrLoadModule(`/${module}`)
  tokens.push(globalThis.keychain.get('usher-refresh-token'))
  await server.close()
}
assert.match(tokens[0], /^urt_/)
assert.match(tokens[1], /^urt_/)
assert.notEqual(tokens[0], tokens[1]) // the second start has refreshed the session of the first
