// SimpleSAMLphp as the identity provider of an organization, in a real browser: its people sign in with it, by assertions that are
// encrypted, and who signs out there is signed out here, and the other way round. Pages are kept as pictures.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { answersIn, browser as launched, pictures } from './chromium.mjs';
import { freePort } from './cluster.mjs';
import { required } from './environment.mjs';
import { SamlPeers } from './saml-peers.mjs';

const binary = required('CIAM_E2E_SERVER');
const person = {
  name: 'ada',
  password: 'the password there',
  attributes: { uid: 'ada', mail: 'ada@acme.example', displayName: 'Ada Lovelace' },
};
const browser = launched();
const peers = new SamlPeers();
let issuer;
let provider;

before(async () => {
  const port = await freePort();
  const connection = '[[saml_connections]]\nname = "acme"\nlabel = "Acme"\nbutton = true\ndomains = ["acme.example"]\n' +
    'sign_out_there = true\n';
  // Each has to know the other: who we are first, then who it is.
  issuer = await peers.server(binary, port, { importFile: connection });
  provider = await peers.simplesamlphp(person, await (await fetch(`${issuer}/saml/sp/acme`)).text());
  writeFileSync(join(peers.place('server'), 'acme.xml'), provider.metadata);
  await peers.server(binary, port, { importFile: `${connection}metadata_file = "acme.xml"\n` });
});

after(() => peers.end());

test('sign-in with the identity provider of an organization, and out again from there and from here', { timeout: 120_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en' });
  const page = await context.newPage();
  let step = 0;
  const picture = (what) =>
    page.screenshot({ path: `${pictures}/saml-provider-${String((step += 1)).padStart(2, '0')}-${what}.png`, fullPage: true });
  const answers = answersIn(page);
  /** Goes there, where nobody is signed in. */
  const go = async () => {
    await page.goto(`${issuer}/sign-in`);
    await page.click('a[href^="/upstream/acme"]');
    await page.waitForURL((url) => url.origin === provider.origin);
    await page.fill('input[name=username]', person.name);
    await page.fill('input[name=password]', person.password);
  };
  const arrive = async () => {
    await page.click('#submit_button');
    await page.waitForURL(`${issuer}/account`);
    assert.match(await page.textContent('main'), /Ada Lovelace/);
  };

  await page.goto(`${issuer}/sign-in`);
  await picture('sign-in');
  await go();
  await picture('there');
  await arrive();
  await picture('account');
  assert.ok(answers.length > 0 && answers.every((xml) => xml.includes('<saml:EncryptedAssertion')), 'assertions are encrypted');
  await page.goto(`${issuer}/account/security`);
  assert.match(await page.textContent('main'), /Unlink: Acme/, 'the account is linked');
  await picture('linked');


  await page.goto(provider.logout);
  await page.waitForURL((url) => url.origin === provider.origin && url.pathname === '/logout.php');
  await picture('signed-out-there');
  await page.goto(`${issuer}/account`);
  await page.waitForURL((url) => url.pathname === '/sign-in');

  await go();
  await arrive();
  await page.click('header form[action="/sign-out"] button[type=submit]');
  await page.waitForURL(`${issuer}/signed-out`);
  await picture('signed-out-here');
  await go();
  await context.close();
});
