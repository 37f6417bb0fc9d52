// The console of an organization in a real browser, without scripts: one person makes an organization and invites another, who
// joins, is given a role, and is removed. Every page is kept as a picture.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const issuer = required('CIAM_E2E_ISSUER');
const pictures = required('CIAM_E2E_OUTPUT');
const executablePath = required('CIAM_E2E_CHROMIUM');
const password = 'a long and unremarkable sentence';

let browser;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  browser = await chromium.launch({
    executablePath,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic',
      '--no-first-run', '--disable-component-update', '--disable-sync'],
  });
});

after(() => browser?.close());

test('the console: create, invite, join, give a role, claim a domain, set a policy, remove', { timeout: 180_000 }, async () => {
  const mark = Date.now();
  const [owner, guest] = [await person(`owner.${mark}@example.com`, 'Olga Owner'), await person(`guest.${mark}@example.com`, 'Gustav Guest')];
  const slug = `acme-${mark}`;
  let step = 0;
  const picture = (page, name) =>
    page.screenshot({ path: `${pictures}/organization-${String((step += 1)).padStart(2, '0')}-${name}.png`, fullPage: true });

  const page = owner.page;
  await page.goto(`${issuer}/account/organizations`);
  await picture(page, 'none');
  await page.fill('input[name=name]', 'Acme Ltd');
  await page.fill('input[name=slug]', slug);
  await submit(page, page.locator('form:has(input[name=slug]) button[type=submit]'));
  assert.equal(new URL(page.url()).pathname, `/organizations/${slug}`);
  await picture(page, 'settings');

  await page.goto(`${issuer}/organizations/${slug}/invitations`);
  await page.fill('input[name=email]', guest.email);
  await picture(page, 'invite');
  await submit(page, page.locator('form:has(input[name=email]) button[type=submit]'));
  assert.match(await page.textContent('main'), new RegExp(guest.email.replaceAll('.', '\\.')));
  await picture(page, 'invited');

  const link = await readLink(guest.context, guest.email);
  await owner.page.goto(link);
  assert.equal(await owner.page.locator('form[action="/invitation"]').count(), 0, 'not for somebody else');
  await picture(owner.page, 'invitation-of-another');
  await guest.page.goto(link);
  await picture(guest.page, 'invitation');
  await submit(guest.page, guest.page.locator('form[action="/invitation"] button'));
  assert.match(await guest.page.textContent('main'), /Acme Ltd/);
  await picture(guest.page, 'joined');
  await submit(guest.page, guest.page.locator('form:has(input[value=act]) button').first());
  assert.match(await guest.page.textContent('main'), /You act for this organization now/);
  await picture(guest.page, 'acting');
  await guest.page.goto(link);
  assert.doesNotMatch(await guest.page.textContent('main'), /Acme Ltd/, 'the link is used up');

  await page.goto(`${issuer}/organizations/${slug}/members`);
  await picture(page, 'members');
  await page.click('a:has-text("Gustav Guest")');
  await picture(page, 'member');
  await page.check('input[name="role.admin"]');
  await submit(page, page.locator('form:has(input[value=roles]) button[type=submit]'));
  await guest.page.goto(`${issuer}/organizations/${slug}/members`);
  assert.match(await guest.page.textContent('main'), /Olga Owner/, 'an administrator sees the members');

  for (const section of ['roles', 'domains', 'policy']) {
    await page.goto(`${issuer}/organizations/${slug}/${section}`);
    await picture(page, section);
  }
  await page.goto(`${issuer}/organizations/${slug}/domains`);
  await page.fill('input[name=domain]', `acme-${mark}.example`);
  await submit(page, page.locator('form:has(input[value=claim]) button[type=submit]'));
  assert.match(await page.textContent('main'), /ciam-domain-verification=/);
  await picture(page, 'claimed');

  await page.goto(`${issuer}/organizations/${slug}/members`);
  await page.click('a:has-text("Gustav Guest")');
  await page.click('summary:has-text("Remove")');
  await picture(page, 'remove');
  await submit(page, page.locator('form:has(input[value=remove]) button[type=submit]'));
  const gone = await guest.page.goto(`${issuer}/organizations/${slug}`);
  assert.equal(gone.status(), 404);
  await owner.context.close();
  await guest.context.close();
});

// Somebody who has just registered, in a browser of their own without scripts.
async function person(email, name) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false, locale: 'en' });
  const page = await context.newPage();
  await page.goto(`${issuer}/sign-up`);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=name]', name);
  await page.fill('input[name=password]', password);
  await submit(page, page.locator('form[action="/sign-up"] button[type=submit]').first());
  const text = await readMail(context, email);
  await page.fill('input[name=code]', text.match(/\b\d{6}\b/)[0]);
  await submit(page, page.locator('form[action="/verify"] button[type=submit]').first());
  return { context, page, email };
}

async function submit(page, button) {
  await Promise.all([page.waitForLoadState('load'), button.click()]);
  await page.waitForLoadState('load');
}

async function readLink(context, email) {
  const text = await readMail(context, email, /\/invitation\?token=/);
  return text.match(/https?:\/\/\S+\/invitation\?token=\S+/)[0];
}

async function readMail(context, email, wanted = /\b\d{6}\b/) {
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
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`no mail for ${email}`);
}

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}
