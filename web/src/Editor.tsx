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
import { post } from 'usher-client'

import { Placeholder } from './components/Placeholder'
import { failure } from './failure'
import { useFetched } from './fetched'
import { fixTabRoles } from './fixTabRoles'
import { onOpen } from './opening'
import { onlyTrusted } from './page'
import { href } from './route'
import { usher, useSession } from './session'
import { storage } from './storage'
import { useTheme } from './theme'

const environment: Environment = {
  getWorker(_, label) {
    if (label === 'json') return new JsonWorker()
    return label === 'graphql' ? new GraphQLWorker() : new EditorWorker()
  },
}
Object.assign(globalThis, { MonacoEnvironment: environment })

// What is thrown, the editor would show with its stack.
const fetcher = (async (request, options) =>
  await post(usher.fetch, '/graphql', request, options?.headers)
    .catch((thrown: unknown) => ({ errors: [{ message: failure(thrown).message }] }))) as Fetcher

// Introspection may be off, and hides fields that the user may not select, so the schema comes from the SDL.
const build = (sdl: string) => buildSchema(sdl, { assumeValid: true })

const welcome = `# Press Ctrl-Enter to run this.
query Me {
  me {
    id
    username
    roles
  }
}
`

/** GraphiQL, which sends requests as the signed-in user. */
export default function Editor() {
  const theme = useTheme()
  const { viewer } = useSession()
  const { value: schema, problem } = useFetched('/schema.graphqls', build)
  if (!schema) return <div className="view"><Placeholder loading problem={problem?.message} lines={6} /></div>
  return (
    <>
      {onlyTrusted && !viewer?.user.roles?.includes('ADMIN') && (
        <p className="notice">
          This server accepts only trusted documents. Only administrators can run other operations. The examples
          of the <a href={href('')}>start view</a> run if you do not change them.
        </p>
      )}
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
          <OpenStarters />
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  )
}

/** Opens requested starters, each in a new tab. */
function OpenStarters() {
  const actions = useGraphiQLActions()
  const query = useGraphiQL((state) => state.queryEditor)
  const variables = useGraphiQL((state) => state.variableEditor)
  useEffect(() => {
    if (!query || !variables) return
    return onOpen((starter) => {
      actions.addTab()
      query.setValue(starter.query)
      variables.setValue(starter.variables ? JSON.stringify(starter.variables, null, 2) : '')
    })
  }, [actions, query, variables])
  useEffect(() => (query ? fixTabRoles() : undefined), [query]) // the tabs exist once the editor does
  return null
}
