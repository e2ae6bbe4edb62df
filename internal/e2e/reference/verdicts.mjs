// Reads a JSON array of operations and writes the verdict of graphql-js on each: null, or the error that rejects it
// before execution. Coerces all arguments, including those of skipped fields.
//
//   node verdicts.mjs SCHEMA OPERATIONS VERDICTS
import { readFileSync, writeFileSync } from 'node:fs'
import {
  buildSchema, GraphQLError, Kind, parse, TypeInfo, validate, visit, visitWithTypeInfo,
  getArgumentValues, getVariableValues, valueFromASTUntyped,
} from 'graphql'

const [, , schemaFile, operationsFile, verdictsFile] = process.argv
const schema = buildSchema(readFileSync(schemaFile, 'utf8'))

// All custom scalars of the schema but JSONObject are strings.
for (const name of ['DateTime', 'EmailAddress', 'Password', 'Username']) {
  const text = (value) => {
    if (typeof value !== 'string' || (name === 'DateTime' && Number.isNaN(Date.parse(value)))) {
      throw new GraphQLError(`${name} is a text`)
    }
    return value
  }
  schema.getType(name).parseValue = text
  schema.getType(name).parseLiteral = (node) => text(node.kind === Kind.STRING ? node.value : undefined)
}

const json = schema.getType('JSONObject')
json.parseValue = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new GraphQLError('JSONObject is an object')
  return value
}
json.parseLiteral = (node, variables) => json.parseValue(valueFromASTUntyped(node, variables))

function verdict({ query, operationName, variables = {} }) {
  let document
  try {
    document = parse(query)
  } catch (error) {
    return `parse: ${error.message}`
  }
  const [invalid] = validate(schema, document)
  if (invalid) return `validate: ${invalid.message}`
  const operations = document.definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION)
  const named = operations.filter((d) => !operationName || d.name?.value === operationName)
  if (named.length !== 1) return 'operation: none, or several'
  const [operation] = named
  const { errors, coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables)
  if (errors) return `variables: ${errors[0].message}`
  try {
    const fragments = new Map(document.definitions.filter((d) => d.kind === Kind.FRAGMENT_DEFINITION).map((d) => [d.name.value, d]))
    const seen = new Set()
    const info = new TypeInfo(schema)
    const coerce = (root) => visit(root, visitWithTypeInfo(info, {
      Field(node) {
        getArgumentValues(info.getFieldDef(), node, coerced)
      },
      Directive(node) {
        getArgumentValues(info.getDirective(), node, coerced)
      },
      FragmentSpread(node) {
        seen.add(node.name.value)
      },
    }))
    coerce(operation)
    for (const name of seen) coerce(fragments.get(name)) // coerce adds to the set
  } catch (error) {
    return `arguments: ${error.message}`
  }
  return null
}

const operations = JSON.parse(readFileSync(operationsFile, 'utf8'))
writeFileSync(verdictsFile, JSON.stringify(operations.map(verdict)))
