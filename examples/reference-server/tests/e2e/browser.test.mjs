// A person with a real browser: sign-up, verification, consent, an application that reads the claims, an API that takes the
// token, and sign-out. Every page is kept as a picture, on a phone and on a desktop.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser as launched, password, pictures } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const application = required('CIAM_E2E_APPLICATION');

const browser = launched();

const screens = {
  desktop: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, deviceScaleFactor: 2 },
};

for (const [screen, settings] of Object.entries(screens)) {
  test(`${screen}: from sign-up to a token that an API accepts, and out again`, { timeout: 120_000 }, async () => {
    const context = await browser.newContext({ ...settings, javaScriptEnabled: false, locale: 'en' });
    const page = await context.newPage();
    const problems = watch(page);
    const email = `grace.${screen}.${Date.now()}@example.com`;
    let step = 0;
    const picture = (name) =>
      page.screenshot({ path: `${pictures}/${screen}-${String((step += 1)).padStart(2, '0')}-${name}.png`, fullPage: true });

    await page.goto(issuer);
    await picture('home');
    await page.goto(`${issuer}/sign-up`);
    await picture('sign-up');
    await page.fill('input[name=email]', email);
    await page.fill('input[name=name]', 'Grace Hopper');
    await page.fill('input[name=password]', password);
    await press(page, '/sign-up');
    await picture('verify');

    const code = await readCode(context, email, `${pictures}/${screen}-mail.png`);
    await page.fill('input[name=code]', '000000' === code ? '000001' : '000000');
    await press(page, '/verify');
    await picture('verify-wrong-code');
    await page.fill('input[name=code]', code);
    await press(page, '/verify');
    await page.goto(`${issuer}/account`);
    assert.match(await page.textContent('body'), /Grace Hopper/);
    await picture('account');

    // Every section of the account area, as the navigation lists them, and the first in each language.
    const sections = await page.$$eval('nav.side a', (links) => links.map((link) => link.getAttribute('href')));
    assert.ok(sections.length >= 8, `${sections}`);
    for (const section of sections.slice(1)) {
      await page.goto(`${issuer}${section}`);
      assert.equal(new URL(page.url()).pathname, section);
      await picture(section.slice(1).replaceAll('/', '-'));
    }
    for (const language of ['fr', 'de', 'en']) {
      await page.goto(`${issuer}/account/sessions?ui_locales=${language}`);
      assert.equal(await page.getAttribute('html', 'lang'), language);
    }

    await page.goto(application);
    await picture('application');
    await page.click('a[href="/login"]');
    await page.waitForSelector('form[action="/consent"]');
    await picture('consent');
    await Promise.all([page.waitForURL(`${application}/**`), page.click('form[action="/consent"] button[value=allow]')]);
    const claims = await page.textContent('#claims');
    assert.match(claims, new RegExp(email.replaceAll('.', '\\.')));
    assert.match(claims, /Grace Hopper/);
    const api = await page.textContent('#api');
    assert.match(api, /200/);
    await picture('claims');

    await page.click('form[action="/logout"] button');
    if (new URL(page.url()).origin === new URL(issuer).origin) {
      await picture('sign-out');
      await page.click('main form button[type=submit]');
    }
    await page.waitForURL(`${application}/**`);
    await picture('signed-out');

    // The session is over at the provider too: signing in again asks for the password.
    await page.goto(`${application}/login`);
    await page.waitForSelector('form[action="/sign-in"]');
    await picture('sign-in');
    await page.fill('input[name=identifier]', email);
    await page.fill('input[name=password]', 'not the password at all');
    await press(page, '/sign-in');
    await picture('sign-in-refused');
    await page.fill('input[name=identifier]', email);
    await page.fill('input[name=password]', password);
    await press(page, '/sign-in');
    assert.match(await page.textContent('#claims'), /Grace Hopper/, 'the consent is remembered');

    await page.goto(`${issuer}/authorize?client_id=unheard-of&redirect_uri=https://evil.example/`);
    assert.equal(new URL(page.url()).origin, new URL(issuer).origin);
    await picture('refused-client');

    // What was allowed is listed, can be taken back, and is asked for again.
    await page.goto(`${issuer}/account/applications`);
    assert.match(await page.textContent('main'), /Relying Party/);
    await picture('applications');
    await press(page, '/account/applications');
    assert.match(await page.textContent('main'), /No application has access/);
    await page.goto(`${application}/login`);
    await page.waitForSelector('form[action="/consent"]');
    assert.deepEqual(problems, []);
    await context.close();
  });
}

