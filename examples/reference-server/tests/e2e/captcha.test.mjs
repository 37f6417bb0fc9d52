// A captcha of another service under the page's own content security policy, in a real browser. The service is a stand-in
// that the browser is led to: its script runs, shows a frame and answers, and nothing else from elsewhere does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser as launched, pictures } from './chromium.mjs';
import { required } from './environment.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const service = 'https://challenges.cloudflare.com';

const browser = launched();

// What such a script does: it finds its place by the class, shows a frame of its origin there, and puts its answer into the form.
const script = `
  addEventListener('DOMContentLoaded', () => {
    const place = document.querySelector('.cf-turnstile');
    const frame = document.createElement('iframe');
    frame.src = '${service}/frame?k=' + place.dataset.sitekey;
    frame.title = 'Check';
    addEventListener('message', (event) => {
      if (event.origin !== '${service}') return;
      const answer = document.createElement('input');
      Object.assign(answer, { type: 'hidden', name: 'cf-turnstile-response', value: event.data });
      place.append(answer);
    });
    place.append(frame);
  });`;
const frame = `<!doctype html><title>Check</title><p>I am human</p><script>
  parent.postMessage('answer-for-' + new URL(location).searchParams.get('k'), '*')</script>`;

test('the captcha works under the policy, and nothing else from elsewhere does', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ locale: 'en' });
  const page = await context.newPage();
  const asked = [];
  await context.route((url) => url.origin !== issuer, (route) => {
    const url = new URL(route.request().url());
    asked.push(url.origin + url.pathname);
    if (url.origin !== service) return route.fulfill({ contentType: 'text/javascript', body: 'window.evil = true' });
    if (url.pathname === '/frame') return route.fulfill({ contentType: 'text/html', body: frame });
    return route.fulfill({ contentType: 'text/javascript', body: script });
  });
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(`${issuer}/sign-in`);
  assert.match(page.url(), /\/check\?journey=/);
  const answer = page.locator('input[name="cf-turnstile-response"]');
  await answer.waitFor({ state: 'attached', timeout: 20_000 });
  assert.equal(await answer.inputValue(), 'answer-for-site-key-of-the-test');
  await page.frameLocator('iframe').getByText('I am human').waitFor();
  assert.deepEqual(problems, []);
  assert.deepEqual([...new Set(asked)].sort(), [`${service}/frame`, `${service}/turnstile/v0/api.js`]);
  await page.screenshot({ path: `${pictures}/captcha.png`, fullPage: true });

  // A script of somebody else, one in the page, a frame of somebody else, a picture and a request: each is refused.
  asked.length = 0;
  const refused = await page.evaluate(async () => {
    const violations = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const add = (name, properties) => document.body.append(Object.assign(document.createElement(name), properties));
    add('script', { src: 'https://evil.example/x.js' });
    add('script', { textContent: 'window.evil = true' });
    add('iframe', { src: 'https://evil.example/' });
    add('img', { src: 'https://evil.example/x.png' });
    await fetch('https://evil.example/').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 500));
    return { violations: violations.sort(), evil: window.evil === true };
  });
  assert.equal(refused.evil, false);
  assert.deepEqual(refused.violations, ['connect-src', 'frame-src', 'img-src', 'script-src-elem', 'script-src-elem']);
  assert.deepEqual(asked, [], 'and nothing left the browser');
  await context.close();
});
