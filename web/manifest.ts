import { createHash } from 'node:crypto'
import type { Plugin } from 'vite'

import * as generated from './src/gql/graphql'
import { starters } from './src/starters'

/**
 * Writes the manifest of the console's documents beside the page. The server trusts them, so that
 * `--trusted-documents-mode only` does not lock the console out. graphql-codegen's own manifest has the documents
 * in a normalized form. This has them as the page sends them, and the starters as the editor sends them.
 */
export function manifest(): Plugin {
  return {
    name: 'manifest',
    apply: 'build',
    generateBundle() {
      const sent = Object.values(generated).map(String).filter((text) => /^\s*(query|mutation) Console/.test(text))
      const texts = [...sent, ...starters.flatMap(({ list }) => list.map(({ query }) => query))]
      const byId = Object.fromEntries(texts.map((text) => [`sha256:${createHash('sha256').update(text).digest('hex')}`, text]))
      this.emitFile({ type: 'asset', fileName: 'persisted-documents.json', source: JSON.stringify(byId, null, 2) })
    },
  }
}
