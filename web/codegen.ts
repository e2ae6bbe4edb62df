import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: '../schema.graphqls',
  documents: 'src/**/*.{ts,tsx}',
  ignoreNoDocuments: false,
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        disableDescriptions: true, // a new description in the schema changes nothing here
        enumsAsTypes: true,
        useTypeImports: true,
        strictScalars: true,
        scalars: { ChallengeSolution: 'string', Date: 'string', DateTime: 'string', Duration: 'string', EmailAddress: 'string', JSONObject: 'Record<string, unknown>', OneTimeSecret: 'string', Password: 'string', Role: 'string', Username: 'string' },
      },
    },
  },
}

export default config
