// Uses a running server with openid-client. Covers both kinds of discovery, all grants, userinfo, introspection
// and revocation.
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { password, signup } from './graphql.mjs';

const [url, id, secret, resource] = process.argv.slice(2);
const server = new URL(url);
const insecure = [client.allowInsecureRequests]; // the server under test uses HTTP

const discover = (clientId, authentication, algorithm) =>
  client.discovery(server, clientId, undefined, authentication, { execute: insecure, algorithm });

const frontend = await discover('usher', client.None(), 'oidc');
const user = await signup(url, 'openid-client');

// The frontend signs in and refreshes.
let tokens = await client.genericGrantRequest(frontend, 'password', { username: 'openid-client', password });
assert.equal(tokens.token_type, 'bearer');
assert.equal(tokens.expires_in, 900);
const forService = await client.refreshTokenGrant(frontend, tokens.refresh_token, { resource });
await assert.rejects(client.fetchUserInfo(frontend, forService.access_token, user.user.id), ({ cause }) => {
  assert.equal(cause[0].parameters.error, 'invalid_token');
  return true;
});
await assert.rejects(client.refreshTokenGrant(frontend, forService.refresh_token, { resource: 'https://unknown.example' }), { error: 'invalid_target' });
tokens = await client.refreshTokenGrant(frontend, forService.refresh_token);
const info = await client.fetchUserInfo(frontend, tokens.access_token, user.user.id);
assert.equal(info.preferred_username, 'openid-client');
assert.equal(info.email_verified, undefined); // the user has no email address
await assert.rejects(client.genericGrantRequest(frontend, 'password', { username: 'openid-client', password: 'wrong' }), {
  name: 'ResponseBodyError', status: 400, error: 'invalid_grant',
});

for (const [algorithm, authentication] of [
  ['oidc', client.ClientSecretBasic(secret)],
  ['oauth2', client.ClientSecretPost(secret)],
]) {
  // A registered client gets a token for itself. It introspects this token and tokens for its API.
  const service = await discover(id, authentication, algorithm);
  const own = await client.clientCredentialsGrant(service);
  assert.equal(own.refresh_token, undefined);
  for (const [token, subject, clientId] of [
    [own.access_token, id, id],
    [forService.access_token, user.user.id, 'usher'],
  ]) {
    const { active, sub, client_id, exp } = await client.tokenIntrospection(service, token);
    assert.deepEqual({ active, sub, client_id }, { active: true, sub: subject, client_id: clientId });
    assert.ok(exp > Date.now() / 1000);
  }
  for (const token of ['unknown', tokens.access_token, tokens.refresh_token]) {
    assert.deepEqual(await client.tokenIntrospection(service, token), { active: false });
  }

  // It can neither use nor revoke the frontend's tokens.
  await assert.rejects(client.refreshTokenGrant(service, tokens.refresh_token), { error: 'unauthorized_client' });
  await assert.rejects(client.tokenRevocation(service, tokens.refresh_token), { error: 'invalid_grant' });
  await assert.rejects(client.tokenRevocation(service, own.access_token), { error: 'unsupported_token_type' });
  await assert.rejects(client.clientCredentialsGrant(service, { scope: 'all' }), { error: 'invalid_scope' });
  await assert.rejects(client.clientCredentialsGrant(service, { resource: 'https://unknown.example' }), { error: 'invalid_target' });
}

// The frontend signs out.
await client.tokenRevocation(frontend, tokens.refresh_token);
await client.tokenRevocation(frontend, tokens.refresh_token);
await assert.rejects(client.refreshTokenGrant(frontend, tokens.refresh_token), { error: 'invalid_grant' });
await assert.rejects(client.fetchUserInfo(frontend, tokens.access_token, user.user.id), ({ cause }) => {
  assert.equal(cause[0].scheme, 'bearer');
  assert.equal(cause[0].parameters.error, 'invalid_token');
  return true;
});
const service = await discover(id, client.ClientSecretBasic(secret));
assert.deepEqual(await client.tokenIntrospection(service, forService.access_token), { active: false });

// A wrong secret results in a challenge.
const impostor = await discover(id, client.ClientSecretBasic('wrong'));
await assert.rejects(client.clientCredentialsGrant(impostor), ({ status, cause }) => {
  assert.equal(status, 401);
  assert.equal(cause[0].scheme, 'basic');
  return true;
});
console.log('openid-client: ok');
