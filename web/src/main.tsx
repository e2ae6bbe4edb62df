import './nonce'
import './links/secret'
import './base.css'
import './frame.css'
import './views.css'
import './admin.css'
import './mail.css'

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { App } from './App'
import { Boundary } from './components/Boundary'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')

createRoot(root).render(
  <StrictMode>
    <Boundary>
      <App />
    </Boundary>
  </StrictMode>,
)
