// Stands between an application and its provider, and changes one thing of what they say to each other.

import { once } from 'node:events';
import http from 'node:http';

export class MutatingProxy {
  /** What is changed: `{ path, request?(message), response?(message) }`; nothing by default. */
  mutation = null;
  /** How often it was. A change that never happened proves nothing. */
  applied = 0;

  async start() {
    this.server = http.createServer((request, response) => {
      this.#forward(request, response).catch((error) => {
        response.writeHead(502).end(String(error));
      });
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.origin = `http://localhost:${this.server.address().port}`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #forward(request, response) {
    const sent = { method: request.method, url: request.url, headers: { ...request.headers }, body: await bytes(request) };
    const hit = this.mutation && request.url.split('?')[0] === this.mutation.path;
    if (hit && this.mutation.request) this.#apply(this.mutation.request, sent);
    delete sent.headers['content-length'];
    // The provider is to believe that it is asked where it says that it is: the name stays.
    const onward = http.request({ port: this.upstream, host: '127.0.0.1', method: sent.method, path: sent.url, headers: sent.headers });
    onward.end(sent.body);
    const [answer] = await once(onward, 'response');
    const got = { status: answer.statusCode, headers: { ...answer.headers }, body: await bytes(answer) };
    if (hit && this.mutation.response) await this.#apply(this.mutation.response, got);
    delete got.headers['content-length'];
    delete got.headers['transfer-encoding'];
    response.writeHead(got.status, got.headers).end(got.body);
  }

  async #apply(change, message) {
    const before = JSON.stringify([message.status, message.url, message.headers, message.body]);
    await change(message);
    if (JSON.stringify([message.status, message.url, message.headers, message.body]) !== before) this.applied += 1;
  }
}

async function bytes(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** Changes the members of a JSON body. */
export function json(change) {
  return async (message) => {
    const body = JSON.parse(message.body);
    message.body = Buffer.from(JSON.stringify((await change(body)) ?? body));
  };
}

/** Changes the parameters of a form, of a query, or of where a redirect leads. */
export function form(change) {
  return (message) => {
    const parameters = new URLSearchParams(message.body.toString());
    change(parameters);
    message.body = Buffer.from(parameters.toString());
  };
}

export function query(change) {
  return (message) => {
    const url = new URL(message.url, 'http://proxy');
    change(url.searchParams);
    message.url = url.pathname + url.search;
  };
}
