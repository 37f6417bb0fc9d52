// The server as the OpenID Provider of Apache with mod_auth_openidc, a relying party of others, in a real browser: sign-in, sign-out
// at the service and sign-out at the provider, of which the service is told from server to server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { browser as launched, pictures } from './chromium.mjs';
import { freePort, pause } from './cluster.mjs';
import { required } from './environment.mjs';
import { HOST, Peers, page as shownPage } from './peers.mjs';

const binary = required('CIAM_E2E_SERVER');
const [email, password, name] = ['ada@example.com', 'a lantern by the quiet river', 'Ada Lovelace'];
const secret = 'e2e-secret-with-&-and-%25-and-+-and-:-signs-0123456789abcdefghij';
const browser = launched();
const peers = new Peers();
let issuer;
let services;

/** What differs between the services: how they prove themselves, and how they are answered. */
const kinds = {
  basic: { method: 'client_secret_basic', mode: 'query', firstParty: true },
  post: { method: 'client_secret_post', mode: 'form_post', firstParty: false },
};

before(async () => {
  services = await Promise.all(Object.entries(kinds).map(async ([kind, settings]) => {
    const origin = `https://${HOST}:${await freePort()}`;
    const tls = peers.keyPair(peers.place(`apache-${kind}`));
    return { kind, ...settings, origin, tls, protected: `${origin}/secret/`, redirectUri: `${origin}/secret/redirect_uri` };
  }));
  const people = `[[accounts]]\nemail = "${email}"\nname = "${name}"\npassword = "${password}"\n`;
  const clients = services.map((it) => `[[clients]]
id = "apache-${it.kind}"
name = "Apache (${it.kind})"
authentication = "${it.method}"
secret = "${secret}"
redirect_uris = ["${it.redirectUri}"]
post_logout_redirect_uris = ["${it.origin}/"]
backchannel_logout_uri = "${it.redirectUri}?logout=backchannel"
scopes = ["openid", "profile", "email"]
first_party = ${it.firstParty}
`);
  // They are on this machine, and nobody vouches for their certificates.
  const list = (of) => JSON.stringify(services.map(of));
  const config = `[dangerous]\nfetch_from = ${list((it) => new URL(it.origin).host)}\ntrust = ${list((it) => it.tls.certificate)}\n`;
  issuer = await peers.server(binary, await freePort(), { config, importFile: people + clients.join('\n') });
  await Promise.all(services.map((it) => apache(it)));
});

after(() => peers.end());

test('one sign-in for two services, and a sign-out anywhere', { timeout: 180_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en', ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const answers = [];
  page.on('request', (it) => it.url().includes('/secret/redirect_uri') && answers.push([it.method(), it.url()]));
  let step = 0;
  const picture = (what) =>
    page.screenshot({ path: `${pictures}/openid-services-${String((step += 1)).padStart(2, '0')}-${what}.png`, fullPage: true });
  const [basic, post] = services;

  const signIn = async () => {
    await page.waitForURL((url) => url.origin === issuer && url.pathname === '/sign-in');
    await page.fill('input[name=identifier]', email);
    await page.fill('input[name=password]', password);
    await page.click('form[action="/sign-in"] button[type=submit]');
  };
  const shown = async (service) => {
    await page.waitForURL(service.protected);
    assert.equal(await page.textContent('#mail'), email);
    assert.equal(await page.textContent('#name'), name);
    return page.textContent('#user');
  };
  const signInToBoth = async () => {
    await page.goto(basic.protected);
    await signIn();
    const names = [await shown(basic)];
    await page.goto(post.protected);
    return [...names, await shown(post)];
  };
  /** Nobody is signed in at a service; it is told by the outbox, in a moment. */
  const signedOut = async (service) => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      await page.goto(service.protected);
      if (new URL(page.url()).origin === issuer) return;
      await pause(100);
    }
    assert.fail(`${service.kind} still has a session`);
  };

  // What the second would know is asked, once.
  await page.goto(basic.protected);
  await signIn();
  const first = await shown(basic);
  await picture('basic');
  await page.goto(post.protected);
  await page.waitForURL((url) => url.origin === issuer && url.pathname.startsWith('/consent'));
  assert.match(await page.textContent('main'), /Apache \(post\)/);
  await picture('consent');
  await page.click('button[name=decision][value=allow]');
  const second = await shown(post);
  await picture('post');
  assert.ok(first && second);
  assert.deepEqual(answers.map(([method]) => method), ['GET', 'POST']);
  assert.ok(answers[0][1].includes(`iss=${encodeURIComponent(issuer)}`), 'who answers is said');

  await page.goto(`${basic.redirectUri}?logout=${encodeURIComponent(`${basic.origin}/`)}`);
  if (new URL(page.url()).origin === issuer) await page.click('form button[type=submit]');
  await page.waitForURL(`${basic.origin}/`);
  await picture('signed-out-by-the-service');
  for (const service of [basic, post]) await signedOut(service);

  assert.deepEqual(await signInToBoth(), [first, second]);
  await page.goto(`${issuer}/account`);
  await page.click('header form[action="/sign-out"] button[type=submit]');
  await page.waitForURL(`${issuer}/signed-out`);
  await picture('signed-out-at-the-provider');
  for (const service of [basic, post]) await signedOut(service);
  await context.close();
});

/** An Apache whose pages are for people of the server alone. */
async function apache(service) {
  const { port } = new URL(service.origin);
  await peers.apache(`apache-${service.kind}`, port, ['auth_openidc'], [
    `OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration`,
    `OIDCClientID apache-${service.kind}`,
    `OIDCClientSecret ${secret}`,
    `OIDCRedirectURI ${service.redirectUri}`,
    'OIDCCryptoPassphrase only-for-this-test',
    'OIDCScope "openid profile email"',
    'OIDCPKCEMethod S256',
    'OIDCResponseType code',
    `OIDCResponseMode ${service.mode}`,
    `OIDCProviderTokenEndpointAuth ${service.method}`,
    'OIDCRemoteUserClaim sub',
    `OIDCDefaultLoggedOutURL ${service.origin}/`,
    // Ports do not separate cookies.
    `OIDCCookie apache-${service.kind}`,
    '<Location "/secret">',
    '  AuthType openid-connect',
    '  Require valid-user',
    '</Location>',
  ], shownPage('mod_auth_openidc', 'OIDC_CLAIM_email', 'OIDC_CLAIM_name'), service.tls);
}
