// Verifies access tokens with libraries that services use, each set up as its documentation shows. Reads an issuer,
// an audience, an algorithm and tokens as JSON from the standard input. Prints for each library its packages with
// their versions, and for each token an error or null.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import fastifyJWT from '@fastify/jwt';
import { createRemoteJwksSigningKeyProvider, useJWT } from '@graphql-yoga/plugin-jwt';
import express from 'express';
import { expressjwt } from 'express-jwt';
import { auth } from 'express-oauth2-jwt-bearer';
import fastify from 'fastify';
import { createSchema, createYoga } from 'graphql-yoga';
import getJwks from 'get-jwks';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import jwt from 'jsonwebtoken';
import jwksRSA, { expressJwtSecret, passportJwtSecret } from 'jwks-rsa';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

const { issuer, audience, algorithm, tokens } = JSON.parse(await text(process.stdin));
const jwksUri = `${issuer}/.well-known/jwks.json`;
const algorithms = [algorithm];

/** request sends a token to a service, and throws an error unless the service accepts it. */
async function request(url, token, send = fetch) {
  const response = await send(url, { headers: { Authorization: `Bearer ${token}` } });
  const body = await response.text();
  if (response.status !== 200) {
    throw new Error(`${response.status} ${body}`);
  }
}

/** guarded starts an Express application with a middleware that requires a token. */
async function guarded(middleware) {
  const app = express();
  app.get('/', middleware, (_, response) => response.end());
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).end(error.message));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    verify: (token) => request(`http://127.0.0.1:${server.address().port}`, token),
    close: () => server.close(),
  };
}

/** verifiers start the verifier of each row. A key is the names of its packages. */
const verifiers = {
  'jose': () => {
    const keys = createRemoteJWKSet(new URL(jwksUri));
    return { verify: (token) => jwtVerify(token, keys, { issuer, audience, algorithms, typ: 'at+jwt' }) };
  },
  'express-oauth2-jwt-bearer': () => guarded(auth({ issuerBaseURL: issuer, audience, tokenSigningAlg: algorithm })),
  'jsonwebtoken, jwks-rsa': () => {
    const client = jwksRSA({ jwksUri });
    const key = ({ kid }, done) => client.getSigningKey(kid).then((key) => done(null, key.getPublicKey()), done);
    return {
      verify: (token) => new Promise((resolve, reject) => {
        jwt.verify(token, key, { issuer, audience, algorithms }, (error, claims) => error ? reject(error) : resolve(claims));
      }),
    };
  },
  'express-jwt, jwks-rsa': () => guarded(expressjwt({ secret: expressJwtSecret({ jwksUri }), issuer, audience, algorithms })),
  'passport-jwt, jwks-rsa': () => {
    const passport = new Passport();
    passport.use(new Strategy({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKeyProvider: passportJwtSecret({ jwksUri }),
      issuer, audience, algorithms,
    }, (claims, done) => done(null, claims)));
    return guarded(passport.authenticate('jwt', { session: false }));
  },
  '@fastify/jwt, get-jwks': async () => {
    const app = fastify();
    const jwks = getJwks({ issuersWhitelist: [issuer] });
    app.register(fastifyJWT, {
      decode: { complete: true },
      verify: { algorithms, allowedIss: issuer, allowedAud: audience },
      secret: (_request, { header: { kid, alg }, payload: { iss } }) => jwks.getPublicKey({ kid, alg, domain: iss }),
    });
    app.addHook('onRequest', (request) => request.jwtVerify());
    app.get('/', () => '');
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    return { verify: (token) => request(url, token), close: () => app.close() };
  },
  '@graphql-yoga/plugin-jwt': () => {
    const yoga = createYoga({
      logging: false,
      schema: createSchema({ typeDefs: 'type Query { ok: Boolean }' }),
      plugins: [useJWT({
        signingKeyProviders: [createRemoteJwksSigningKeyProvider({ jwksUri })],
        tokenVerification: { issuer, audience, algorithms },
      })],
    });
    return { verify: (token) => request('http://yoga/graphql?query={ok}', token, yoga.fetch) };
  },
};

const { resolve } = createRequire(import.meta.url);

/** version returns a package's version. Most packages do not export their package.json. */
function version(name) {
  const path = resolve(name);
  const root = path.slice(0, path.lastIndexOf(`node_modules/${name}/`));
  return createRequire(import.meta.url)(`${root}node_modules/${name}/package.json`).version;
}

/** measure returns for each token an error of the verifier, or null. */
async function measure(start) {
  let verifier;
  try {
    verifier = await start();
  } catch (error) {
    return tokens.map(() => error.message); // it does not accept the algorithm as a setting
  }
  const errors = [];
  for (const token of tokens) {
    errors.push(await verifier.verify(token).then(() => null, (error) => error.message));
  }
  await verifier.close?.();
  return errors;
}

const results = [];
for (const [names, start] of Object.entries(verifiers)) {
  const library = names.split(', ').map((name) => `${name} ${version(name)}`).join(', ');
  results.push({ library, errors: await measure(start) });
}
console.log(JSON.stringify(results));
