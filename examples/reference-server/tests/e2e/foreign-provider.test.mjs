// Our relying party at an independent provider, npm oidc-provider: it signs in, and whatever is corrupted between the two, one
// thing at a time, is noticed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { Provider } from 'oidc-provider';

import { freePort, program } from './cluster.mjs';
import { required } from './environment.mjs';
import { MutatingProxy, form, json, query } from './mutating-proxy.mjs';
import { UserAgent } from './user-agent.mjs';

const relyingParty = required('CIAM_E2E_RELYING_PARTY');
const [clientId, secret] = ['our-relying-party', 'a secret with : and % and + of forty characters'];
const proxy = new MutatingProxy();
const keys = await keyPair();
let application;
let upstream;

before(async () => {
  await proxy.start();
  application = `http://localhost:${await freePort()}`;
  const provider = new Provider(proxy.origin, {
    clients: [{
      client_id: clientId, client_secret: secret, redirect_uris: [`${application}/callback`],
      token_endpoint_auth_method: 'client_secret_basic', grant_types: ['authorization_code'], response_types: ['code'],
    }],
    jwks: { keys: [await jose.exportJWK(keys.privateKey).then((jwk) => ({ ...jwk, kid: 'signing', use: 'sig', alg: 'ES256' }))] },
    cookies: { keys: ['one key of many characters for the test'] },
    scopes: ['openid', 'offline_access', 'notes:read'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    // The application asks for a token for its API; this one is only to sign people in.
    features: { resourceIndicators: { enabled: false } },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: 'Ada Lovelace', email: 'ada@example.com', email_verified: true }),
    }),
  });
  upstream = http.createServer(provider.callback());
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  proxy.upstream = upstream.address().port;
});

after(() => {
  proxy.stop();
  upstream.closeAllConnections();
  upstream.close();
});

// What is changed, and where. Claims are signed again with the provider's own key: otherwise all of them would only show that
// signatures are checked.
const token = (change) => ({ path: '/token', response: json(change) });
const claims = (change) => token(async (body) => {
  const payload = jose.decodeJwt(body.id_token);
  change(payload);
  body.id_token = await signed(payload, keys.privateKey, { alg: 'ES256', kid: 'signing' });
});
// With the hash of the access token, which this provider leaves out of the code flow (OpenID Connect Core 1.0, section 3.1.3.6).
const hashed = (change) => token(async (body) => {
  const half = createHash('sha256').update(body.access_token).digest().subarray(0, 16);
  body.id_token = await signed({ ...jose.decodeJwt(body.id_token), at_hash: half.toString('base64url') }, keys.privateKey,
    { alg: 'ES256', kid: 'signing' });
  change(body);
});
const header = (change) => token(async (body) => {
  const payload = jose.decodeJwt(body.id_token);
  body.id_token = await change(payload, body.id_token);
});
const metadata = (change) => ({ path: '/.well-known/openid-configuration', response: json(change) });
const published = (change) => ({ path: '/jwks', response: json(change) });
const hours = (number) => Math.floor(Date.now() / 1000) + number * 3600;

test('without a change, somebody signs in', async () => {
  const answer = await outcome({});
  assert.match(answer, /You are signed in/);
  assert.match(answer, /ada@example\.com/, 'by UserInfo');
});

test('a change that means nothing changes nothing', async () => {
  assert.match(await outcome({ mutation: token((it) => { it.token_type = 'bEARER'; }) }), /You are signed in/);
  assert.match(await outcome({ mutation: claims((it) => { it.aud = [it.aud]; }) }), /You are signed in/);
  assert.match(await outcome({ mutation: hashed((it) => it) }), /You are signed in/);
});

