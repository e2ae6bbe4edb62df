import react from '@vitejs/plugin-react'
import { defineConfig, loadEnv } from 'vite'

export default defineConfig(({ mode }) => {
  const { USHER_URL = 'http://127.0.0.1:8080' } = loadEnv(mode, import.meta.dirname, 'USHER_')
  return {
    plugins: [react()],
    // The page and the API are one origin this way, as behind a reverse proxy; `vite preview` does the same.
    // Vite answers pages of any port of this machine by itself, unless told to leave that to the server.
    // The server compares the page's origin with the host that it was asked for, so the host has to stay.
    server: { proxy: { '/graphql': { target: USHER_URL, changeOrigin: false } }, cors: false },
  }
})
