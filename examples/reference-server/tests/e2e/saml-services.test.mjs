// The server as an identity provider of Apache with mod_auth_mellon and of Apache with the Shibboleth SP, in a real browser: one
// sign-in for both, and a sign-out anywhere signs out everywhere. Pages are kept as pictures.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { answersIn, browser as launched, pictures } from './chromium.mjs';
import { freePort } from './cluster.mjs';
import { required } from './environment.mjs';
import { SamlPeers } from './saml-peers.mjs';

const binary = required('CIAM_E2E_SERVER');
const [email, password, name] = ['ada@example.com', 'a lantern by the quiet river', 'Ada Lovelace'];
const browser = launched();
const peers = new SamlPeers();
let issuer;
let mellon;
let shibboleth;

before(async () => {
  const port = await freePort();
  const people = `[[accounts]]\nemail = "${email}"\nname = "${name}"\npassword = "${password}"\n`;
  // Each has to know the other: who we are first, then who they are.
  issuer = await peers.server(binary, port, { config: 'saml = true\n', importFile: people });
  const metadata = await (await fetch(`${issuer}/saml/metadata`)).text();
  [mellon, shibboleth] = await Promise.all([
    peers.mellon(metadata),
    peers.shibboleth(metadata, `${issuer}/saml/metadata`),
  ]);
  const service = (peer, label, more) => {
    writeFileSync(join(peers.place('server'), `${label}.xml`), peer.metadata);
    return `[[saml_services]]\nid = "${peer.entityId}"\nname = "${label}"\nmetadata_file = "${label}.xml"\n` +
      `attributes = ["mail", "displayName"]\nname_ids = ["persistent", "transient"]\n${more}\n`;
  };
  // One can be told from server to server; the other only through the browser.
  const soap = /<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP"[^>]*>/;
  assert.match(shibboleth.metadata, soap);
  shibboleth.metadata = shibboleth.metadata.replace(soap, '');
  const importFile = people + service(mellon, 'Mellon', 'first_party = true') + service(shibboleth, 'Shibboleth', '');
  await peers.server(binary, port, { importFile });
});

after(() => peers.end());

test('one sign-in, and a sign-out everywhere', { timeout: 180_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en' });
  const page = await context.newPage();
  const answers = answersIn(page);
  let step = 0;
  const picture = (what) =>
    page.screenshot({ path: `${pictures}/saml-services-${String((step += 1)).padStart(2, '0')}-${what}.png`, fullPage: true });

  const signIn = async () => {
    await page.waitForURL((url) => url.origin === issuer && url.pathname === '/sign-in');
    await page.fill('input[name=identifier]', email);
    await page.fill('input[name=password]', password);
    await page.click('form[action="/sign-in"] button[type=submit]');
  };
  const shown = async (peer) => {
    await page.waitForURL((url) => url.origin === peer.origin && url.pathname === '/secret/');
    assert.equal(await page.textContent('#mail'), email);
    assert.equal(await page.textContent('#name'), name);
    return page.textContent('#user');
  };
  /** Signs in to both; a password is asked for once. */
  const signInToBoth = async () => {
    await page.goto(mellon.secret);
    await signIn();
    const atMellon = await shown(mellon);
    await page.goto(shibboleth.secret);
    return [atMellon, await shown(shibboleth)];
  };
  /** Nobody is signed in, here and there. */
  const signedOutEverywhere = async () => {
    for (const place of [mellon.secret, shibboleth.secret, `${issuer}/account`]) {
      await page.goto(place);
      await page.waitForURL((url) => url.origin === issuer && url.pathname === '/sign-in');
    }
  };

  await page.goto(mellon.secret);
  await page.waitForURL((url) => url.origin === issuer);
  await picture('sign-in');
  await signIn();
  const atMellon = await shown(mellon);
  await picture('mellon');

  // The other is not ours: what it would know is asked, once.
  await page.goto(shibboleth.secret);
  await page.waitForURL((url) => url.pathname === '/saml/consent');
  assert.match(await page.textContent('main'), /Shibboleth/);
  await picture('consent');
  await page.click('button[name=decision][value=allow]');
  const atShibboleth = await shown(shibboleth);
  await picture('shibboleth');
  assert.equal(answers.length, 2);
  assert.ok(answers.every((xml) => xml.includes('<saml:EncryptedAssertion')), 'assertions are encrypted');
  assert.notEqual(atMellon, atShibboleth, 'a person has another name at each service');

  await page.goto(mellon.logout);
  await page.waitForURL(`${mellon.origin}/`);
  await picture('signed-out-by-mellon');
  await signedOutEverywhere();

  const again = await signInToBoth();
  assert.equal(again[1], atShibboleth, 'and the same one each time');
  await page.goto(shibboleth.logout);
  await page.waitForURL(`${shibboleth.origin}/`);
  await picture('signed-out-by-shibboleth');
  await signedOutEverywhere();

  await signInToBoth();
  await page.goto(`${issuer}/sign-out`);
  await picture('sign-out');
  await page.click('form[action="/sign-out"] button[type=submit]');
  await page.waitForURL(`${issuer}/signed-out`);
  await picture('signed-out-here');
  await signedOutEverywhere();

  // The button that is on every page.
  await signInToBoth();
  await page.goto(`${issuer}/account`);
  await page.click('header form[action="/sign-out"] button[type=submit]');
  await page.waitForURL(`${issuer}/signed-out`);
  await signedOutEverywhere();
  await context.close();
});
