// A person with a plain browser: cookies, links and forms, no script. Enough to walk the server's pages over HTTP.

import assert from 'node:assert/strict';

export class UserAgent {
  #cookies = new Map();
  #extra;

  /** `extra` are headers that every request carries. */
  constructor(extra = {}) {
    this.#extra = extra;
  }

  /** Follows redirects inside `origin`; stops at the first response that is a page, or a redirect that leaves. */
  async get(url, origin = new URL(url).origin) {
    return this.#request(new URL(url), { method: 'GET' }, origin);
  }

  /** Submits the page's form that posts to `action`, with `fields` filled in. */
  async submit(page, action, fields = {}) {
    const form = page.forms().find((found) => new URL(found.action, page.url).pathname === action);
    assert.ok(form, `the page ${page.url} has no form that posts to ${action}:\n${page.text}`);
    const body = new URLSearchParams(form.hidden);
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const target = new URL(form.action, page.url);
    return this.#request(
      target,
      {
        method: 'POST',
        body,
        headers: { origin: target.origin, 'content-type': 'application/x-www-form-urlencoded' },
      },
      target.origin,
    );
  }

  /** Another browser with the same cookies, as somebody who has copied them. */
  copy() {
    const copied = new UserAgent(this.#extra);
    for (const [name, value] of this.#cookies) copied.#cookies.set(name, value);
    return copied;
  }

  cookieNames() {
    return [...this.#cookies.keys()];
  }

  async #request(url, init, origin) {
    for (let hop = 0; hop < 10; hop += 1) {
      const headers = new Headers(init.headers);
      headers.set('accept', 'text/html');
      for (const [name, value] of Object.entries(this.#extra)) headers.set(name, value);
      if (this.#cookies.size > 0) {
        headers.set('cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '));
      }
      const response = await fetch(url, { ...init, headers, redirect: 'manual' });
      for (const line of response.headers.getSetCookie()) this.#keep(line);
      const location = response.headers.get('location');
      if (!location) return new Page(url, response, await response.text());
      await response.arrayBuffer();
      const next = new URL(location, url);
      if (next.origin !== origin) return new Page(url, response, '', next);
      url = next;
      init = { method: 'GET' };
    }
    throw new Error('more than ten redirects');
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    if (attributes.some((attribute) => attribute.toLowerCase() === 'max-age=0')) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

export class Page {
  constructor(url, response, text, leavesTo) {
    this.url = url;
    this.status = response.status;
    this.headers = response.headers;
    this.text = text;
    /** Where the browser was sent, when that is another origin. */
    this.leavesTo = leavesTo;
  }

  forms() {
    return [...this.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes, inner]) => ({
      action: attribute(attributes, 'action') ?? '',
      hidden: [...inner.matchAll(/<input\b([^>]*)>/g)]
        .map(([, input]) => input)
        .filter((input) => attribute(input, 'type') === 'hidden')
        .map((input) => [attribute(input, 'name'), attribute(input, 'value') ?? '']),
    }));
  }

  links() {
    return [...this.text.matchAll(/<a\b([^>]*)>/g)].map(([, attributes]) => attribute(attributes, 'href'));
  }
}

function attribute(text, name) {
  const found = text.match(new RegExp(`\\b${name}="([^"]*)"`));
  return found ? unescape(found[1]) : undefined;
}

function unescape(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });
}
