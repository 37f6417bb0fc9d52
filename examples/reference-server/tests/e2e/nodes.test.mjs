// Two nodes, one PostgreSQL, one Redis, no sticky sessions. One node is killed in the middle of 500 sign-ins; Redis goes away
// in mid-request. Nothing that was acknowledged is lost, and nothing has to be restarted.

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { Cluster, freePort, pause, program } from './cluster.mjs';
import { required } from './environment.mjs';
import { UserAgent } from './user-agent.mjs';

const server = required('CIAM_E2E_SERVER');
const folder = required('CIAM_E2E_FOLDER');
const postgres = required('CIAM_E2E_POSTGRES');
const redis = required('CIAM_E2E_REDIS');
const password = 'a long and unremarkable sentence';
const PEOPLE = 50;
const SIGN_INS = 500;
const KILL_AFTER = 200;
const AT_ONCE = 12;

test('the browser suite passes with each request sent to the other node', { timeout: 300_000 }, async () => {
  const [application, api] = [await freePort(), await freePort()];
  const [applicationUrl, apiUrl] = [`http://localhost:${application}`, `http://localhost:${api}`];
  const importFile = required('CIAM_E2E_IMPORT')
    .replaceAll('{application}', applicationUrl).replaceAll('{api}', apiUrl);
  const cluster = new Cluster({ server, folder: `${folder}/browser`, postgres, redis, importFile });
  const programs = [];
  try {
    await cluster.start();
    programs.push(await program(required('CIAM_E2E_RESOURCE_SERVER'),
      ['--issuer', cluster.issuer, '--audience', apiUrl, '--listen', `127.0.0.1:${api}`], api));
    programs.push(await program(required('CIAM_E2E_RELYING_PARTY'),
      ['--issuer', cluster.issuer, '--base-url', applicationUrl, '--api', apiUrl, '--listen', `127.0.0.1:${application}`],
      application));
    const suite = spawn('node', ['--test', '--test-reporter=spec', 'browser.test.mjs'], {
      // A test runner inside a test runner thinks that it is a part of the other one.
      env: {
        ...process.env, NODE_TEST_CONTEXT: undefined, CIAM_E2E_ISSUER: cluster.issuer,
        CIAM_E2E_APPLICATION: applicationUrl, CIAM_E2E_OUTPUT: required('CIAM_E2E_OUTPUT'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    suite.stdout.on('data', (part) => { output += part; });
    const [status] = await once(suite, 'exit');
    assert.equal(status, 0, output);
    assert.match(output, /pass [1-9]/, output);
    const [one, two] = cluster.nodes.map((node) => node.served);
    console.log(`one node answered ${one} requests, the other ${two}`);
    assert.ok(one > 20 && two > 20 && Math.abs(one - two) < (one + two) / 4, `${one} and ${two} requests`);
  } finally {
    for (const child of programs) child.kill('SIGKILL');
    await cluster.stop();
  }
});

test('a node that is killed in the middle of 500 sign-ins loses none that was acknowledged', { timeout: 600_000 }, async () => {
  const receiver = await Receiver.start();
  const importFile = `${people()}\n${receiver.entry()}`;
  // So many people from one address within a minute are asked for more, which is not what this is about.
  const settings = ['[risk]', 'adaptive = false'];
  const cluster = new Cluster({ server, folder: `${folder}/kill`, postgres, redis, importFile, settings });
  const acknowledged = [];
  let begun = 0;
  let failures = 0;
  let killed = false;
  const worker = async () => {
    while (begun < SIGN_INS) {
      const number = (begun += 1);
      // Whoever is thrown off tries again.
      let visitor = null;
      for (let attempt = 0; !visitor && attempt < 10; attempt += 1) {
        if (attempt > 0) await pause(200);
        visitor = await signIn(cluster.issuer, number).catch(() => null);
        failures += visitor ? 0 : 1;
      }
      if (visitor) acknowledged.push({ number, visitor });
      if (acknowledged.length >= KILL_AFTER && !killed) {
        killed = true;
        cluster.kill(cluster.nodes[0]);
      }
    }
  };
  try {
    await cluster.start();
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    assert.ok(killed);
    assert.equal(acknowledged.length, SIGN_INS, `${failures} attempts failed`);
    assert.ok(failures > 0, 'the kill met nobody');
    const lost = [];
    for (const { number, visitor } of acknowledged) {
      const page = await visitor.get(`${cluster.issuer}/account`);
      if (page.status !== 200 || !page.text.includes(name(number))) lost.push(number);
    }
    assert.deepEqual(lost, [], 'acknowledged sign-ins whose session is gone');

    // Each sign-in is an event, and each is delivered, the killed node's share included.
    const counted = () => {
      const started = receiver.events.filter((event) => event.type === 'ciam.session.started.v1');
      return new Set(started.map((event) => event.id)).size;
    };
    for (let wait = 0; wait < 900 && counted() < acknowledged.length; wait += 1) await pause(100);
    assert.ok(counted() >= acknowledged.length, `${counted()} events of ${acknowledged.length} sign-ins`);
    assert.deepEqual(receiver.refused, [], 'requests whose signature is wrong');
    assert.deepEqual(receiver.outOfOrder(), [], 'events of an account that came out of order');

    await cluster.startNode(cluster.nodes[0]);
    const before = cluster.nodes[0].served;
    for (let number = 1; number <= 4; number += 1) assert.ok(await signIn(cluster.issuer, number));
    assert.ok(cluster.nodes[0].served > before, 'the node that came back answers again');
    console.log(`${acknowledged.length} sign-ins acknowledged, ${failures} attempts failed, ${receiver.events.length} events delivered`);
  } finally {
    await cluster.stop();
    receiver.close();
  }
});

test('Redis gone in mid-request: 503 with Retry-After, nothing lost, no restart', { timeout: 300_000 }, async () => {
  const port = await freePort();
  const start = async () => program('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '',
    '--appendonly', 'no', '--dir', folder], port);
  let own = await start();
  const importFile = people();
  const cluster = new Cluster({ server, folder: `${folder}/redis`, postgres, redis: `redis://127.0.0.1:${port}/0`, importFile });
  try {
    await cluster.start();
    const before = await signIn(cluster.issuer, 1);
    assert.ok(before);
    const visitor = person(2);
    const form = await visitor.get(`${cluster.issuer}/sign-in`);
    own.kill('SIGKILL');
    await once(own, 'exit');
    // Several at once, and at both nodes: each is answered, in time.
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 8 }, () =>
      visitor.submit(form, '/sign-in', { identifier: address(2), password })));
    for (const answer of answers) {
      assert.equal(answer.status, 503, answer.text);
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    }
    assert.ok(Date.now() - began < 30_000, `${Date.now() - began} ms`);
    assert.equal((await new UserAgent().get(`${cluster.issuer}/readyz`)).status, 503);
    assert.equal((await new UserAgent().get(`${cluster.issuer}/healthz`)).status, 200);

    own = await start();
    for (let wait = 0; wait < 100; wait += 1) {
      const ready = await Promise.all(cluster.nodes.map((node) =>
        fetch(`http://127.0.0.1:${node.port}/readyz`, { redirect: 'manual' }).then((it) => it.ok, () => false)));
      if (ready.every(Boolean)) break;
      await pause(100);
    }
    for (let number = 1; number <= 6; number += 1) assert.ok(await signIn(cluster.issuer, number), `person ${number}`);
    const page = await before.get(`${cluster.issuer}/account`);
    assert.ok(page.status === 200 && page.text.includes(name(1)), 'the session of before is still there');
  } finally {
    await cluster.stop();
    own.kill('SIGKILL');
  }
});

