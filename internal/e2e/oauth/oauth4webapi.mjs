// Uses a running server with oauth4webapi, which checks every response against the standards. Covers discovery,
// all grants, userinfo, introspection and revocation. Also verifies the access tokens like a service.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { password, signup } from './graphql.mjs';

const [url, id, secret, resource] = process.argv.slice(2);
const issuer = new URL(url);
const insecure = { [oauth.allowInsecureRequests]: true }; // the server under test uses HTTP

for (const algorithm of ['oidc', 'oauth2']) {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
  await oauth.processDiscoveryResponse(issuer, response);
}
const as = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  .then((response) => oauth.processDiscoveryResponse(issuer, response));
assert.equal(as.issuer, url);

const frontend = { client_id: 'usher' };
const service = { client_id: id };
const none = oauth.None();
const user = await signup(url, 'oauth4webapi');

let response = await oauth.genericTokenEndpointRequest(as, frontend, none, 'password', { username: 'oauth4webapi', password }, insecure);
let tokens = await oauth.processGenericTokenEndpointResponse(as, frontend, response);
response = await oauth.refreshTokenGrantRequest(as, frontend, none, tokens.refresh_token, insecure);
tokens = await oauth.processRefreshTokenResponse(as, frontend, response);
response = await oauth.userInfoRequest(as, frontend, tokens.access_token, insecure);
await oauth.processUserInfoResponse(as, frontend, user.user.id, response);

response = await oauth.refreshTokenGrantRequest(as, frontend, none, tokens.refresh_token, { ...insecure, additionalParameters: { resource } });
const forService = await oauth.processRefreshTokenResponse(as, frontend, response);

/** introspect asks about a token as the registered client. */
async function introspect(token, authentication) {
  const response = await oauth.introspectionRequest(as, service, authentication, token, insecure);
  return oauth.processIntrospectionResponse(as, service, response);
}

/** verify takes an access token as the API would that it is sent to. */
async function verify(token, audience = url) {
  const request = new Request(`${url}/somewhere`, { headers: { Authorization: `Bearer ${token}` } });
  return oauth.validateJwtAccessToken(as, request, audience, insecure);
}

assert.equal((await verify(tokens.access_token)).sub, user.user.id);
assert.equal((await verify(forService.access_token, resource)).sub, user.user.id);
await assert.rejects(verify(tokens.access_token, resource));
await assert.rejects(verify(forService.access_token));

for (const authentication of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
  response = await oauth.clientCredentialsGrantRequest(as, service, authentication, {}, insecure);
  const own = await oauth.processClientCredentialsResponse(as, service, response);
  const claims = await verify(own.access_token);
  assert.equal(claims.sub, id);
  assert.equal(claims.client_id, id);
  assert.equal((await introspect(own.access_token, authentication)).sub, id);
  assert.equal((await introspect(forService.access_token, authentication)).sub, user.user.id);
  assert.deepEqual(await introspect(tokens.access_token, authentication), { active: false });
  assert.deepEqual(await introspect(forService.refresh_token, authentication), { active: false });

  response = await oauth.revocationRequest(as, service, authentication, forService.refresh_token, insecure);
  await assert.rejects(oauth.processRevocationResponse(response), { error: 'invalid_grant' });
}

response = await oauth.revocationRequest(as, frontend, none, forService.access_token, insecure);
await oauth.processRevocationResponse(response);
assert.deepEqual(await introspect(forService.access_token, oauth.ClientSecretPost(secret)), { active: false });
response = await oauth.refreshTokenGrantRequest(as, frontend, none, forService.refresh_token, insecure);
await assert.rejects(oauth.processRefreshTokenResponse(as, frontend, response), { error: 'invalid_grant' });
console.log('oauth4webapi: ok');
