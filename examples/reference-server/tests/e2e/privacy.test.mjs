// The privacy pages in a real browser, without scripts: consents are given and taken back in each language, what happened is
// listed, everything is downloaded, and the account is deleted, taken back, and deleted again. Every page is kept as a picture.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { browser as launched, newcomer, password, pictures, submit } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');

const browser = launched();

test('privacy: consents, activity, download, deletion', { timeout: 180_000 }, async () => {
  const email = `pia.${Date.now()}@example.com`;
  const { page } = await newcomer(browser, issuer, email, 'Pia Privat');
  let step = 0;
  const picture = (name) =>
    page.screenshot({ path: `${pictures}/privacy-${String((step += 1)).padStart(2, '0')}-${name}.png`, fullPage: true });
  const main = () => page.textContent('main');

  for (const [language, give, given, back] of [
    ['fr', 'Accepter', 'Votre consentement est enregistré', 'Votre consentement est retiré'],
    ['de', 'Zustimmen', 'Ihre Zustimmung ist festgehalten', 'Ihre Zustimmung ist widerrufen'],
    ['en', 'Agree', 'Your consent is recorded', 'Your consent is taken back'],
  ]) {
    await page.goto(`${issuer}/account/privacy?ui_locales=${language}`);
    assert.equal(await page.getAttribute('html', 'lang'), language);
    const button = page.locator('#purposes + p + ul button[value=give]').first();
    assert.match(await button.textContent(), new RegExp(give));
    await submit(page, button);
    assert.match(await main(), new RegExp(given));
    await picture(`given-${language}`);
    await page.locator('details:has(input[value="purpose:newsletter"]) summary').click();
    await submit(page, page.locator('form:has(input[value="purpose:newsletter"]) button[type=submit]'));
    assert.match(await main(), new RegExp(back));
  }

  await submit(page, page.locator('a[href="/account/privacy/consents"]'));
  assert.equal(await page.locator('tbody tr').count(), 6);
  await picture('consents');

  // The audit log follows within moments.
  for (let attempt = 0; attempt < 40; attempt += 1) {
    await page.goto(`${issuer}/account/privacy/activity`);
    if (/Consent taken back/.test(await main())) break;
    await page.waitForTimeout(250);
  }
  assert.match(await main(), /Consent taken back/);
  assert.match(await main(), /Signed in/);
  await picture('activity');

  await page.goto(`${issuer}/account/privacy`);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('a[href="/account/privacy/export"]').click(),
  ]);
  const exported = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(exported.identifiers[0].value, email);
  assert.equal(exported.records['core.consent_entry'].length, 6);

  await remove(page);
  assert.match(await main(), /Your account is closed/);
  await picture('deleted');
  await page.goto(`${issuer}/account/privacy`);
  assert.equal(new URL(page.url()).pathname, '/sign-in');
  await page.fill('input[name=identifier]', email);
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-in"] button[type=submit]').first());
  await picture('take-back');
  await submit(page, page.locator('form[action="/take-back"] button[type=submit]').first());
  await page.goto(`${issuer}/account/privacy`);
  assert.match(await main(), /Delete your account/);
  await remove(page);
  assert.match(await main(), /Your account is closed/);
});

async function remove(page) {
  await page.locator('details:has(input[value=delete]) summary').click();
  await submit(page, page.locator('form:has(input[value=delete]) button[type=submit]'));
}
