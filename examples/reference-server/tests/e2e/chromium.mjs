// A real browser, and people in it who run no scripts.

import { mkdirSync } from 'node:fs';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

import { required } from './environment.mjs';

export const pictures = required('CIAM_E2E_OUTPUT');
const executablePath = required('CIAM_E2E_CHROMIUM');

/** The password of everybody who signs up. */
export const password = 'a long and unremarkable sentence';

/** One browser for the tests of a file: what is given back asks it for a context of its own. */
export function browser(...more) {
  let running;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    running = await chromium.launch({
      executablePath,
      args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic',
        '--no-first-run', '--disable-component-update', '--disable-sync', ...more],
    });
  });
  after(() => running?.close());
  return { newContext: (settings) => running.newContext(settings) };
}

/** Somebody who has just registered, in a browser of their own without scripts. */
export async function newcomer(browser, issuer, email, name) {
  const settings = { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false, locale: 'en' };
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', name);
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-up"] button[type=submit]').first());
  await page.fill('input[name=code]', await readCode(context, issuer, email));
  await submit(page, page.locator('form[action="/verify"] button[type=submit]').first());
  return { context, page, email };
}

/** Presses a button that leads to another page. */
export async function submit(page, button) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), button.click()]);
}

export async function readCode(context, issuer, email) {
  const wanted = /\b\d{6}\b/;
  return (await readMail(context, issuer, email, wanted)).match(wanted)[0];
}

/** The newest mail to an address that says what is wanted. */
export async function readMail(context, issuer, email, wanted) {
  const page = await context.newPage();
  for (let attempt = 0; attempt < 60; attempt += 1) {
    await page.goto(`${issuer}/dev/mail`);
    const rows = page.locator('li', { hasText: email }).locator('a');
    for (let row = 0; row < (await rows.count()); row += 1) {
      await rows.nth(row).click();
      const text = await page.textContent('main');
      if (wanted.test(text)) {
        await page.close();
        return text;
      }
      await page.goto(`${issuer}/dev/mail`);
    }
    await page.waitForTimeout(250);
  }
  throw new Error(`no mail for ${email}`);
}

/** The SAML responses that the page posts, as they come. */
export function answersIn(page) {
  const answers = [];
  page.on('request', (request) => {
    const sent = request.method() === 'POST' && new URLSearchParams(request.postData() ?? '').get('SAMLResponse');
    if (sent) answers.push(Buffer.from(sent, 'base64').toString());
  });
  return answers;
}
