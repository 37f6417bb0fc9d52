// Passkeys, authenticator apps and recovery codes in a real browser, with Chromium's virtual authenticator.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';

import { browser as launched, password, pictures, readCode, submit } from './chromium.mjs';
import { required } from './environment.mjs';
import { authenticator, credentials, presence } from './authenticator.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const factors = `${issuer}/account/factors`;
const create = 'form[data-passkey=create]';

const browser = launched();

test('a passkey is made by who verifies themselves, and signs in without a user name', { timeout: 120_000 }, async () => {
  const { context, page, cdp, problems, picture } = await person('passkey');
  const id = await authenticator(cdp);

  // An authenticator that does not verify the person makes none.
  await page.goto(factors);
  await picture('none');
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
  await page.click(`${create} button`);
  await page.waitForSelector(`${create} [data-failed]:not([hidden])`);
  assert.equal((await credentials(cdp, id)).length, 0);
  await picture('failed');

  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: true });
  await add(page, 'laptop');
  const [made] = await credentials(cdp, id);
  assert.equal(made.rpId, new URL(issuer).hostname);
  assert.equal(made.isResidentCredential, true);
  // The session is of the password alone: whoever has a passkey is asked for it before anything else is changed.
  assert.equal(await page.locator(create).count(), 0);
  await picture('added');
  await confirmByPasskey(page, picture);
  await picture('list');

  // One authenticator does not make a second passkey for the same account.
  await page.click(`${create} button`);
  await page.waitForSelector(`${create} [data-failed]:not([hidden])`);
  assert.equal((await credentials(cdp, id)).length, 1);

  // By the button.
  await signOut(page);
  await presence(cdp, id, false);
  await page.goto(`${issuer}/sign-in`);
  assert.equal(await page.getAttribute('input[name=identifier]', 'autocomplete'), 'username webauthn');
  await page.waitForSelector('form[data-passkey=conditional]:not([hidden])');
  await picture('sign-in');
  await presence(cdp, id, true);
  await Promise.all([page.waitForURL(`${issuer}/account`), page.click('form[data-passkey=conditional] button')]);

  // An authenticator that no longer verifies the person signs nobody in.
  await signOut(page);
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
  await page.goto(`${issuer}/sign-in`);
  await page.click('form[data-passkey=conditional] button');
  await page.waitForSelector('form[data-passkey=conditional] [data-failed]:not([hidden])');
  assert.deepEqual(problems, []);
  await context.close();
});

test('the list of names offers the passkey: conditional UI', { timeout: 120_000 }, async () => {
  const { context, page, cdp, problems } = await person('conditional');
  const id = await authenticator(cdp);
  await page.goto(factors);
  await add(page, 'laptop');
  await signOut(page);
  // The person picks it from the list; nothing on the page is pressed.
  await page.goto(`${issuer}/sign-in`, { waitUntil: 'commit' });
  await page.waitForURL(`${issuer}/account`);
  assert.deepEqual(problems, []);
  await context.close();
});

test('a second device joins, is renamed, and the first one goes', { timeout: 120_000 }, async () => {
  const { context, page, cdp, problems, email, picture } = await person('devices');
  const first = await authenticator(cdp);
  await page.goto(factors);
  await add(page, 'laptop');
  await confirmByPasskey(page);
  const [lost] = await credentials(cdp, first);
  await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: first });
  const second = await authenticator(cdp);
  await add(page, 'phone');
  await page.click('main li:has-text("phone") details:has(input[name=label]) summary');
  await page.fill('main li:has-text("phone") input[name=label]', 'new phone');
  await submit(page, page.locator('main li:has-text("phone") details[open] button'));
  assert.match(await page.textContent('main'), /Passkey: new phone/);
  await page.click('main li:has-text("laptop") summary:has-text("Remove")');
  await picture('remove');
  await submit(page, page.locator('main li:has-text("laptop") details[open] button'));
  assert.equal(page.url(), `${factors}?done=removed`);
  assert.doesNotMatch(await page.textContent('main'), /laptop/);

  // The one that went signs nobody in.
  await signOut(page);
  await presence(cdp, second, false);
  await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: second });
  const thief = await authenticator(cdp);
  await cdp.send('WebAuthn.addCredential', { authenticatorId: thief, credential: lost });
  await presence(cdp, thief, false);
  await page.goto(`${issuer}/sign-in`);
  await page.waitForSelector('form[data-passkey=conditional]:not([hidden])');
  await presence(cdp, thief, true);
  await submit(page, page.locator('form[data-passkey=conditional] button'));
  // The authenticator answers each page at once, until it is stopped: the limit may come first.
  assert.match(await page.textContent('main'), /not accepted here|Too many attempts/);
  await presence(cdp, thief, false);
  await picture('refused');
  await page.goto(`${issuer}/account`);
  assert.equal(new URL(page.url()).pathname, '/sign-in');

  // After the password the passkey is asked for, and another one does not do.
  await signIn(page, email);
  assert.equal(new URL(page.url()).pathname, '/factor');
  await picture('second-factor');
  await presence(cdp, thief, true);
  await page.click('form[data-passkey=get] button');
  await page.waitForSelector('form[data-passkey=get] [data-failed]:not([hidden])');
  assert.deepEqual(problems, []);
  await context.close();
});

