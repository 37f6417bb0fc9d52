// Every page with made-up data, in every language, against WCAG 2.2 AA: in the light on a desktop, in the dark on a phone. What
// opens is opened. The English pages are kept as pictures.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { browser as launched, pictures } from './chromium.mjs';
import { required } from './environment.mjs';

const gallery = required('CIAM_E2E_GALLERY');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

const screens = {
  desktop: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
};

const browser = launched('--allow-file-access-from-files');

const files = readdirSync(gallery).filter((file) => file.endsWith('.html')).sort();

for (const [screen, settings] of Object.entries(screens)) {
  test(`${screen}: no page violates WCAG 2.2 AA, and none scrolls sideways`, { timeout: 600_000 }, async () => {
    const context = await browser.newContext(settings);
    const page = await context.newPage();
    const problems = [];
    for (const file of files) {
      await page.goto(`file://${gallery}/${file}`);
      if (file.endsWith('.en.html')) {
        const name = file.replace('.en.html', '');
        await page.screenshot({ path: `${pictures}/page-${screen}-${name}.png`, fullPage: true });
      }
      await page.evaluate(() => document.querySelectorAll('details').forEach((it) => it.setAttribute('open', '')));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) problems.push(`${file}: ${wide} pixels too wide`);
      await page.addScriptTag({ path: axe });
      const found = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: 'tag', values } }), rules);
      assert.ok(found.passes.length > 10, `${file}: axe did not run`);
      for (const { id, help, nodes } of found.violations) {
        problems.push(`${file}: ${id}: ${help}: ${nodes.map((it) => it.html.slice(0, 160)).join(' | ')}`);
      }
    }
    assert.ok(files.length > 60, 'there are pages');
    assert.deepEqual(problems, []);
    await context.close();
  });
}
