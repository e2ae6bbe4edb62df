// Verifies access tokens like a service, with the server's JWK Set.
import assert from 'node:assert/strict';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { signup } from './graphql.mjs';

const [url] = process.argv.slice(2);
const metadata = await (await fetch(`${url}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
const { accessToken, user } = await signup(url, 'jose');
const want = { issuer: url, audience: url, typ: 'at+jwt', requiredClaims: ['sid', 'client_id', 'jti', 'auth_time'] };

const { payload } = await jwtVerify(accessToken, keys, want);
assert.equal(payload.sub, user.id);
assert.ok(decodeProtectedHeader(accessToken).kid);

const [header, claims, signature] = accessToken.split('.');
const other = Buffer.from(JSON.stringify({ ...payload, sub: 'somebody else' })).toString('base64url');
await assert.rejects(jwtVerify([header, other, signature].join('.'), keys, want), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
await assert.rejects(jwtVerify(accessToken, keys, { ...want, audience: 'https://other.example' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
await assert.rejects(jwtVerify([unsigned, claims, ''].join('.'), keys, want));
console.log('jose: ok');
