import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

/**
 * Leaves each file under assets/ as NAME.br and NAME.gz alone. The server sends them as they are, so
 * this is the place to take all the time there is.
 */
export function pack(): Plugin {
  let assets: string
  return {
    name: 'pack',
    apply: 'build',
    configResolved(config) {
      assets = join(config.root, config.build.outDir, config.build.assetsDir)
    },
    buildStart() {
      rmSync(assets, { recursive: true, force: true }) // an earlier build's
      mkdirSync(assets, { recursive: true })
    },
    closeBundle() {
      let total = 0
      for (const name of readdirSync(assets)) {
        const file = join(assets, name)
        const raw = readFileSync(file)
        const br = brotliCompressSync(raw, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
          },
        })
        writeFileSync(`${file}.br`, br)
        writeFileSync(`${file}.gz`, gzipSync(raw, { level: constants.Z_BEST_COMPRESSION }))
        rmSync(file)
        total += br.length
      }
      console.log(`${(total / 1e6).toFixed(2)} MB packed`)
    },
  }
}