/** What it must not believe. */
const mutations = {
  'discovery: another issuer': metadata((it) => { it.issuer = 'https://other.example'; }),
  'discovery: the issuer with a slash more': metadata((it) => { it.issuer += '/'; }),
  'discovery: no issuer': metadata((it) => { delete it.issuer; }),
  'discovery: no authorization endpoint': metadata((it) => { delete it.authorization_endpoint; }),
  'discovery: no token endpoint': metadata((it) => { delete it.token_endpoint; }),
  'discovery: no keys': metadata((it) => { delete it.jwks_uri; }),
  'discovery: a list': metadata((it) => [it]),
  'discovery: a page instead': { path: '/.well-known/openid-configuration', response: page },
  'keys: none': published((it) => { it.keys = []; }),
  'keys: another with the same name': published(async (it) => {
    it.keys = [{ ...(await jose.exportJWK((await keyPair()).publicKey)), kid: 'signing', alg: 'ES256', use: 'sig' }];
  }),
  'keys: for encryption': published((it) => { for (const key of it.keys) key.use = 'enc'; }),
  'keys: for another algorithm': published((it) => { for (const key of it.keys) key.alg = 'ES384'; }),
  'keys: a page instead': { path: '/jwks', response: page },
  'request: another state': { path: '/auth', request: query((it) => it.set('state', 'of-somebody-else')) },
  'request: another nonce': { path: '/auth', request: query((it) => it.set('nonce', 'of-somebody-else')) },
  'request: no nonce': { path: '/auth', request: query((it) => it.delete('nonce')) },
  'request: another challenge': {
    path: '/auth', request: query((it) => it.set('code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')),
  },
  'token request: another verifier': { path: '/token', request: form((it) => it.set('code_verifier', 'x'.repeat(43))) },
  'token request: another code': { path: '/token', request: form((it) => it.set('code', 'made-up')) },
  'token: no ID token': token((it) => { delete it.id_token; }),
  'token: an empty ID token': token((it) => { it.id_token = ''; }),
  'token: no access token': token((it) => { delete it.access_token; }),
  'token: no type': token((it) => { delete it.token_type; }),
  'token: another type': token((it) => { it.token_type = 'mac'; }),
  'token: an access token instead of the ID token': token((it) => { it.id_token = it.access_token; }),
  'token: another access token than the one that was hashed': hashed((it) => { it.access_token = 'of-somebody-else'; }),
  'token: a page instead': { path: '/token', response: page },
  'token: an error with status 200': token(() => ({ error: 'invalid_grant' })),
  'token: members twice': {
    path: '/token',
    response: (it) => { it.body = Buffer.from(it.body.toString().replace('{', '{"id_token":"x.y.z",')); },
  },
  'signature: one bit': token((it) => {
    const at = it.id_token.lastIndexOf('.') + 3;
    it.id_token = it.id_token.slice(0, at) + (it.id_token[at] === 'A' ? 'B' : 'A') + it.id_token.slice(at + 1);
  }),
  'signature: none': header((payload) => new jose.UnsecuredJWT(payload).encode()),
  'signature: cut off': header((_, whole) => whole.slice(0, whole.lastIndexOf('.') + 1)),
  'signature: by the client secret': header((payload) => signed(payload, Buffer.from(secret), { alg: 'HS256' })),
  'signature: by a key of the token itself': header(async (payload) => {
    const own = await keyPair();
    return signed(payload, own.privateKey, { alg: 'ES256', kid: 'signing', jwk: await jose.exportJWK(own.publicKey) });
  }),
  'signature: by a key that nobody knows': header(async (payload) =>
    signed(payload, (await keyPair()).privateKey, { alg: 'ES256', kid: 'unheard-of' })),
  'header: an extension that must be understood': header((payload) =>
    signed(payload, keys.privateKey, { alg: 'ES256', kid: 'signing', crit: ['b64'], b64: true })),
  'claims: another issuer': claims((it) => { it.iss = 'https://other.example'; }),
  'claims: no issuer': claims((it) => { delete it.iss; }),
  'claims: no subject': claims((it) => { delete it.sub; }),
  'claims: an empty subject': claims((it) => { it.sub = ''; }),
  'claims: a subject that is a number': claims((it) => { it.sub = 17; }),
  'claims: another audience': claims((it) => { it.aud = 'another-client'; }),
  'claims: no audience': claims((it) => { delete it.aud; }),
  'claims: an audience beside ours, and nobody authorized': claims((it) => { it.aud = [clientId, 'another-client']; }),
  'claims: another client authorized': claims((it) => { it.azp = 'another-client'; }),
  'claims: expired': claims((it) => { it.exp = hours(-1); }),
  'claims: no expiry': claims((it) => { delete it.exp; }),
  'claims: an expiry that is text': claims((it) => { it.exp = String(it.exp); }),
  'claims: issued tomorrow': claims((it) => { it.iat = hours(24); }),
  'claims: no time of issue': claims((it) => { delete it.iat; }),
  'claims: another nonce': claims((it) => { it.nonce = 'of-somebody-else'; }),
  'claims: no nonce': claims((it) => { delete it.nonce; }),
  'claims: another hash of the access token': claims((it) => { it.at_hash = 'AAAAAAAAAAAAAAAAAAAAAA'; }),
};

