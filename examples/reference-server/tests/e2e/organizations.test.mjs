// The console of an organization in a real browser, without scripts: one person makes an organization and invites another, who
// joins, is given a role, and is removed. Every page is kept as a picture.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser as launched, newcomer, pictures, readMail, submit } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');

const browser = launched();

test('the console: create, invite, join, give a role, claim a domain, set a policy, remove', { timeout: 180_000 }, async () => {
  const mark = Date.now();
  const [owner, guest] = [await newcomer(browser, issuer, `owner.${mark}@example.com`, 'Olga Owner'), await newcomer(browser, issuer, `guest.${mark}@example.com`, 'Gustav Guest')];
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
  // Gustav's address is of no domain of the organization's: the administrator takes nothing away from an account of his own.
  const member = page.url();
  await page.click('a[href$="/factors"]');
  assert.match(await page.textContent('main'), /not your organization’s alone/);
  assert.equal(await page.locator('select[name=reason]').count(), 0);
  await picture(page, 'member-factors');
  await page.goto(member);
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



async function readLink(context, email) {
  const text = await readMail(context, issuer, email, /\/invitation\?token=/);
  return text.match(/https?:\/\/\S+\/invitation\?token=\S+/)[0];
}
