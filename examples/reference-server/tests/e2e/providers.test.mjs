// The buttons of providers in a browser that runs no scripts: npm oidc-provider, and one of this file that speaks OAuth 2.0 alone
// and has a profile as GitHub has. Somebody signs in, finds their account, comes back to the same one, and is told when they did not
// sign in there.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import * as jose from 'jose';
import { Provider } from 'oidc-provider';

import { browser, pictures, submit } from './chromium.mjs';
import { freePort } from './cluster.mjs';
import { required } from './environment.mjs';
import { Peers } from './peers.mjs';

const secret = 'a secret of more than forty characters for tests';
const chromium = browser();
const peers = new Peers();
const [port, acmePort, hubPort, appPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
const [issuer, acme, hub, app] = [port, acmePort, hubPort, appPort].map((it) => `http://localhost:${it}`);
const servers = [];
/** What the hub's people have, and what it was asked. */
const person = { id: 583231, login: 'grace', name: 'Grace Hopper', email: 'grace@example.com', verified: true };
const codes = new Map();

const config = `
[[upstream]]
name = "acme"
label = "Acme"
issuer = "${acme}"
client_id = "ciam"
client_secret = "${secret}"

[[upstream]]
name = "hub"
label = "Code Hub"
issuer = "${hub}"
client_id = "ciam"
client_secret = "${secret}"
scope = "read:user user:email"

[upstream.oauth]
authorization_endpoint = "${hub}/login/oauth/authorize"
token_endpoint = "${hub}/login/oauth/access_token"
profile = "${hub}/user"
subject_is_number = true
display_name = "/name"
email = "/email"
email_verified = "/verified"

[[upstream]]
name = "google"
provider = "google"
client_id = "1234-ciam.apps.googleusercontent.com"
client_secret = "${secret}"

[[upstream]]
name = "microsoft"
provider = "microsoft"
client_id = "5e2f9d4c-3b1a-4c8e-9f60-2d7a8b1c0e4f"
client_secret = "${secret}"

[[upstream]]
name = "partner"
label = "The partner's directory"
provider = "okta"
client_id = "ciam"
client_secret = "${secret}"
values = { host = "partner.okta.com" }
button = false
`;
const importFile = `
[[clients]]
id = "app"
name = "Orchard"
authentication = "none"
redirect_uris = ["${app}/callback"]
scopes = ["openid", "email"]
first_party = true
`;
const buttons = ['Continue with Acme', 'Continue with Code Hub', 'Continue with Google', 'Continue with Microsoft'];

before(async () => {
  const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(acme, {
    clients: [{
      client_id: 'ciam', client_secret: secret, redirect_uris: [`${issuer}/upstream/acme/callback`],
      grant_types: ['authorization_code'], response_types: ['code'],
    }],
    jwks: { keys: [{ ...(await jose.exportJWK(privateKey)), kid: 'one', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['one key of many characters for the test'] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: 'Ada Lovelace', email: `${sub}@example.com`, email_verified: true }),
    }),
  });
  await listen(acmePort, provider.callback());
  await listen(hubPort, speakOAuth);
  await listen(appPort, (asked, answer) => answer.end('<!doctype html><title>Orchard</title><main>Welcome to Orchard</main>'));
  await peers.server(required('CIAM_E2E_SERVER'), port, { config, importFile });
});

after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await peers.end();
});

async function listen(port, handler) {
  const server = http.createServer(handler).listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
}

