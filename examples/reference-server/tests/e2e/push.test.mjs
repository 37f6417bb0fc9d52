// Approval on a phone, in Chromium: the page shows a number, the app sends it with the signature of its key, and the page goes on
// by itself.

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { browser as launched, password, pictures, readCode, submit } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const api = `${issuer}/api/account/v1`;
const browser = launched();

/** The app: a key, and what it signs with it. */
function phone() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const says = (typ, claims, more = {}) => {
    const text = `${part({ alg: 'ES256', typ, ...more })}.${part(claims)}`;
    return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };
  return { says, jwk: { kty, crv, x, y } };
}

/** A request without cookies. */
async function send(path, body) {
  const answer = await fetch(`${api}${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

test('a number on the page, typed on the phone', { timeout: 120_000 }, async () => {
  const settings = { locale: 'en', viewport: { width: 1280, height: 900 } };
  const home = await browser.newContext(settings);
  const page = await home.newPage();
  const email = `push.${Date.now()}@example.com`;
  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', 'Grace Hopper');
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-up"] button[type=submit]').first());
  await page.fill('input[name=code]', await readCode(home, issuer, email));
  await submit(page, page.locator('form[action="/verify"] button[type=submit]').first());

  // The app registers in the session of its person.
  const app = phone();
  const own = async (path, data) => {
    const answer = await page.request.post(`${api}${path}`, { data, headers: { origin: issuer } });
    assert.equal(answer.status(), 200, await answer.text());
    return answer.json();
  };
  const offer = await own('/push/devices/offer', {});
  const message = app.says('ciam-push-register+jwt', { challenge: offer.challenge }, { jwk: app.jwk });
  const { account, device } = await own('/push/devices', { enrolment: offer.enrolment, message, label: 'phone' });
  await page.goto(`${issuer}/account/factors`);
  assert.match(await page.textContent('main'), /Approval on a phone: phone/);
  await home.close();

  const elsewhere = await browser.newContext(settings);
  const there = await elsewhere.newPage();
  await there.goto(`${issuer}/sign-in`);
  await there.fill('input[name=identifier]', email);
  await there.fill('input[name=password]', password);
  await submit(there, there.locator('form[action="/sign-in"] button:not([name])'));
  const number = Number(await there.textContent('#number'));
  await there.screenshot({ path: `${pictures}/push-number.png`, fullPage: true });
  const look = { account, device, iat: Math.floor(Date.now() / 1000) };
  const { request } = await send('/push/waiting', { message: app.says('ciam-push-look+jwt', look) });
  const { request: name, challenge } = request;
  const said = { account, device, request: name, challenge, decision: 'approve', number };
  const { approved } = await send('/push/answers', { message: app.says('ciam-push-answer+jwt', said) });
  assert.equal(approved, true);
  // Nothing on the page is pressed.
  await there.waitForURL(`${issuer}/account`);
  await elsewhere.close();
});