for (const [name, mutation] of Object.entries(mutations)) {
  test(`noticed: ${name}`, async () => {
    const answer = await outcome({ mutation });
    assert.ok(proxy.applied > 0, 'the change was made');
    assert.doesNotMatch(answer, /You are signed in/);
  });
}

// What comes back through the browser is changed there.
const callbacks = {
  'another state': (url) => url.searchParams.set('state', 'of-somebody-else'),
  'no state': (url) => url.searchParams.delete('state'),
  'a second state': (url) => url.searchParams.append('state', url.searchParams.get('state')),
  'another code': (url) => url.searchParams.set('code', 'made-up'),
  'no code': (url) => url.searchParams.delete('code'),
  'a second code': (url) => url.searchParams.append('code', 'made-up'),
  'another issuer': (url) => url.searchParams.set('iss', 'https://other.example'),
  'no issuer': (url) => url.searchParams.delete('iss'),
  'an error beside the code': (url) => url.searchParams.set('error', 'access_denied'),
};
for (const [name, change] of Object.entries(callbacks)) {
  test(`noticed in the browser: ${name}`, async () => {
    assert.doesNotMatch(await outcome({ change }), /You are signed in/);
  });
}

test('noticed in the browser: an answer in the browser of somebody else', async () => {
  assert.doesNotMatch(await outcome({ stranger: new UserAgent() }), /You are signed in/);
});

test('noticed in the browser: an answer that was used', async () => {
  await inApplication(async () => {
    const person = new UserAgent();
    const callback = await signIn(person);
    assert.match((await person.get(callback)).text, /You are signed in/);
    assert.equal((await person.get(callback)).status, 400);
  });
});

for (const [name, change] of Object.entries({
  'another subject': json((it) => { it.sub = 'somebody-else'; }),
  'no subject': json((it) => { delete it.sub; }),
  'a page instead': page,
})) {
  test(`noticed: UserInfo with ${name}`, async () => {
    const answer = await outcome({ mutation: { path: '/me', response: change } });
    assert.ok(proxy.applied > 0, 'the change was made');
    assert.match(answer, /UserInfo did not answer/);
    assert.doesNotMatch(answer, /ada@example\.com/);
  });
}

/** What the application shows at the end of a sign-in. */
async function outcome({ mutation = null, change, stranger }) {
  return inApplication(async () => {
    const person = new UserAgent();
    proxy.mutation = mutation;
    const callback = await signIn(person);
    // It went wrong before anybody came back.
    if (typeof callback === 'string') return callback;
    change?.(callback);
    return (await (stranger ?? person).get(callback)).text;
  });
}

/** Walks to the provider and through its pages; where the browser is sent in the end. */
async function signIn(person) {
  const start = await person.get(`${application}/login`);
  if (!start.leavesTo) return start.text;
  let page = await person.get(start.leavesTo);
  for (let pages = 0; !page.leavesTo && page.status === 200 && pages < 4; pages += 1) {
    const [{ action, hidden }] = page.forms();
    const prompt = Object.fromEntries(hidden).prompt;
    const fields = prompt === 'login' ? { login: 'ada', password: 'anything' } : {};
    page = await person.submit(page, new URL(action, page.url).pathname, fields);
  }
  return page.leavesTo ?? page.text;
}

/** With a new application each time, which knows nothing of the provider yet. */
async function inApplication(use) {
  proxy.applied = 0;
  const { port } = new URL(application);
  const running = await program(relyingParty, ['--issuer', proxy.origin, '--client-id', clientId, '--client-secret', secret,
    '--base-url', application, '--listen', `127.0.0.1:${port}`, '--api', 'http://localhost:9'], port);
  try {
    return await use();
  } finally {
    proxy.mutation = null;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
}

function page(message) {
  message.headers['content-type'] = 'text/html';
  message.body = Buffer.from('<!doctype html><title>Maintenance</title>');
}

async function keyPair() {
  return jose.generateKeyPair('ES256', { extractable: true });
}

async function signed(payload, key, header) {
  return new jose.SignJWT(payload).setProtectedHeader(header).sign(key, { crit: { b64: true } });
}