/** The hub: a page that asks, a code for a token, a profile with a number. An error of its token endpoint has status 200. */
async function speakOAuth(asked, answer) {
  const url = new URL(asked.url, hub);
  let body = '';
  for await (const part of asked) body += part;
  const send = (status, type, text) => answer.writeHead(status, { 'content-type': type }).end(text);
  const json = (value) => send(200, 'application/json; charset=utf-8', JSON.stringify(value));
  if (url.pathname === '/login/oauth/authorize' && asked.method === 'GET') {
    const hidden = [...url.searchParams].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
    return send(200, 'text/html', `<!doctype html><title>Code Hub</title><form method="post">${hidden.join('')}
      <button name="answer" value="yes">Authorize ciam</button><button name="answer" value="no">Cancel</button></form>`);
  }
  if (url.pathname === '/login/oauth/authorize') {
    const form = new URLSearchParams(body);
    const back = new URL(form.get('redirect_uri'));
    back.searchParams.set('state', form.get('state'));
    if (form.get('answer') === 'yes') {
      const code = randomBytes(10).toString('hex');
      codes.set(code, form.get('code_challenge'));
      back.searchParams.set('code', code);
    } else {
      back.searchParams.set('error', 'access_denied');
      back.searchParams.set('error_description', 'The user has denied your application access.');
    }
    return answer.writeHead(302, { location: back.href }).end();
  }
  if (url.pathname === '/login/oauth/access_token') {
    const form = new URLSearchParams(body);
    const challenge = codes.get(form.get('code'));
    codes.delete(form.get('code'));
    const verified = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (!challenge || challenge !== verified) return json({ error: 'bad_verification_code' });
    return json({ access_token: 'gho_16C7e42F292c6912E7710c838347Ae178B4a', token_type: 'bearer', scope: 'read:user,user:email' });
  }
  if (url.pathname === '/user' && asked.headers.authorization === 'Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a') {
    return json(person);
  }
  return send(401, 'application/json', '{"message":"Requires authentication"}');
}

async function visitor(settings = {}) {
  const context = await chromium.newContext({
    viewport: { width: 1280, height: 900 }, javaScriptEnabled: false, locale: 'en', ...settings,
  });
  return { context, page: await context.newPage() };
}

const press = (page, name) => submit(page, page.getByRole('link', { name, exact: true }));

/** Signs in at Acme, in its own pages; whom it knows in this browser it asks nothing. */
async function atAcme(page, login) {
  if (await page.locator('input[name=login]').count()) {
    await page.fill('input[name=login]', login);
    await page.fill('input[name=password]', 'anything');
    await submit(page, page.locator('button[type=submit]').first());
  }
  if (page.url().startsWith(acme)) await submit(page, page.locator('button[type=submit]').first());
}

async function signOut(page) {
  await page.goto(`${issuer}/sign-out`);
  await submit(page, page.locator('form[action="/sign-out"] button[type=submit]').last());
  await page.goto(`${issuer}/account`);
  assert.ok(page.url().includes('/sign-in'), page.url());
}

/** Changes what is only in the account here. */
async function rename(page, name) {
  await page.goto(`${issuer}/account/profile`);
  await page.fill('input[name=name]', name);
  await submit(page, page.locator('form[action="/account/profile"] button[type=submit]').first());
}

async function named(page) {
  await page.goto(`${issuer}/account/profile`);
  return page.inputValue('input[name=name]');
}

test('each provider for everybody has a button, in the order of the configuration', async () => {
  const { context, page } = await visitor();
  await page.goto(`${issuer}/sign-in`);
  const list = page.getByRole('list', { name: 'Other ways to sign in' });
  assert.deepEqual(await list.getByRole('link').allTextContents().then((all) => all.map((it) => it.trim())), buttons);
  for (const name of buttons) assert.equal(await page.getByRole('link', { name, exact: true }).count(), 1);
  assert.equal(await page.getByText('partner').count(), 0, 'a way of an organization alone is not shown to everybody');
  // By keyboard, after the form.
  const reached = [];
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    reached.push((await page.locator(':focus').textContent({ timeout: 500 }).catch(() => '')).trim());
  }
  assert.deepEqual(buttons.map((name) => reached.includes(name)), buttons.map(() => true), reached.join(' | '));
  await context.close();
});

