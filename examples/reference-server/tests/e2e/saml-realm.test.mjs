// Two organizations, one with an identity provider of its own, in a real browser: it proves its domain, and from then on whoever
// types an address there is led to SimpleSAMLphp and comes back signed in. Others are asked for a password. Pages are kept as
// pictures.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { browser as launched, pictures, submit } from './chromium.mjs';
import { freePort } from './cluster.mjs';
import { nameServer } from './dns.mjs';
import { required } from './environment.mjs';
import { SamlPeers } from './saml-peers.mjs';

const binary = required('CIAM_E2E_SERVER');
const password = 'a lantern by the quiet river';
const [owner, other] = ['olga@agency.example', 'gustav@globex.example'];
const person = {
  name: 'ada',
  password: 'the password there',
  attributes: { uid: 'ada', mail: 'ada@acme.example', displayName: 'Ada Lovelace' },
};
const browser = launched();
const peers = new SamlPeers();
let names;
let port;
let issuer;
let provider;

const account = (email, name) => `[[accounts]]\nemail = "${email}"\nname = "${name}"\npassword = "${password}"\n`;
const organization = (slug, name, policy) =>
  `[[organizations]]\nslug = "${slug}"\nname = "${name}"\nmembers = [{ email = "${owner}", roles = ["owner"] }]\n${policy}`;
const connection = '[[saml_connections]]\nname = "acme"\nlabel = "Acme"\ndomains = ["acme.example"]\n';

/** The server, with what there is to sign in by. */
const serve = async (policy, metadata) => {
  const importFile = account(owner, 'Olga Owner') + account(other, 'Gustav Guest') + organization('acme', 'Acme Ltd', policy) +
    organization('globex', 'Globex', '') + connection + metadata;
  return peers.server(binary, port, { config: `[dns]\nservers = ["${names.address}"]\n`, importFile });
};

before(async () => {
  names = await nameServer();
  port = await freePort();
  issuer = await serve('', '');
  provider = await peers.simplesamlphp(person, await (await fetch(`${issuer}/saml/sp/acme`)).text());
  writeFileSync(join(peers.place('server'), 'acme.xml'), provider.metadata);
});

after(async () => {
  await peers.end();
  names?.end();
});

test('the people of a domain are led to the identity provider of their organization', { timeout: 120_000 }, async () => {
  const open = async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en' });
    return context.newPage();
  };
  let step = 0;
  const picture = (page, what) =>
    page.screenshot({ path: `${pictures}/saml-realm-${String((step += 1)).padStart(2, '0')}-${what}.png`, fullPage: true });
  /** Says who they are, and nothing else. */
  const identify = async (page, email) => {
    await page.goto(`${issuer}/sign-in`);
    assert.equal(await page.locator('input[name=password]').count(), 0, 'who they are comes first');
    assert.equal(await page.locator('a[href^="/upstream/"]').count(), 0, 'there is no button for everybody');
    await page.fill('input[name=identifier]', email);
    await submit(page, page.locator('form[action="/sign-in"] button[type=submit]').first());
  };
  const enter = async (page, email) => {
    await identify(page, email);
    await page.fill('input[name=password]', password);
    await submit(page, page.locator('form[action="/sign-in"] button[type=submit]').first());
    assert.equal(new URL(page.url()).pathname, '/account');
  };

  // Before the domain is proved, its people are like everybody else.
  const early = await open();
  await identify(early, 'ada@acme.example');
  assert.equal(await early.locator('input[name=password]').count(), 1);

  const page = await open();
  await enter(page, owner);
  await page.goto(`${issuer}/organizations/acme/domains`);
  await page.fill('input[name=domain]', 'acme.example');
  await submit(page, page.locator('form:has(input[value=claim]) button[type=submit]'));
  const verify = page.locator('form:has(input[value=verify]) button[type=submit]');
  assert.match(await page.textContent('main'), /Waiting for the proof/);
  const [proof] = (await page.textContent('main')).match(/ciam-domain-verification=[\w-]+/);
  names.publish('_ciam-challenge.acme.example', proof);
  await submit(page, verify);
  assert.match(await page.textContent('main'), /Verified since/);
  await picture(page, 'proved');

  await serve('policy = { connection = "acme" }\n', 'metadata_file = "acme.xml"\n');
  const ada = await open();
  await identify(ada, 'ada@acme.example');
  assert.equal(await ada.locator('input[name=password]').count(), 0, 'no password is asked for here');
  assert.match(await ada.textContent('main'), /Acme Ltd/);
  await picture(ada, 'led');
  await ada.click('a[href^="/upstream/acme?journey="]');
  await ada.waitForURL((url) => url.origin === provider.origin);
  await ada.fill('input[name=username]', person.name);
  await ada.fill('input[name=password]', person.password);
  await ada.click('#submit_button');
  await ada.waitForURL(`${issuer}/account`);
  assert.match(await ada.textContent('main'), /Ada Lovelace/);
  await picture(ada, 'arrived');

  // An address of the domain without an account is led there as well: who has one is not told.
  const nobody = await open();
  await identify(nobody, 'nobody@acme.example');
  assert.equal(await nobody.locator('a[href^="/upstream/acme?journey="]').count(), 1);

  // Everybody else signs in here, whatever organizations they are in.
  await enter(await open(), other);
  await enter(await open(), owner);
});
