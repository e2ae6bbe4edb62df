// The documents of TestTrustedDocuments.
import { graphql } from './gql'

export const signUp = graphql(`
  mutation SignUp($input: SignupInput!) {
    signup(input: $input) { accessToken user { id username } }
  }
`)

export const me = graphql(`
  query Me { me { ...Name } }
`)

graphql(`
  fragment Name on User { id username }
`)
