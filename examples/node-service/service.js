// A service that lets the users of an Usher server in by their access tokens (RFC 9068).
import { createServer } from 'node:http';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const {
  ISSUER = 'http://127.0.0.1:8080', // the server's USHER_ISSUER
  AUDIENCE = 'http://127.0.0.1:3000', // this service, as the server's USHER_AUDIENCE lists it
  CLIENT_ID, // of `usher client create --resource AUDIENCE`, for introspect alone
  CLIENT_SECRET,
  PORT = '3000',
} = process.env;

const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), {
  cacheMaxAge: 60_000, // what the answer's Cache-Control says, so that retired keys go in time
  cooldownDuration: 5_000, // an unknown key is asked for at most this often, whoever sends it
});

/** Refusal is an answer of RFC 6750 §3. Without an error it asks for a token. */
class Refusal extends Error {
  constructor(status, error, description) {
    super(description);
    this.status = status;
    this.challenge = error ? `Bearer error="${error}", error_description="${description}"` : 'Bearer realm="node-service"';
  }
}

/**
 * bearer returns the request's access token and what it says, when it is good and for this service. Tokens
 * for the server itself or for another service are refused, as this service's own are refused there.
 */
async function bearer({ headers }) {
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (!token) {
    throw new Refusal(401);
  }
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'at+jwt', // or tokens of another kind would do as well
      algorithms: ['EdDSA', 'ES256', 'RS256'],
      requiredClaims: ['exp', 'sub', 'sid'], // a client's own token has no sid: it is nobody's
    });
    return { token, claims: payload };
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || unavailable.has(error.code)) {
      throw error;
    }
    throw new Refusal(401, 'invalid_token', 'The access token is invalid, expired or for another API.');
  }
}

/** unavailable are the errors of jose that say nothing about the token: there are no keys to check it. */
const unavailable = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

/**
 * introspect returns what the server knows about a token now (RFC 7662). A token that verifies says
 * what was true when it was signed; this notices a logout or a lost role at once, for one more request.
 */
async function introspect(token) {
  const response = await fetch(`${ISSUER}/oauth/introspect`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ token }),
    redirect: 'error',
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) {
    throw new Error(`introspection answers ${response.status}`);
  }
  const now = await response.json();
  if (!now.active) {
    throw new Refusal(401, 'invalid_token', 'The session has ended.');
  }
  return now;
}

/** admit lets administrators pass. */
function admit({ roles = [] }) {
  if (!roles.includes('ADMIN')) {
    throw new Refusal(403, 'insufficient_scope', 'This is for administrators.');
  }
}

const routes = {
  'GET /hello': async (request) => {
    const { claims } = await bearer(request);
    return { hello: claims.sub };
  },
  'GET /reports': async (request) => {
    const { claims } = await bearer(request);
    admit(claims);
    return { reports: ['January', 'February'] };
  },
  // It cannot be undone, so the token's word is not enough.
  'DELETE /reports': async (request) => {
    const { token } = await bearer(request);
    admit(await introspect(token));
    return { reports: [] };
  },
};

const server = createServer(async (request, response) => {
  const answer = (status, body, headers) =>
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers }).end(JSON.stringify(body));
  try {
    const route = routes[`${request.method} ${request.url}`];
    answer(route ? 200 : 404, route ? await route(request) : { error: 'not found' });
  } catch (error) {
    if (error instanceof Refusal) {
      answer(error.status, { error: error.message || 'an access token is needed' }, { 'WWW-Authenticate': error.challenge });
    } else { // the token was not judged, so it is not refused either
      console.error(error.message);
      answer(503, { error: 'try again later' });
    }
  }
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
