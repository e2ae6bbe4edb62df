// Lints the schema in the first argument with all rules of graphql-eslint for schemas and for Relay.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import graphql from '@graphql-eslint/eslint-plugin'
import { ESLint } from 'eslint'

const [schema] = process.argv.slice(2)

// What differs from the presets, with the reason.
const changed = {
  // One line is in quotes, more are in a block.
  'description-style': 'off',
  // The order shows what belongs together.
  alphabetize: 'off',
  // There are no subscriptions.
  'no-root-type': ['error', { disallow: ['subscription'] }],
  // A mutation fails as a whole: its error makes data null, and clients need no check for a null payload.
  'require-nullable-result-in-root': 'off',
  // Guards do not run on a field that leads back to a root type, so the server does not start with one.
  'require-field-of-type-query-in-mutation-result': 'off',
  // These have no identity: caches store them in their parent. Or their key has another name: name, date and kid.
  'strict-id-in-types': ['error', {
    acceptedIdNames: ['id'], acceptedIdTypes: ['ID'],
    exceptions: { types: ['PageInfo', 'PasskeyRequest', 'ProviderRedirect', 'RoleDefinition', 'DailyActivity', 'SigningKey'], suffixes: ['Connection', 'Edge', 'Payload'] },
  }],
  // The roles of a user are a short list of names, which needs no pages.
  'relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
}

// Messages that the schema has on purpose. Each must occur.
const expected = [
  // The extensions of errors have these values, and extensions have no type.
  ...['ErrorCode', 'UnauthenticatedReason', 'InputErrorCode'].map((name) => `Enum type \`${name}\` is unreachable.`),
  // It is the word for a user name. "name" would be the full name.
  'Field "username" starts with the name of the parent type "User"',
]

const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: [{
    files: ['**/*.graphqls'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-all'].rules,
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      ...Object.fromEntries(Object.entries(changed).map(([rule, value]) => [`@graphql-eslint/${rule}`, value])),
    },
  }],
  cwd: '/',
})
const results = await eslint.lintText(readFileSync(schema, 'utf8'), { filePath: schema })
console.log((await eslint.loadFormatter('stylish')).format(results))
assert.deepEqual(results.flatMap((r) => r.messages.map((m) => m.message)).sort(), expected.sort())
