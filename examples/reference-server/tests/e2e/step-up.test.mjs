// Step-up from end to end: an API wants more of the person than they have shown (RFC 9470), the application sends them to the
// provider, they confirm with a passkey, and the call succeeds.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { authenticator, credentials } from './authenticator.mjs';
import { browser as launched, password, pictures, readCode, submit } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const application = required('CIAM_E2E_APPLICATION');

const browser = launched();

test('an API asks for a second factor, and gets a passkey', { timeout: 120_000 }, async () => {
  const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  const id = await authenticator(cdp);
  const email = `step.${Date.now()}@example.com`;
  const picture = (name) => page.screenshot({ path: `${pictures}/step-up-${name}.png`, fullPage: true });
  const clear = () => submit(page, page.locator('form[action="/clear"] button'));

  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', 'Grace Hopper');
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-up"] button[type=submit]').first());
  await page.fill('input[name=code]', await readCode(context, issuer, email));
  await submit(page, page.locator('form[action="/verify"] button[type=submit]').first());
  // A session of a password alone.
  await submit(page, page.locator('header form[action="/sign-out"] button'));
  await page.goto(`${application}/login`);
  await signIn(page, email);
  await submit(page, page.locator('form[action="/consent"] button[value=allow]'));
  assert.match(await page.textContent('#api'), /200/);

  // Without a further factor the person cannot reach what the API wants, and nobody is sent in circles.
  await clear();
  assert.equal(new URL(page.url()).pathname, '/sign-in');
  await signIn(page, email);
  assert.equal(new URL(page.url()).origin, application);
  assert.match(await page.textContent('body'), /401|That did not work/);
  await picture('out-of-reach');

  await page.goto(`${issuer}/account/factors`);
  await page.fill('form[data-passkey=create] input[name=label]', 'laptop');
  await submit(page, page.locator('form[data-passkey=create] button'));
  assert.equal((await credentials(cdp, id)).length, 1);

  // Signed in at the application, which is no more than the password: the API says what it wants, and one passkey is enough.
  await page.goto(application);
  if (await page.locator('a[href="/login"]').count()) await submit(page, page.locator('a[href="/login"]'));
  await clear();
  assert.equal(new URL(page.url()).pathname, '/factor');
  await picture('passkey');
  await Promise.all([page.waitForURL(`${application}/**`), page.click('form[data-passkey=get] button')]);
  assert.match(await page.textContent('#api'), /^200.*cleared_by/);
  await picture('done');

  // It lasts: the next call needs no further step.
  await page.goto(application);
  await clear();
  assert.match(await page.textContent('#api'), /^200.*cleared_by/);
  // And by a link nobody deletes anything.
  await page.goto(`${application}/clear`);
  assert.equal(page.url(), `${application}/`);
  await context.close();
});

async function signIn(page, email) {
  await page.fill('input[name=identifier]', email);
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-in"] button:not([name])'));
}