/** Takes webhooks, checks their signatures, and keeps them in the order in which they came. */
class Receiver {
  static async start() {
    const receiver = new Receiver();
    receiver.key = randomBytes(32);
    receiver.events = [];
    receiver.refused = [];
    receiver.server = http.createServer((request, response) => receiver.#take(request, response));
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  entry() {
    const url = `http://localhost:${this.server.address().port}/hook`;
    const secret = `whsec_${this.key.toString('base64')}`;
    return `[[webhooks]]\nid = "test"\nurl = "${url}"\nevents = ["ciam.session.*"]\nsecret = "${secret}"\n`;
  }

  async #take(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures } = request.headers;
    const signed = createHmac('sha256', this.key).update(`${id}.${time}.${body}`).digest('base64');
    if (!signatures?.split(' ').includes(`v1,${signed}`)) {
      this.refused.push(id);
      response.writeHead(401).end();
      return;
    }
    this.events.push(JSON.parse(body));
    response.writeHead(204).end();
  }

  /** Of each account: events whose first coming is before that of an earlier one. */
  outOfOrder() {
    const last = new Map();
    const seen = new Set();
    const wrong = [];
    for (const event of this.events) {
      if (seen.has(event.id)) continue;
      seen.add(event.id);
      // Both nodes have the clock of this machine, and an event is made just before its commit.
      if (new Date(event.time) - (last.get(event.subject) ?? 0) < -1_000) wrong.push(event.id);
      last.set(event.subject, new Date(event.time));
    }
    return wrong;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

async function signIn(issuer, number) {
  const visitor = person(number);
  const form = await visitor.get(`${issuer}/sign-in`);
  const page = await visitor.submit(form, '/sign-in', { identifier: address(number), password });
  return page.status === 200 && page.text.includes(name(number)) ? visitor : null;
}

function people() {
  return Array.from({ length: PEOPLE }, (_, index) =>
    `[[accounts]]\nemail = "${address(index)}"\nname = "${name(index)}"\npassword = "${password}"\n`).join('');
}

/** Everybody comes from an address of their own, as behind a proxy. */
function person(number) {
  return new UserAgent({ 'x-forwarded-for': `10.2.${number >> 8}.${number & 255}` });
}

const address = (number) => `person-${number % PEOPLE}@example.com`;
const name = (number) => `Person Number ${number % PEOPLE}.`;
