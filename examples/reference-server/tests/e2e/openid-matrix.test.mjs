// npm openid-client signs in under each profile of the server, with each way to authenticate as a client and each way to be
// answered; what a profile forbids is refused.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as jose from 'jose';
import * as client from 'openid-client';

import { freePort } from './cluster.mjs';
import { required } from './environment.mjs';
import { Peers } from './peers.mjs';
import { UserAgent } from './user-agent.mjs';

const binary = required('CIAM_E2E_SERVER');
const [email, password] = ['ada@example.com', 'a lantern by the quiet river'];
const secret = 'e2e-secret-with-&-and-%25-and-+-and-:-signs-0123456789abcdefghij';
const redirectUri = 'https://client.example/callback';
const peers = new Peers();
const key = await jose.generateKeyPair('ES256', { extractable: true });
const jwk = { ...(await jose.exportJWK(key.publicKey)), kid: 'matrix', alg: 'ES256', use: 'sig' };
const signing = { key: key.privateKey, kid: 'matrix' };

/** How a client authenticates, and what it does so with. */
const methods = {
  none: client.None(),
  client_secret_basic: client.ClientSecretBasic(secret),
  client_secret_post: client.ClientSecretPost(secret),
  private_key_jwt: client.PrivateKeyJwt(signing),
};
const modes = ['query', 'fragment', 'form_post', 'query.jwt', 'fragment.jwt', 'form_post.jwt', 'jwt'];

/** What each profile allows, and how its clients ask. */
const profiles = {
  'oauth-2.1': { methods: Object.keys(methods) },
  'openid-basic': { methods: Object.keys(methods) },
  'fapi-2.0-security': { methods: ['private_key_jwt'], pushed: true, bound: true },
  'fapi-2.0-message-signing': { methods: ['private_key_jwt'], pushed: true, bound: true, signed: true },
};

after(() => peers.end());

for (const [profile, rules] of Object.entries(profiles)) {
  test(profile, async (t) => {
    const issuer = await serve(profile, rules);
    for (const method of rules.methods) {
      for (const mode of modes) {
        await t.test(`${method}, answered by ${mode}`, async () => {
          const config = await discover(issuer, method);
          const person = new UserAgent();
          const { tokens, handle } = await signIn(config, person, { ...rules, mode });
          const claims = tokens.claims();
          assert.equal(claims.iss, issuer);
          assert.equal(claims.aud, method);
          assert.equal(tokens.token_type, rules.bound ? 'dpop' : 'bearer');
          const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP: handle });
          assert.equal(info.email, email);
        });
      }
    }
    if (rules.pushed) {
      await t.test('a request that was not pushed is refused', async () => {
        const config = await discover(issuer, rules.methods[0]);
        const refused = signIn(config, new UserAgent(), { ...rules, pushed: false, mode: 'query' });
        await assert.rejects(refused, { error: 'invalid_request' });
      });
    }
    if (rules.bound) {
      await t.test('a token is not given without a proof', async () => {
        const config = await discover(issuer, rules.methods[0]);
        const refused = signIn(config, new UserAgent(), { ...rules, bound: false, mode: 'query' });
        await assert.rejects(refused, { error: 'invalid_dpop_proof' });
      });
    }
    if (rules.signed) {
      await t.test('a request that was not signed is refused', async () => {
        const config = await discover(issuer, rules.methods[0]);
        const refused = signIn(config, new UserAgent(), { ...rules, signed: false, mode: 'query' });
        await assert.rejects(refused, { error: 'invalid_request' });
      });
    }
  });
}

/** The server with a profile, and a client for each method that it allows. */
async function serve(profile, { methods }) {
  const config = profile === 'oauth-2.1' ? '' : `[oauth]\nprofile = "${profile}"\n`;
  const clients = methods.map((method) => `[[clients]]
id = "${method}"
name = "${method}"
authentication = "${method}"
${method.startsWith('client_secret') ? `secret = "${secret}"` : ''}
${method === 'private_key_jwt' ? `jwks = { keys = [${inline(jwk)}] }` : ''}
redirect_uris = ["${redirectUri}"]
application_type = "web"
scopes = ["openid", "email", "offline_access"]
`);
  const people = `[[accounts]]\nemail = "${email}"\npassword = "${password}"\n`;
  return peers.server(binary, await freePort(), { config, importFile: people + clients.join('\n') });
}

function inline(members) {
  return `{ ${Object.entries(members).map(([name, value]) => `${name} = "${value}"`).join(', ')} }`;
}

async function discover(issuer, method) {
  const options = { execute: [client.allowInsecureRequests] };
  return client.discovery(new URL(issuer), method, undefined, methods[method], options);
}

/** The whole flow, as a client of the profile. */
async function signIn(config, person, { mode, pushed, bound, signed }) {
  const handle = bound ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined;
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  let parameters = new URLSearchParams({
    redirect_uri: redirectUri,
    scope: 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    response_mode: mode,
  });
  if (signed) parameters = (await client.buildAuthorizationUrlWithJAR(config, parameters, signing)).searchParams;
  const url = pushed
    ? await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP: handle })
    : client.buildAuthorizationUrl(config, parameters);
  const answer = await walk(person, url, mode);
  // From the beginning it would ask for no other mode.
  if (mode === 'jwt' || mode.endsWith('.jwt')) client.useJwtResponseMode(config);
  return { tokens: await client.authorizationCodeGrant(config, answer, checks, undefined, { DPoP: handle }), handle };
}

/** Through the server's pages; what the client is sent in the end. */
async function walk(person, url, mode) {
  const base = mode === 'jwt' ? 'query' : mode.replace('.jwt', '');
  let page = await person.get(url);
  for (let pages = 0; !page.leavesTo && pages < 5; pages += 1) {
    const forms = page.forms();
    const paths = forms.map((form) => new URL(form.action, page.url).pathname);
    const sent = forms.find((form) => form.action === redirectUri);
    if (sent) {
      assert.equal(base, 'form_post', 'it was asked for');
      return new Request(redirectUri, { method: 'POST', body: new URLSearchParams(sent.hidden) });
    }
    if (paths.includes('/sign-in')) page = await person.submit(page, '/sign-in', { identifier: email, password });
    else if (paths.includes('/consent')) page = await person.submit(page, '/consent', { decision: 'allow' });
    else assert.fail(`an unexpected page with status ${page.status} at ${page.url}:\n${page.text}`);
  }
  const there = page.leavesTo;
  assert.ok(there?.href.startsWith(redirectUri), `the flow ended at ${page.url}`);
  if (base === 'query') {
    assert.equal(there.hash, '');
    return there;
  }
  assert.equal(base, 'fragment');
  assert.equal(there.search, '');
  // What a script in the client's page reads.
  return new URL(`${redirectUri}?${there.hash.slice(1)}`);
}
