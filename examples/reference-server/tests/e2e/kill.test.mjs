// Kill the server with SIGKILL in the middle of a thousand sign-ups: every account that was acknowledged signs in
// afterwards, and none is half there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { UserAgent } from './user-agent.mjs';
import { required } from './environment.mjs';

const server = required('CIAM_E2E_SERVER');
const folder = required('CIAM_E2E_FOLDER');
const port = Number(required('CIAM_E2E_PORT'));
const issuer = `http://localhost:${port}`;
const password = 'a long and unremarkable sentence';
const SIGN_UPS = 1_000;
const KILL_AFTER = 400;
const AT_ONCE = 8;

test('no acknowledged sign-up is lost, and none is half there', { timeout: 600_000 }, async () => {
  let running = await start();
  const acknowledged = new Set();
  let begun = 0;
  let killed = false;

  const worker = async () => {
    while (begun < SIGN_UPS && !killed) {
      const number = (begun += 1);
      try {
        await signUp(number);
        acknowledged.add(number);
      } catch (error) {
        if (!killed) throw error;
        return;
      }
      if (acknowledged.size >= KILL_AFTER && !killed) {
        killed = true;
        running.kill('SIGKILL');
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await exited(running);
  assert.ok(acknowledged.size >= KILL_AFTER, `${acknowledged.size} sign-ups were acknowledged`);

  running = await start();
  try {
    const lost = [];
    const half = [];
    const numbers = Array.from({ length: begun }, (_, index) => index + 1);
    const check = async () => {
      for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
        const signedIn = await signIn(number);
        if (acknowledged.has(number) && !signedIn) lost.push(number);
        // An account that was not acknowledged is there whole, or the address is free to register.
        if (!acknowledged.has(number) && !signedIn) {
          await signUp(number).catch((error) => half.push(`${number}: ${error.message}`));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, check));
    assert.deepEqual(lost, [], 'acknowledged accounts that do not sign in');
    assert.deepEqual(half, [], 'addresses that neither sign in nor can be registered');
    console.log(`${acknowledged.size} acknowledged of ${begun} begun, all there after the kill`);
  } finally {
    running.kill('SIGTERM');
    await exited(running);
  }
});

async function signUp(number) {
  const person = visitor(number);
  const form = await person.get(`${issuer}/sign-up`);
  const registration = { email: address(number), name: `Person ${number}`, password };
  const verify = await patiently(() => person.submit(form, '/sign-up', registration));
  assert.equal(verify.status, 200, verify.text);
  // A message that was committed before the kill is delivered after it: its code is of a registration that is gone. The
  // person tries what arrives until one is right.
  const tried = new Set();
  for (let attempt = 0; attempt < 400; attempt += 1) {
    for (const code of await codesFor(address(number))) {
      if (tried.has(code)) continue;
      tried.add(code);
      const page = await patiently(() => person.submit(verify, '/verify', { code, action: 'verify' }));
      if (page.status === 200 && new RegExp(`Person ${number}\\b`).test(page.text)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  throw new Error(`none of ${tried.size} codes was right`);
}

async function signIn(number) {
  const person = visitor(number);
  const form = await person.get(`${issuer}/sign-in`);
  const page = await person.submit(form, '/sign-in', { identifier: address(number), password });
  return page.status === 200 && new RegExp(`Person ${number}\\b`).test(page.text);
}

async function codesFor(email) {
  const postman = new UserAgent();
  const list = await postman.get(`${issuer}/dev/mail`);
  const rows = list.text.split('<li>').filter((part) => part.includes(email));
  const links = rows.map((row) => row.match(/href="(\/dev\/mail\/[^"]+)"/)?.[1]).filter(Boolean);
  const mails = await Promise.all(links.map((link) => postman.get(`${issuer}${link}`)));
  return mails.map((mail) => mail.text.match(/\b\d{6,8}\b/)?.[0]).filter(Boolean);
}

/** Asks again where the server cannot answer at this moment, as its answer says. */
async function patiently(ask) {
  for (let attempt = 0; ; attempt += 1) {
    const page = await ask();
    if (page.status !== 503 || attempt === 20) return page;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Everybody comes from a network of their own, as behind a proxy, and has mail elsewhere: registrations are limited for both. */
function visitor(number) {
  return new UserAgent({ 'x-forwarded-for': `10.${1 + (number >> 8)}.${number & 255}.7` });
}

const address = (number) => `person-${number}@d${number}.example.com`;

async function start() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CIAM_')));
  const child = spawn(
    server,
    ['serve', '--listen', `127.0.0.1:${port}`, '--issuer', issuer, '--database-url', `sqlite:${folder}/ciam.db`,
      '--trusted-proxies', '127.0.0.1', '--log-filter', 'warn'],
    { env, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the server stopped with status ${child.exitCode}`);
    const ready = await fetch(`${issuer}/readyz`).then((response) => response.ok, () => false);
    if (ready) return child;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the server did not become ready');
}

async function exited(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
