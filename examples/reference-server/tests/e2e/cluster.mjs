// Several nodes of the server on one PostgreSQL schema and one Redis prefix, behind a proxy that gives each request to the
// next node: no session sticks to a node.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';

export class Cluster {
  /**
   * `postgres` and `redis` are URLs, `importFile` is text in TOML.
   */
  constructor({ server, folder, postgres, redis, importFile, settings = [], nodes = 2 }) {
    this.server = server;
    this.folder = folder;
    this.postgres = postgres;
    this.redis = redis;
    this.importFile = importFile;
    this.settings = settings;
    this.nodes = Array.from({ length: nodes }, (_, index) => ({ index, served: 0, child: null, port: 0 }));
    this.name = `ciam_nodes_${randomBytes(6).toString('hex')}`;
    this.next = 0;
    /** Where every request goes, while it is set. */
    this.only = null;
  }

  /** Does something with every request sent to one node. */
  async at(node, work) {
    this.only = node;
    try {
      return await work();
    } finally {
      this.only = null;
    }
  }

  /** A request straight to a node, as the proxy sends it. Gives status, headers and body. */
  async ask(node, path, { method = 'GET', headers = {}, body = '' } = {}) {
    const request = { method, url: path, headers: { host: new URL(this.issuer).host, ...headers } };
    const answer = await send(node, request, Buffer.from(body));
    return { status: answer.status, headers: answer.headers, text: answer.body.toString() };
  }

  /** Runs a command of the operator with a node's configuration, and gives what it prints. */
  command(node, ...args) {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CIAM_')));
    const config = `${this.folder}/node-${node.index}.toml`;
    const done = spawnSync(this.server, [...args, '--config', config], { env, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.status} ${done.stderr}`);
    return done.stdout;
  }

  async start() {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(`${this.folder}/import.toml`, this.importFile);
    this.proxy = http.createServer((request, response) => this.#forward(request, response));
    this.proxy.listen(0, '127.0.0.1');
    await once(this.proxy, 'listening');
    this.issuer = `http://localhost:${this.proxy.address().port}`;
    // The first one migrates, makes the keys and imports; both at once would do as well, and take turns.
    await Promise.all(this.nodes.map((node) => this.startNode(node)));
  }

  async startNode(node) {
    node.port = await freePort();
    const config = `${this.folder}/node-${node.index}.toml`;
    writeFileSync(config, [
      `listen = "127.0.0.1:${node.port}"`,
      `issuer = "${this.issuer}"`,
      `database_url = "${this.postgres}"`,
      `key_file = "${this.folder}/shared.key"`,
      `import = ["import.toml"]`,
      '[database]',
      `schema = "${this.name}"`,
      'connections = 8',
      '[ephemeral]',
      `url = "${this.redis}"`,
      `prefix = "${this.name}"`,
      '[http]',
      'trusted_proxies = ["127.0.0.1"]',
      '[log]',
      'filter = "warn"',
      ...this.settings,
    ].join('\n'));
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CIAM_')));
    node.child = spawn(this.server, ['serve', '--config', config], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    for (let attempt = 0; attempt < 900; attempt += 1) {
      if (node.child.exitCode !== null) throw new Error(`node ${node.index} stopped with ${node.child.exitCode}`);
      const url = `http://127.0.0.1:${node.port}/readyz`;
      if (await fetch(url, { redirect: 'manual' }).then((it) => it.ok, () => false)) return;
      await pause(100);
    }
    throw new Error(`node ${node.index} did not become ready`);
  }

  /** kill -9 */
  kill(node) {
    node.child.kill('SIGKILL');
  }

  async stop() {
    this.proxy?.closeAllConnections();
    this.proxy?.close();
    for (const { child } of this.nodes) {
      if (!child || child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    // Best effort: the database is for tests, and the next run has another schema.
    spawnSync('psql', [this.postgres, '--quiet', '--command', `DROP SCHEMA IF EXISTS ${this.name} CASCADE`], {
      stdio: 'ignore',
    });
  }

  /** Each request to the next node; a node that cannot be reached is passed over, and nothing that was sent is sent again. */
  async #forward(request, response) {
    const body = await read(request);
    const first = this.only ? this.only.index : (this.next += 1);
    let last;
    for (let turn = 0; turn < this.nodes.length; turn += 1) {
      const node = this.nodes[(first + turn) % this.nodes.length];
      try {
        last = await send(node, request, body);
      } catch (error) {
        if (error.code === 'ECONNREFUSED') continue;
        response.writeHead(502).end(`node ${node.index}: ${error.code}`);
        return;
      }
      node.served += 1;
      // What was caught as mail is in the memory of the node that sent it.
      if (last.status === 404 && request.url.startsWith('/dev/mail/')) continue;
      break;
    }
    if (!last) {
      response.writeHead(502).end('no node answers');
      return;
    }
    response.writeHead(last.status, last.headers);
    response.end(last.body);
  }
}

function send(node, request, body) {
  return new Promise((resolve, reject) => {
    const headers = { ...request.headers, 'x-forwarded-for': request.headers['x-forwarded-for'] ?? '127.0.0.1' };
    const options = { host: '127.0.0.1', port: node.port, method: request.method, path: request.url, headers };
    const out = http.request({ ...options, agent: false }, async (answer) => {
      try {
        const bytes = await read(answer);
        const { connection, 'transfer-encoding': _, ...kept } = answer.headers;
        resolve({ status: answer.statusCode, headers: kept, body: bytes });
      } catch (error) {
        reject(error);
      }
    });
    out.on('error', reject);
    out.end(body);
  });
}

async function read(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A program of ours that listens on a port, ended with the test. */
export async function program(binary, args, port) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CIAM_')));
  const child = spawn(binary, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${binary} stopped with ${child.exitCode}`);
    if (await isOpen(port)) return child;
    await pause(100);
  }
  throw new Error(`${binary} does not listen`);
}

/** Whether somebody listens. */
export async function isOpen(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
