// npm openid-client signs in under each profile of the server, with each way to authenticate as a client and each way to be
// answered; what a profile forbids is refused.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

const certificate = readFileSync(peers.keyPair(peers.folder).certificate, 'utf8');

/** How a client authenticates, and what it does so with. */
const methods = {
  none: client.None(),
  client_secret_basic: client.ClientSecretBasic(secret),
  client_secret_post: client.ClientSecretPost(secret),
  client_secret_jwt: client.ClientSecretJwt(secret),
  private_key_jwt: client.PrivateKeyJwt(signing),
  tls_client_auth: client.TlsClientAuth(),
  self_signed_tls_client_auth: client.TlsClientAuth(),
};
const keys = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];
const modes = ['query', 'fragment', 'form_post', 'query.jwt', 'fragment.jwt', 'form_post.jwt', 'jwt'];

/** What each profile allows, and how its clients ask. */
const profiles = {
  'oauth-2.1': { methods: Object.keys(methods) },
  'openid-basic': { methods: Object.keys(methods) },
  'openid-hybrid': { methods: Object.keys(methods), hybrid: true },
  'fapi-2.0-security': { methods: keys, pushed: true, bound: true },
  'fapi-2.0-message-signing': { methods: keys, pushed: true, bound: true, signed: true },
  mcp: { methods: Object.keys(methods), resource: 'https://api.example' },
};

after(() => peers.end());

for (const [profile, rules] of Object.entries(profiles)) {
  test(profile, async (t) => {
    const issuer = await serve(profile, rules);
    for (const method of rules.methods) {
      // A certificate is what a token is bound to where there is one, a key where there is none.
      const bound = rules.bound && !method.includes('tls');
      for (const mode of modes) {
        await t.test(`${method}, answered by ${mode}`, async () => {
          const config = await discover(issuer, method);
          const person = new UserAgent();
          const { tokens, handle } = await signIn(config, person, { ...rules, hybrid: false, bound, mode });
          const claims = tokens.claims();
          assert.equal(claims.iss, issuer);
          assert.equal(claims.aud, method);
          assert.equal(tokens.token_type, bound ? 'dpop' : 'bearer');
          if (rules.resource) assert.ok(jose.decodeJwt(tokens.access_token).aud.includes(rules.resource));
          const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP: handle });
          assert.equal(info.email, email);
        });
      }
    }
    if (rules.hybrid) {
      for (const mode of ['fragment', 'form_post']) {
        await t.test(`a code with an ID token, answered by ${mode}`, async () => {
          const config = await discover(issuer, 'client_secret_basic');
          client.useCodeIdTokenResponseType(config);
          const { tokens } = await signIn(config, new UserAgent(), { mode, hybrid: true });
          assert.equal(tokens.claims().aud, 'client_secret_basic');
        });
      }
    }
    if (rules.bound) {
      await t.test('a token that is bound to a certificate is nobody else\'s', async () => {
        const config = await discover(issuer, 'self_signed_tls_client_auth');
        const { tokens } = await signIn(config, new UserAgent(), { ...rules, bound: false, mode: 'query' });
        assert.ok(jose.decodeJwt(tokens.access_token).cnf['x5t#S256']);
        const refused = await fetch(config.serverMetadata().userinfo_endpoint, {
          headers: { authorization: `Bearer ${tokens.access_token}` },
        });
        assert.equal(refused.status, 401);
      });
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

/**
 * The server with a profile, and a client for each method that it allows. Certificates are what a proxy in front says that it has
 * verified: the client itself is that proxy here.
 */
async function serve(profile, { methods, bound, hybrid, resource }) {
  const config = `[http]
trusted_proxies = ["127.0.0.1", "::1"]
[oauth]
${profile === 'oauth-2.1' ? '' : `profile = "${profile}"`}
client_secret_jwt = ${methods.includes('client_secret_jwt')}
[oauth.mutual_tls]
header = "client-cert"
verified_by_proxy = true
`;
  const clients = methods.map((method) => `[[clients]]
id = "${method}"
name = "${method}"
authentication = "${method}"
${method.startsWith('client_secret') ? `secret = "${secret}"` : ''}
${keys.includes(method) ? `jwks = { keys = [${inline(jwk)}] }` : ''}
${method === 'tls_client_auth' ? 'certificate = { san_ip = "127.0.0.1" }' : ''}
${method.startsWith('self_signed') ? `certificates = [${JSON.stringify(certificate)}]` : ''}
${bound && method.includes('tls') ? 'certificate_bound_access_tokens = true' : ''}
redirect_uris = ["${redirectUri}"]
application_type = "web"
scopes = ["openid", "email", "offline_access"${resource ? ', "notes:read"' : ''}]
${resource ? `resources = ["${resource}"]` : ''}
${hybrid && method === 'client_secret_basic' ? 'response_types = ["code id_token"]' : ''}
`);
  const people = `[[accounts]]\nemail = "${email}"\npassword = "${password}"\n`;
  const apis = resource ? `[[resources]]\nid = "${resource}"\nscopes = { "notes:read" = "Read your notes" }\n` : '';
  return peers.server(binary, await freePort(), { config, importFile: [people, apis, ...clients].join('\n') });
}

function inline(members) {
  return `{ ${Object.entries(members).map(([name, value]) => `${name} = "${value}"`).join(', ')} }`;
}

async function discover(issuer, method) {
  const options = { execute: [client.allowInsecureRequests] };
  if (method.includes('tls')) options[client.customFetch] = withCertificate;
  return client.discovery(new URL(issuer), method, undefined, methods[method], options);
}

/** What a proxy passes on of a connection with a certificate (RFC 9440). */
function withCertificate(url, options) {
  const der = certificate.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  return fetch(url, { ...options, headers: { ...options.headers, 'client-cert': `:${der}:` } });
}

/** The whole flow, as a client of the profile. */
async function signIn(config, person, { mode, pushed, bound, signed, resource, hybrid }) {
  const handle = bound ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined;
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  let parameters = new URLSearchParams({
    redirect_uri: redirectUri,
    scope: resource ? 'openid email notes:read' : 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    response_mode: mode,
  });
  if (resource) parameters.set('resource', resource);
  if (signed) parameters = (await client.buildAuthorizationUrlWithJAR(config, parameters, signing)).searchParams;
  const url = pushed
    ? await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP: handle })
    : client.buildAuthorizationUrl(config, parameters);
  const answer = await walk(person, url, mode, hybrid);
  // From the beginning it would ask for no other mode.
  if (mode === 'jwt' || mode.endsWith('.jwt')) client.useJwtResponseMode(config);
  return { tokens: await client.authorizationCodeGrant(config, answer, checks, undefined, { DPoP: handle }), handle };
}

/** Through the server's pages; what the client is sent in the end. */
async function walk(person, url, mode, hybrid) {
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
  // What a script in the client's page reads; for a hybrid flow the library is that script.
  if (hybrid) return there;
  return new URL(`${redirectUri}?${there.hash.slice(1)}`);
}
