import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

import { manifest } from './manifest'
import { pack } from './pack'

/** `npm run dev` sends what is not the page to this server; USHER_URL names another one. */
const server = process.env.USHER_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), manifest(), pack()],
  html: { cspNonce: '__CSP_NONCE__' }, // the server puts a fresh one in its place
  build: {
    outDir: '../internal/console/dist',
    emptyOutDir: false, // git keeps a file there; pack removes what an earlier build left
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000, // the editor is large, and loads when it is wanted
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      onLog(level, log, report) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log) // for a compiler that has run already
      },
    },
  },
  worker: { format: 'es' },
  // The server must see the page's own host, or it takes the page for one of another origin.
  server: {
    fs: { allow: ['.', '../clients/js'] },
    proxy: { '/graphql': { target: server, changeOrigin: false }, '/schema.graphqls': server, '/access.json': server, '/mailbox.json': server, '/mailbox.html': server },
  },
})