test('a link from the mail signs in where it was asked for, and nowhere else; a forgotten password is replaced', { timeout: 120_000 }, async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: 'en' });
  const page = await context.newPage();
  const problems = watch(page);
  const email = `link.${Date.now()}@example.com`;
  const picture = (name) => page.screenshot({ path: `${pictures}/journey-${name}.png`, fullPage: true });

  // Without a password.
  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', 'Grace Hopper');
  await leave(page, 'button[value=passwordless]');
  const first = await readLink(context, email, 'verification code');

  // Another browser is shown the code, and no button.
  const stranger = await browser.newContext({ javaScriptEnabled: false, locale: 'en' });
  const elsewhere = await stranger.newPage();
  await elsewhere.goto(first);
  assert.match(await elsewhere.textContent('#code'), /^\d{6}$/);
  assert.equal(await elsewhere.locator('form[action="/link"]').count(), 0);
  await elsewhere.screenshot({ path: `${pictures}/journey-link-elsewhere.png`, fullPage: true });
  await elsewhere.goto(`${issuer}/account`);
  assert.match(elsewhere.url(), /\/sign-in/);
  await stranger.close();

  // Opening it twice changes nothing; its button does.
  await page.goto(first);
  await page.goto(first);
  await picture('link');
  await press(page, '/link');
  assert.match(page.url(), /\/account$/);
  await page.goto(`${issuer}/sign-out`);
  await leave(page, 'main form[action="/sign-out"] button[type=submit]');

  // By a link again, this time into the account that there is.
  await page.goto(`${issuer}/sign-in`);
  await page.fill('input[name=identifier]', email);
  await leave(page, 'button[value=code]');
  await picture('code');
  await page.goto(await readLink(context, email, 'sign-in code'));
  await press(page, '/link');
  assert.match(page.url(), /\/account$/);
  await page.goto(`${issuer}/sign-out`);
  await leave(page, 'main form[action="/sign-out"] button[type=submit]');

  // A password that is forgotten, or never was.
  await page.goto(`${issuer}/sign-in`);
  await leave(page, 'a[href="/recover"]');
  await picture('recover');
  await page.fill('input[name=identifier]', email);
  await press(page, '/recover');
  await page.goto(await readLink(context, email, 'recovery code'));
  await press(page, '/link');
  await picture('new-password');
  await page.fill('input[name=password]', password);
  await press(page, '/new-password');
  assert.match(page.url(), /\/account$/);
  assert.deepEqual(problems, []);
  await context.close();
});

test('session cookies are host-only, secure and out of reach of scripts', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${issuer}/sign-in`);
  const cookies = await context.cookies(issuer);
  assert.ok(cookies.length > 0);
  for (const cookie of cookies) {
    assert.ok(cookie.name.startsWith('__Host-'), cookie.name);
    assert.ok(cookie.secure && cookie.httpOnly && cookie.sameSite === 'Lax', JSON.stringify(cookie));
  }
  await context.close();
});

test('every page holds up without horizontal scrolling at 360 pixels', async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 640 } });
  const page = await context.newPage();
  for (const path of ['/', '/sign-up', '/sign-in', '/recover', '/dev/mail']) {
    await page.goto(`${issuer}${path}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} pixels too wide`);
    const unnamed = await page.$$eval('input:not([type=hidden])', (inputs) =>
      inputs.filter((input) => input.labels.length === 0).map((input) => input.name));
    assert.deepEqual(unnamed, [], `${path} has inputs without a label`);
  }
  await context.close();
});

async function press(page, action) {
  await Promise.all([
    page.waitForNavigation({ waitUntil: 'load' }),
    page.locator(`form[action="${action}"] button[type=submit]`).first().click(),
  ]);
}

async function leave(page, selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.locator(selector).first().click()]);
}

/** The link in the newest mail to an address whose subject says this. */
async function readLink(context, email, subject) {
  const page = await context.newPage();
  for (let attempt = 0; attempt < 40; attempt += 1) {
    await page.goto(`${issuer}/dev/mail`);
    const row = page.locator('li', { hasText: email }).filter({ hasText: subject }).locator('a').first();
    if ((await row.count()) > 0) {
      await row.click();
      const href = await page.locator('a[href*="/link?token="]').first().getAttribute('href');
      await page.close();
      return href;
    }
    await page.waitForTimeout(250);
  }
  throw new Error(`no mail about ${subject} for ${email}`);
}

async function readCode(context, email, path) {
  const page = await context.newPage();
  for (let attempt = 0; attempt < 40; attempt += 1) {
    await page.goto(`${issuer}/dev/mail`);
    const row = page.locator('li', { hasText: email }).locator('a').first();
    if ((await row.count()) > 0) {
      await row.click();
      const code = (await page.textContent('main')).match(/\b\d{6,8}\b/)?.[0];
      assert.ok(code, 'the message has no code');
      await page.screenshot({ path, fullPage: true });
      await page.close();
      return code;
    }
    await page.waitForTimeout(250);
  }
  throw new Error(`no mail for ${email}`);
}

/** Collects what a browser complains about: blocked styles, failed requests, script errors. */
function watch(page) {
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    const harmless = /favicon|Failed to load resource: the server responded with a status of 4\d\d/;
    if (message.type() === 'error' && !harmless.test(message.text())) problems.push(message.text());
  });
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    // The next page was opened before this one had all its pictures.
    if (why !== 'net::ERR_ABORTED') problems.push(`${request.url()}: ${why}`);
  });
  return problems;
}