test('a payment is shown, and signed for with the passkey', { timeout: 120_000 }, async () => {
  const { context, page, cdp, problems } = await person('payment');
  await authenticator(cdp);
  await page.goto(factors);
  await add(page, 'laptop');
  const details = [{ type: 'payment_initiation', instructedAmount: { currency: 'EUR', amount: '123.50' }, creditorName: 'A' }];
  const post = async (path, data) => {
    const answer = await page.request.post(`${issuer}/api/account/v1${path}`, { data, headers: { origin: issuer } });
    return { status: answer.status(), body: await answer.json() };
  };
  const sign = (options) => page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  }, options);
  const { body: offer } = await post('/transactions/offer', { authorization_details: details });
  assert.deepEqual(offer.authorization_details, details);
  const response = await sign(offer.options);
  const { status, body } = await post('/transactions', { transaction: offer.transaction, response });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(JSON.parse(body.signed.details), details);
  // Not twice, and not for another.
  assert.equal((await post('/transactions', { transaction: offer.transaction, response })).status, 404);
  const { body: other } = await post('/transactions/offer', { authorization_details: details });
  assert.equal((await post('/transactions', { transaction: other.transaction, response })).status, 422);
  assert.deepEqual(problems, []);
  await context.close();
});

test('an authenticator app and recovery codes, without JavaScript', { timeout: 120_000 }, async () => {
  const { context, page, problems, email, picture } = await person('totp', { javaScriptEnabled: false });
  await page.goto(factors);
  await picture('none');
  await submit(page, page.locator('button[value=totp]'));
  await picture('offer');
  const seed = (await page.textContent('#seed')).replaceAll(' ', '');
  assert.match(await page.getAttribute('main a[href^="otpauth:"]', 'href'), new RegExp(`secret=${seed}&`));
  await page.fill('input[name=code]', '000000');
  await submit(page, page.locator('main form[action="/account/factors"] button'));
  assert.match(await page.textContent('main'), /wrong or was used before/);
  await page.fill('input[name=code]', totp(seed, 0));
  await submit(page, page.locator('main form[action="/account/factors"] button'));
  assert.equal(page.url(), `${factors}?done=added`);

  await submit(page, page.locator('section[aria-labelledby=factors-codes] button'));
  const codes = await page.$$eval('#codes code', (all) => all.map((it) => it.textContent));
  assert.equal(codes.length, 10);
  await picture('codes');

  // The password alone no longer signs in; the code of the enrolment is used up, the next one is good.
  await signOut(page);
  await signIn(page, email);
  assert.equal(new URL(page.url()).pathname, '/factor');
  await picture('factor');
  await page.goto(`${issuer}/account`);
  assert.equal(new URL(page.url()).pathname, '/sign-in');
  await signIn(page, email);
  await page.fill('input[name=code]', totp(seed, 1));
  await submit(page, page.locator('main form[action="/factor"]:has(input[name=code]) button'));
  assert.equal(page.url(), `${issuer}/account`);

  // A recovery code in its place, once.
  for (const [typed, outcome] of [[codes[0].toLowerCase().replaceAll('-', ' '), '/account'], [codes[0], '/factor']]) {
    await signOut(page);
    await signIn(page, email);
    await submit(page, page.locator('main form:has(input[name=other][value=recovery_code]) button'));
    await page.fill('input[name=code]', typed);
    await submit(page, page.locator('main form[action="/factor"]:has(input[name=code]) button'));
    assert.equal(new URL(page.url()).pathname, outcome);
  }
  assert.match(await page.textContent('main'), /wrong or was used before/);
  await picture('factor-wrong');
  assert.deepEqual(problems, []);
  await context.close();
});

/** A person who has just signed up, in a browser of their own. */
async function person(name, settings = {}) {
  const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 900 }, ...settings });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !text.includes('status of 422')) problems.push(text);
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  const email = `${name}.${Date.now()}@example.com`;
  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', 'Grace Hopper');
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-up"] button[type=submit]').first());
  await page.fill('input[name=code]', await readCode(context, issuer, email));
  await submit(page, page.locator('form[action="/verify"] button[type=submit]').first());
  const cdp = await context.newCDPSession(page);
  const picture = (what) => page.screenshot({ path: `${pictures}/factors-${name}-${what}.png`, fullPage: true });
  return { context, page, cdp, problems, email, picture };
}

async function add(page, label) {
  await page.fill(`${create} input[name=label]`, label);
  await Promise.all([page.waitForURL(`${factors}?done=added`), page.click(`${create} button`)]);
  assert.match(await page.textContent('main'), new RegExp(`Passkey: ${label}`));
}

async function confirmByPasskey(page, picture = () => {}) {
  await submit(page, page.locator('section[aria-labelledby=prove] a'));
  assert.equal(new URL(page.url()).pathname, '/confirm');
  await picture('confirm');
  await Promise.all([page.waitForURL(factors), page.click('form[data-passkey=get] button')]);
  await page.waitForSelector(`${create}:not([hidden])`);
}

async function signIn(page, email) {
  await page.goto(`${issuer}/sign-in`);
  await page.fill('input[name=identifier]', email);
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-in"] button:not([name])'));
}

async function signOut(page) {
  await page.goto(`${issuer}/account`);
  await submit(page, page.locator('header form[action="/sign-out"] button'));
}

/** RFC 6238, some steps from now. */
function totp(seed, ahead) {
  const bits = [...seed].map((it) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(it).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((it) => parseInt(it, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}
