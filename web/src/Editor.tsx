import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './editor.css'

import { useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import type { Fetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { buildSchema } from 'graphql'
import type { Environment } from 'monaco-editor'
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker'
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker'
import GraphQLWorker from 'monaco-graphql/esm/graphql.worker.js?worker'
import { useEffect } from 'react'

import { Problem } from './form'
import { mendTabs } from './mendTabs'
import { takeWishes } from './opening'
import { useSchema } from './schema'
import { authorized } from './send'
import { storage } from './storage'
import { useTheme } from './theme'

const environment: Environment = {
  getWorker(_, label) {
    if (label === 'json') return new JsonWorker()
    return label === 'graphql' ? new GraphQLWorker() : new EditorWorker()
  },
}
Object.assign(globalThis, { MonacoEnvironment: environment })

const fetcher = (async (request, options) =>
  await authorized(request, options?.headers)) as Fetcher

// Introspection may be off, and leaves out what the viewer may not have, so it is not asked.
const build = (sdl: string) => buildSchema(sdl, { assumeValid: true })

const welcome = `# Ctrl-Enter runs this as you.
query Me {
  me {
    id
    username
    roles
  }
}
`

/** GraphiQL, which sends requests as whoever is signed in. */
export default function Editor() {
  const theme = useTheme()
  const { value: schema, problem } = useSchema(build)
  if (!schema) return <Problem text={problem?.message} />
  return (
    <GraphiQL
      fetcher={fetcher}
      schema={schema}
      storage={storage}
      defaultQuery={welcome}
      defaultEditorToolsVisibility="variables"
      forcedTheme={theme}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <Wishes />
      </GraphiQL.Logo>
    </GraphiQL>
  )
}

/** Opens the starters that were asked for, each in a new tab. */
function Wishes() {
  const actions = useGraphiQLActions()
  const query = useGraphiQL((state) => state.queryEditor)
  const variables = useGraphiQL((state) => state.variableEditor)
  useEffect(() => {
    if (!query || !variables) return
    return takeWishes((starter) => {
      actions.addTab()
      query.setValue(starter.query)
      variables.setValue(starter.variables ? JSON.stringify(starter.variables, null, 2) : '')
    })
  }, [actions, query, variables])
  useEffect(() => (query ? mendTabs() : undefined), [query]) // the tabs are there when the editor is
  return null
}
