import react from '@vitejs/plugin-react'
import { defineConfig, loadEnv } from 'vite'

export default defineConfig(({ mode }) => {
  const { USHER_URL = 'http://127.0.0.1:8080' } = loadEnv(mode, import.meta.dirname, 'USHER_')
  return {
    plugins: [react()],
    server: {
      // This gives the page and the API one origin, as behind a reverse proxy. `vite preview` does the same.
      // The server compares the page's origin with the Host header, so the proxy must not change it.
      proxy: { '/graphql': { target: USHER_URL, changeOrigin: false } },
      cors: false, // Vite would answer preflight requests of other local pages itself
      fs: { allow: ['..', '../../clients/js'] },
    },
  }
})
