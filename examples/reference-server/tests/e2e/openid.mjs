// A person signs in with npm openid-client at the reference server: the clients of the import file, and the flow with its pages.

import assert from 'node:assert/strict';
import * as jose from 'jose';
import * as client from 'openid-client';

import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const email = required('CIAM_E2E_EMAIL');
const password = required('CIAM_E2E_PASSWORD');
export const resource = required('CIAM_E2E_RESOURCE');
const privateJwk = JSON.parse(required('CIAM_E2E_PRIVATE_JWK'));
const redirectUri = 'http://127.0.0.1:9/callback';
export const afterSignOut = 'http://127.0.0.1:9/signed-out';

const privateKey = { key: await jose.importJWK(privateJwk, 'ES256'), kid: privateJwk.kid };
/** The clients of the import file, each with how it authenticates. */
export const methods = {
  public: ['e2e-public', client.None()],
  basic: ['e2e-basic', client.ClientSecretBasic(required('CIAM_E2E_SECRET'))],
  post: ['e2e-post', client.ClientSecretPost(required('CIAM_E2E_SECRET'))],
  privateKeyJwt: ['e2e-private-key-jwt', client.PrivateKeyJwt(privateKey)],
};

/** The whole code flow, with the pages in between. */
export async function signIn(config, person, options) {
  const { scope = 'openid email', prompt, pushed = false, decision = 'allow', exchange = true } = options;
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const parameters = {
    redirect_uri: redirectUri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...(prompt ? { prompt } : {}),
  };
  const url = pushed
    ? await client.buildAuthorizationUrlWithPAR(config, parameters)
    : client.buildAuthorizationUrl(config, parameters);
  let page = await person.get(url);
  let pages = 0;
  for (; !page.leavesTo && pages < 5; pages += 1) {
    const paths = page.forms().map((form) => new URL(form.action, page.url).pathname);
    if (paths.includes('/sign-in')) page = await person.submit(page, '/sign-in', { identifier: email, password });
    else if (paths.includes('/consent')) page = await person.submit(page, '/consent', { decision });
    else assert.fail(`an unexpected page with status ${page.status} at ${page.url}:\n${page.text}`);
  }
  assert.ok(page.leavesTo?.href.startsWith(redirectUri), `the flow ended at ${page.url}`);
  const callback = page.leavesTo;
  if (!exchange) return { callback, checks, pages };
  const tokens = await client.authorizationCodeGrant(config, callback, checks);
  return { tokens, callback, checks, pages };
}

export async function discover(clientId, authentication) {
  return client.discovery(new URL(issuer), clientId, undefined, authentication, {
    execute: [client.allowInsecureRequests],
  });
}
