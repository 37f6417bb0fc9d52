// The check that costs a machine something, in a real browser: the script finds the answer and goes on by itself, under the
// page's own content security policy; without scripts there is a way too.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser as launched, pictures } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');

const browser = launched();

test('the script passes the check, and the journey goes on', { timeout: 120_000 }, async () => {
  const context = await browser.newContext({ locale: 'en' });
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(`${issuer}/sign-in`);
  await page.waitForURL(/\/sign-in\?journey=/, { timeout: 90_000 });
  assert.equal(await page.locator('input[name=password]').count(), 1);
  assert.deepEqual(problems, []);
  await context.close();
});

test('without scripts there is a button, and it says how long to wait', { timeout: 60_000 }, async () => {
  for (const [screen, viewport] of [['desktop', { width: 1280, height: 900 }], ['phone', { width: 390, height: 844 }]]) {
    const context = await browser.newContext({ javaScriptEnabled: false, locale: 'en', viewport });
    const page = await context.newPage();
    await page.goto(`${issuer}/sign-in`);
    assert.match(page.url(), /\/check\?journey=/);
    assert.match(await page.textContent('main'), /Wait 30 seconds/);
    await page.screenshot({ path: `${pictures}/check-${screen}.png`, fullPage: true });
    await page.locator('form[action="/check"] button').click();
    assert.match(await page.textContent('main'), /wait a little longer/);
    await context.close();
  }
});
