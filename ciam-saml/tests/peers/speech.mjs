// How a peer speaks: a line of JSON is answered with a line of JSON.
//
// A command is a function of the request. What it gives back is the answer; `Lacks` says that the peer cannot do this, and why;
// any other exception is an error of the peer's.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** The peer has no such thing. */
export class Lacks extends Error {}

/** The version of a package that is installed here. */
export function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version;
}

/** A PEM without its first and last line. */
export const plain = (pem) => pem.replace(/-----[A-Z ]+-----|\s/g, '');

/** The parameters of a query. */
export const one = (query) => Object.fromEntries(new URLSearchParams(query));

/** The fields of a page's form. */
export function fieldsOf(page) {
  const fields = {};
  for (const [, input] of page.matchAll(/<input\b([^>]*)>/g)) {
    const read = (name) => input.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1];
    if (read('name')) fields[read('name')] = unescape(read('value') ?? '');
  }
  return fields;
}

function unescape(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });
}

/** Answers until there are no more requests. */
export async function serve(commands) {
  // Libraries print; what they print is no answer.
  console.log = console.error;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    let answer;
    try {
      answer = await commands[request.do](request);
    } catch (error) {
      answer = error instanceof Lacks ? { lacks: error.message } : { error: String(error?.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
