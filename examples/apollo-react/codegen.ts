import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: '../../schema.graphqls',
  documents: 'src/*.{ts,tsx}',
  // A scalar that is not listed here would be `any`.
  config: {
    strictScalars: true,
    scalars: { ChallengeSolution: 'string', Date: 'string', DateTime: 'string', Duration: 'string', EmailAddress: 'string', JSONObject: 'Record<string, unknown>', OneTimeSecret: 'string', Password: 'string', Role: 'string', Username: 'string' },
    enumsAsTypes: true,
    useTypeImports: true,
  },
  generates: {
    'src/generated/': { preset: 'client', presetConfig: { fragmentMasking: false } },
  },
}

export default config
