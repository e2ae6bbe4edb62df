/** An example operation. The build checks it against the schema. */
export interface Starter {
  about: string
  query: string
  variables?: object
}

/** The starters, grouped by the users that can run them. */
export const starters: { who: string; list: Starter[] }[] = [
  {
    who: 'Everyone',
    list: [
      {
        about: 'Create an account and sign in.',
        query: /* GraphQL */ `mutation SignUp($input: SignupInput!) {
  signup(input: $input) {
    accessToken
    expiresIn
    user { id username email }
  }
}`,
        variables: { input: { username: 'ada', email: 'ada@example.com', password: 'four small green turtles' } },
      },
      {
        about: 'Sign in with a user name or an e-mail address.',
        query: /* GraphQL */ `mutation LogIn($input: LoginInput!) {
  login(input: $input) {
    accessToken
    refreshToken
    expiresIn
    session { id expiresAt }
    user { id username roles }
  }
}`,
        variables: { input: { identifier: 'ada', password: 'four small green turtles' } },
      },
      {
        about: 'Exchange a refresh token for a new token pair.',
        query: /* GraphQL */ `mutation Refresh($input: RefreshInput!) {
  refresh(input: $input) {
    accessToken
    refreshToken
    expiresIn
  }
}`,
        variables: { input: { refreshToken: 'urt_…' } },
      },
    ],
  },
  {
    who: 'Signed-in users',
    list: [
      {
        about: 'Show my account.',
        query: /* GraphQL */ `query Me {
  me {
    id
    username
    email
    fullName
    roles
    createdAt
    updatedAt
  }
}`,
      },
      {
        about: 'List my sessions.',
        query: /* GraphQL */ `query MySessions {
  me {
    sessions(first: 20) {
      edges {
        node { id current createdAt lastUsedAt expiresAt ipAddress userAgent }
      }
    }
  }
}`,
      },
      {
        about: 'Revoke one of my sessions.',
        query: /* GraphQL */ `mutation RevokeSession($input: RevokeSessionInput!) {
  revokeSession(input: $input) { sessionId }
}`,
        variables: { input: { sessionId: '' } },
      },
      {
        about: 'Change my full name.',
        query: /* GraphQL */ `mutation UpdateMe($input: UpdateMeInput!) {
  updateMe(input: $input) {
    user { id fullName updatedAt }
  }
}`,
        variables: { input: { fullName: 'Ada Lovelace' } },
      },
    ],
  },
  {
    who: 'Administrators',
    list: [
      {
        about: 'Find users.',
        query: /* GraphQL */ `query FindUsers($filter: UserFilter) {
  users(first: 20, filter: $filter, orderBy: { field: USERNAME, direction: ASC }) {
    edges {
      node { id username email roles createdAt disabledAt }
    }
    pageInfo { hasNextPage endCursor }
  }
}`,
        variables: { filter: { search: 'a' } },
      },
      {
        about: 'Change the roles of a user.',
        query: /* GraphQL */ `mutation GiveRoles($input: UpdateUserInput!) {
  updateUser(input: $input) {
    user { id username roles }
  }
}`,
        variables: { input: { userId: '', roles: ['USER', 'ADMIN'] } },
      },
      {
        about: 'Disable an account.',
        query: /* GraphQL */ `mutation DisableUser($input: DisableUserInput!) {
  disableUser(input: $input) {
    user { id username disabledAt }
  }
}`,
        variables: { input: { userId: '' } },
      },
      {
        about: 'Read the audit log.',
        query: /* GraphQL */ `query AuditLog($filter: AuditEventFilter) {
  auditEvents(first: 20, filter: $filter) {
    edges {
      node {
        at
        kind
        actor { username }
        user { username }
        ipAddress
        requestId
      }
    }
  }
}`,
        variables: { filter: { kind: 'LOGIN_FAILED' } },
      },
    ],
  },
]

/** Returns the operation name of a starter. */
export function nameOfStarter({ query }: Starter): string {
  return /\w+ (\w+)/.exec(query)?.[1] ?? ''
}
