// Operations that OAuth does not cover.

/** signup creates a user and returns the tokens of its first session. */
export async function signup(url, username) {
  const query = `mutation ($input: SignupInput!) {
    signup(input: $input) { accessToken refreshToken user { id } }
  }`;
  const variables = { input: { username, password } };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) {
    throw new Error(`signup: ${JSON.stringify(errors)}`);
  }
  return data.signup;
}

export const password = 'four small green turtles';