for (const provider of [
  { name: 'Acme', button: 'Continue with Acme', comes: 'Ada Lovelace', go: (page) => atAcme(page, 'ada') },
  {
    name: 'Code Hub', button: 'Continue with Code Hub', comes: 'Grace Hopper',
    go: (page) => submit(page, page.getByRole('button', { name: 'Authorize ciam' })),
  },
]) {
  test(`${provider.name}: in, out, and in again to the same account`, async () => {
    const { context, page } = await visitor();
    await page.goto(`${issuer}/sign-in`);
    await press(page, provider.button);
    await provider.go(page);
    assert.equal(new URL(page.url()).pathname, '/account', await page.textContent('main'));
    assert.equal(await named(page), provider.comes);
    await page.goto(`${issuer}/account/security`);
    assert.ok((await page.textContent('main')).includes(provider.name), 'the account says what it signs in with');
    await page.screenshot({ path: join(pictures, `providers-account-${provider.name.toLowerCase().replace(' ', '-')}.png`) });
    await rename(page, 'The same person');
    await signOut(page);
    await press(page, provider.button);
    await provider.go(page);
    assert.equal(new URL(page.url()).pathname, '/account', await page.textContent('main'));
    assert.equal(await named(page), 'The same person');
    await context.close();

    // In another browser too.
    const other = await visitor();
    await other.page.goto(`${issuer}/sign-in`);
    await press(other.page, provider.button);
    await provider.go(other.page);
    assert.equal(await named(other.page), 'The same person');
    await other.context.close();
  });
}

test('somebody else at the provider is somebody else here', async () => {
  const { context, page } = await visitor();
  await page.goto(`${issuer}/sign-in`);
  await press(page, 'Continue with Acme');
  await atAcme(page, 'joan');
  assert.equal(await named(page), 'Ada Lovelace', 'a new account, with what the provider says');
  await context.close();
});

test('who does not sign in there is told so, and is where they were', async () => {
  const { context, page } = await visitor();
  const verifier = randomBytes(32).toString('base64url');
  const request = new URLSearchParams({
    client_id: 'app', redirect_uri: `${app}/callback`, response_type: 'code', scope: 'openid email', state: 'st4te',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  await page.goto(`${issuer}/authorize?${request}`);
  assert.ok((await page.textContent('main')).includes('Orchard'));
  for (const [button, cancel, name] of [
    ['Continue with Code Hub', () => page.getByRole('button', { name: 'Cancel' }), 'hub'],
    ['Continue with Acme', () => page.getByRole('link', { name: /cancel/i }), 'acme'],
  ]) {
    await press(page, button);
    await submit(page, cancel());
    assert.equal(new URL(page.url()).pathname, '/sign-in', page.url());
    const notice = page.getByRole('status');
    assert.equal((await notice.textContent()).trim(), 'You did not sign in there. Try again, or use another way.');
    assert.ok((await page.textContent('main')).includes('Orchard'), 'the application waits still');
    assert.equal(await page.getByRole('link', { name: button }).count(), 1);
    await page.screenshot({ path: join(pictures, `providers-cancelled-${name}.png`), fullPage: true });
  }
  await press(page, 'Continue with Code Hub');
  await submit(page, page.getByRole('button', { name: 'Authorize ciam' }));
  const there = new URL(page.url());
  assert.equal(there.origin, app);
  assert.equal(there.searchParams.get('state'), 'st4te');
  assert.ok(there.searchParams.get('code'));
  await context.close();
});

test('a provider that says nothing that holds signs nobody in', async () => {
  const { context, page } = await visitor();
  const verified = createHash('sha256').update('another').digest('base64url');
  await page.goto(`${issuer}/sign-in`);
  await press(page, 'Continue with Code Hub');
  const set = codes.set.bind(codes);
  codes.set = (code) => set(code, verified);
  await submit(page, page.getByRole('button', { name: 'Authorize ciam' }));
  delete codes.set;
  assert.equal(new URL(page.url()).pathname, '/sign-in');
  assert.match(await page.getByRole('alert').textContent(), /could not sign you in/);
  await page.goto(`${issuer}/account`);
  assert.ok(page.url().includes('/sign-in'), page.url());
  await context.close();
});

test('the page with several buttons, as people see it', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of [['wide', { width: 1280, height: 900 }], ['narrow', { width: 360, height: 740 }]]) {
      const { context, page } = await visitor({ viewport, colorScheme });
      await page.goto(`${issuer}/sign-in`);
      const overflow = await page.locator('body').evaluate((body) => body.scrollWidth > document.documentElement.clientWidth);
      assert.equal(overflow, false);
      await page.screenshot({ path: join(pictures, `providers-${colorScheme}-${size}.png`), fullPage: true });
      await context.close();
    }
  }
});
