import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: '../../schema.graphqls',
  documents: 'src/*.{ts,tsx}',
  // Each scalar of the schema is named here, or the types of its fields would be `any`.
  config: {
    strictScalars: true,
    scalars: { DateTime: 'string', EmailAddress: 'string', Password: 'string', Username: 'string' },
    enumsAsTypes: true,
    useTypeImports: true,
  },
  generates: {
    'src/generated/': { preset: 'client', presetConfig: { fragmentMasking: false } },
    // The preset leaves out what no operation uses, such as ErrorCode.
    'src/generated/enums.ts': { plugins: ['typescript'], config: { onlyEnums: true } },
  },
}

export default config
