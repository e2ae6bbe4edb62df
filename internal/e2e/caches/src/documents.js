/* What a page with Relay would have. relay-compiler reads it; nothing runs it. */
graphql`
  query documentsMeQuery {
    me {
      id
      ...documents_user
    }
  }
`

graphql`
  fragment documents_user on User
  @refetchable(queryName: "documentsUserQuery")
  @argumentDefinitions(first: { type: "Int" }, after: { type: "String" }, last: { type: "Int" }, before: { type: "String" }) {
    username
    email
    sessions(first: $first, after: $after, last: $last, before: $before) @connection(key: "documents_sessions") {
      edges {
        node {
          id
          ...documents_session
        }
      }
    }
  }
`

graphql`
  fragment documents_session on Session @refetchable(queryName: "documentsSessionQuery") {
    id
    current
    createdAt
  }
`

graphql`
  fragment documents_event on AuditEvent @refetchable(queryName: "documentsEventQuery") {
    kind
    user {
      id
    }
  }
`
