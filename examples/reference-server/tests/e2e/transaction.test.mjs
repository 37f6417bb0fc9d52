// A shop asks a person to confirm a payment (RFC 9396): they see all of it, sign for it with a passkey, and the shop's token says
// what they agreed to.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { authenticator, credentials, presence } from './authenticator.mjs';
import { browser as launched, password, pictures, readCode, submit } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const shop = required('CIAM_E2E_SHOP');
const secret = required('CIAM_E2E_SECRET');
const payment = {
  type: 'payment_initiation', instructedAmount: { currency: 'EUR', amount: '123.50' }, creditorName: 'Merchant A',
  creditorAccount: { iban: 'DE02100100109307118603' }, remittanceInformationUnstructured: 'Ref Number 1',
};
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const browser = launched();
let server;
before(() => new Promise((resolve) => {
  server = createServer((_, response) => response.end('<p>Back in the shop.</p>')).listen(Number(new URL(shop).port), resolve);
}));
after(() => server.close());

test('a payment is shown whole, and agreed to by its passkey alone', { timeout: 120_000 }, async () => {
  const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(String(error)));
  const cdp = await context.newCDPSession(page);
  const id = await authenticator(cdp);
  const email = `payer.${Date.now()}@example.com`;
  const picture = (name) => page.screenshot({ path: `${pictures}/transaction-${name}.png`, fullPage: true });

  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', 'Grace Hopper');
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-up"] button[type=submit]').first());
  await page.fill('input[name=code]', await readCode(context, issuer, email));
  await submit(page, page.locator('form[action="/verify"] button[type=submit]').first());

  // Without a passkey there is nothing to sign with, and no other way.
  await page.goto(request(payment));
  assert.equal(await page.locator('button[value=allow]').count(), 0);
  assert.match(await page.textContent('main'), /needs a passkey, and you have none yet/);
  await picture('no-passkey');

  await page.goto(`${issuer}/account/factors`);
  await submit(page, page.locator('form[data-passkey=create] button'));
  assert.equal((await credentials(cdp, id)).length, 1);

  await page.goto(request(payment));
  const shown = await page.textContent('main');
  for (const text of ['Shop asks you to confirm', 'EUR 123.50', 'Merchant A', 'DE02100100109307118603', 'Ref Number 1']) {
    assert.ok(shown.includes(text), `${text}: ${shown}`);
  }
  await picture('payment');
  // Whoever does not verify themselves confirms nothing.
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
  await page.click('form[data-passkey=get] button');
  await page.waitForSelector('form[data-passkey=get] [data-failed]:not([hidden])');
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: true });
  await presence(cdp, id, true);
  await Promise.all([page.waitForURL(`${shop}/callback?**`), page.click('form[data-passkey=get] button')]);
  const code = new URL(page.url()).searchParams.get('code');
  assert.ok(code, page.url());

  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(['shop', secret].map(encodeURIComponent).join(':')).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: `${shop}/callback`, code_verifier: verifier }),
  });
  const token = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(token));
  assert.deepEqual(token.authorization_details, [payment]);

  // What was allowed once says nothing about the next time; and it can be refused.
  await page.goto(request({ ...payment, instructedAmount: { currency: 'EUR', amount: '9999.00' } }));
  assert.match(await page.textContent('main'), /EUR 9999.00/);
  await submit(page, page.locator('form[action="/consent"] button[value=deny]'));
  assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied');
  assert.deepEqual(problems, []);
  await context.close();
});

function request(details) {
  const query = new URLSearchParams({
    response_type: 'code', client_id: 'shop', redirect_uri: `${shop}/callback`, scope: 'openid', state: 's',
    code_challenge: challenge, code_challenge_method: 'S256', authorization_details: JSON.stringify([details]),
  });
  return `${issuer}/authorize?${query}`;
}
