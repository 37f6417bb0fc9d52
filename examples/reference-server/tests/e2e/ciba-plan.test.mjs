// The configuration for the conformance suite's plan of FAPI-CIBA, run as the suite runs it: over TLS, with the suite's own
// configuration files, and with the person's answers given where the suite gives them. Each variant of the plan has its file.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import * as jose from 'jose';

import { freePort, isOpen, pause } from './cluster.mjs';
import { required } from './environment.mjs';
import { HOST, Peers } from './peers.mjs';

const CIBA = 'urn:openid:params:grant-type:ciba';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const suite = 'localhost.emobix.co.uk:8443';
const conformance = fileURLToPath(new URL('../../conformance/', import.meta.url));
const [own, mutual, notified] = [await freePort(), await freePort(), await freePort()];
const peers = new Peers();
const told = [];
let notifications;
let ca;

/** A file of the configuration, with ports that are free here and our own place in place of the suite's. */
function file(name) {
  return readFileSync(join(conformance, name), 'utf8')
    .replaceAll('localhost:9443', `localhost:${own}`).replaceAll('127.0.0.1:9443', `127.0.0.1:${own}`)
    .replaceAll('localhost:9444', `localhost:${mutual}`).replaceAll('127.0.0.1:9444', `127.0.0.1:${mutual}`)
    .replaceAll(`https://${suite}/test/a/ciam`, `https://${HOST}:${notified}`)
    .replaceAll(suite, `${HOST}:${notified}`)
    .replaceAll('# trust =', 'trust =');
}

before(async () => {
  const place = peers.place('server');
  const { key, certificate } = peers.keyPair(peers.place('suite'));
  cpSync(certificate, join(place, 'suite.cert.pem'));
  for (const name of ['ciba.toml', 'ciba-clients.toml']) writeFileSync(join(place, name), file(name));
  notifications = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, async (asked, answer) => {
    let body = '';
    for await (const part of asked) body += part;
    told.push({ path: asked.url, headers: asked.headers, body: JSON.parse(body) });
    answer.writeHead(204).end();
  });
  notifications.listen(notified, HOST);
  await once(notifications, 'listening');
  await peers.run(required('CIAM_E2E_SERVER'), ['--config', join(place, 'ciba.toml'),
    '--database-url', `sqlite:${join(place, 'ciam.db')}`, '--log-filter', 'warn'], { ready: () => isOpen(mutual) });
  ca = readFileSync(join(place, 'conformance.cert.pem'));
});

after(async () => {
  notifications?.close();
  await peers.end();
});

/** Sends a request over a connection of its own, with a client's certificate if it is given one. */
async function send(url, { form, headers = {}, certificate, method } = {}) {
  const sent = request(url, {
    ca,
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
    agent: false,
    method: method ?? (form ? 'POST' : 'GET'),
    headers: { ...(form && { 'content-type': 'application/x-www-form-urlencoded' }), ...headers },
  });
  sent.end(form && new URLSearchParams(form).toString());
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const part of answer) text += part;
  const json = answer.headers['content-type']?.startsWith('application/json') ? JSON.parse(text) : undefined;
  return { status: answer.statusCode, headers: answer.headers, text, json };
}

/** The suite, with one of its configuration files. */
class Suite {
  constructor(name, config, server) {
    this.polls = name.includes('poll');
    this.mtls = name.endsWith('mtls');
    Object.assign(this, { config, server });
  }

  static async open(name) {
    const config = JSON.parse(file(`suite-ciba-${name}.json`));
    const { status, json } = await send(config.server.discoveryUrl);
    assert.equal(status, 200);
    return new Suite(name, config, json);
  }

  /** A client of the file, with its key and certificate. */
  client(which) {
    const [name, tls] = which === 1 ? ['client', 'mtls'] : ['client2', 'mtls2'];
    return { ...this.config[name], jwk: this.config[name].jwks.keys[0], certificate: this.config[tls] };
  }

  async sign(claims, jwk, alg = 'PS256', header = {}) {
    const key = await jose.importJWK({ ...jwk, alg }, alg);
    return new jose.SignJWT(claims).setProtectedHeader({ alg, kid: jwk.kid, ...header }).sign(key);
  }

  now() {
    return Math.floor(Date.now() / 1000);
  }

  /** What proves who the client is, added to a form as the variant has it. */
  async proof(client, audience, alg) {
    if (this.mtls) return { client_id: client.client_id };
    const now = this.now();
    const claims = { iss: client.client_id, sub: client.client_id, aud: audience, jti: randomUUID(), iat: now, nbf: now, exp: now + 60 };
    return { client_assertion_type: ASSERTION, client_assertion: await this.sign(claims, client.jwk, alg) };
  }

  async object(client, changes = {}, alg, header) {
    const now = this.now();
    const { hint_type: type, hint_value: hint } = this.config.client;
    const claims = {
      iss: client.client_id, aud: this.server.issuer, iat: now, nbf: now, exp: now + 300, jti: randomUUID(),
      scope: client.scope, [type]: hint, binding_message: '1234',
      ...(!this.polls && { client_notification_token: this.token = randomBytes(21).toString('base64url') }),
      ...changes,
    };
    return this.sign(claims, client.jwk, alg, header);
  }

  async begin(client, { request, audience, alg } = {}) {
    const aliases = this.server.mtls_endpoint_aliases;
    const name = 'backchannel_authentication_endpoint';
    const form = {
      request: request ?? (await this.object(client)),
      ...(await this.proof(client, audience ?? this.server[name], alg)),
    };
    return this.mtls
      ? send(aliases[name], { form, certificate: client.certificate })
      : send(this.server[name], { form });
  }

  async begun(client, options) {
    const { status, json, text } = await this.begin(client, options);
    assert.equal(status, 200, text);
    assert.ok(json.auth_req_id.length >= 22 && json.expires_in > 0 && json.interval > 0, text);
    return json.auth_req_id;
  }

  async poll(client, id, { certificate = client.certificate, audience, alg } = {}) {
    const endpoint = this.server.mtls_endpoint_aliases.token_endpoint;
    const form = { grant_type: CIBA, auth_req_id: id, ...(await this.proof(client, audience ?? endpoint, alg)) };
    const answer = await send(endpoint, { form, certificate });
    assert.equal(answer.headers['cache-control'], 'no-store');
    return answer;
  }

  /** The person's answer, where the suite gives it. */
  async answer(id, action) {
    const url = this.config.automated_ciba_approval_url.replace('{auth_req_id}', id).replace('{action}', action);
    const { status, text } = await send(url, { method: 'POST', headers: { accept: 'application/json' } });
    assert.equal(status, 204, text);
  }

  /** A client that is pinged is, with its own token and of nothing but the request; one that polls is not. */
  async heard(id) {
    if (this.polls) return;
    for (let attempt = 0; attempt < 100 && !told.some((it) => it.body.auth_req_id === id); attempt += 1) await pause(100);
    const found = told.filter((it) => it.body.auth_req_id === id);
    assert.equal(found.length, 1);
    assert.equal(found[0].path, '/ciba-notification-endpoint');
    assert.equal(found[0].headers.authorization, `Bearer ${this.token}`);
    assert.match(found[0].headers['content-type'], /^application\/json/);
    assert.deepEqual(Object.keys(found[0].body), ['auth_req_id']);
  }

  resource(token, certificate, headers = {}) {
    const { resourceUrl } = this.config.resource;
    return send(resourceUrl, { certificate, headers: { authorization: `Bearer ${token}`, ...headers } });
  }

  /** The tokens, looked at as the suite looks at them. */
  async tokens(client, id, headers) {
    const { status, json, text } = await this.poll(client, id);
    assert.equal(status, 200, text);
    const keys = jose.createLocalJWKSet((await send(this.server.jwks_uri)).json);
    const { payload, protectedHeader } = await jose.jwtVerify(json.id_token, keys,
      { issuer: this.server.issuer, audience: client.client_id, algorithms: ['PS256', 'ES256'] });
    assert.ok(protectedHeader.kid);
    const resource = await this.resource(json.access_token, client.certificate, headers);
    assert.equal(resource.status, 200, resource.text);
    assert.ok(resource.headers.date && resource.json.sub === payload.sub);
    assert.match(resource.headers['x-fapi-interaction-id'], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    return { ...json, claims: payload, resource };
  }
}

function refused({ status, json, text }, codes, statuses = [400]) {
  assert.ok(statuses.includes(status) && codes.includes(json?.error), `${status} ${text}`);
}

for (const name of ['poll-key', 'poll-mtls', 'ping-key', 'ping-mtls']) {
  test(name, async (t) => {
    const suite = await Suite.open(name);
    const [first, second] = [suite.client(1), suite.client(2)];
    t.beforeEach(() => told.splice(0));

    await t.test('fapi-ciba-id1-discovery-end-point-verification', () => {
      const { server } = suite;
      assert.equal(server.tls_client_certificate_bound_access_tokens, true);
      assert.ok(server.backchannel_token_delivery_modes_supported.includes(suite.polls ? 'poll' : 'ping'));
      assert.ok(server.grant_types_supported.includes(CIBA));
      assert.ok(server.acr_values_supported.includes(second.acr_value));
    });

    await t.test('fapi-ciba-id1', async () => {
      const id = await suite.begun(first, { audience: suite.server.issuer });
      refused(await suite.poll(first, id), ['authorization_pending']);
      await suite.answer(id, 'allow');
      await suite.heard(id);
      const interaction = randomUUID();
      const { resource } = await suite.tokens(first, id, { 'x-fapi-interaction-id': interaction });
      assert.equal(resource.headers['x-fapi-interaction-id'], interaction);

      const changes = { requested_expiry: 300, acr_values: second.acr_value };
      const request = await suite.object(second, changes, 'PS256', { typ: 'OautH-auThZ-REQ+jWt' });
      const other = await suite.begun(second, { request, audience: suite.server.token_endpoint });
      await suite.answer(other, 'allow');
      await suite.heard(other);
      const { access_token: token, claims } = await suite.tokens(second, other);
      assert.equal(claims.acr, second.acr_value);
      const stolen = await suite.resource(token, first.certificate);
      assert.ok(stolen.status >= 400 && stolen.status < 500);
      refused(await suite.poll(second, other), ['invalid_grant']);
    });

    await t.test('fapi-ciba-id1-user-rejects-authentication', async () => {
      const id = await suite.begun(first);
      await suite.answer(id, 'deny');
      await suite.heard(id);
      refused(await suite.poll(first, id), ['access_denied']);
    });

    await t.test('fapi-ciba-id1-ensure-request-object-signature-algorithm-is-RS256-fails', async () => {
      refused(await suite.begin(first, { request: await suite.object(first, {}, 'RS256') }), ['invalid_request']);
    });

    await t.test('fapi-ciba-id1-ensure-request-object-signed-by-other-client-fails', async () => {
      const request = await suite.object({ ...first, jwk: second.jwk });
      refused(await suite.begin(first, { request }), ['invalid_request']);
    });

    await t.test('fapi-ciba-id1-refresh-token', async () => {
      const id = await suite.begun(first);
      await suite.answer(id, 'allow');
      const { refresh_token: refresh } = await suite.tokens(first, id);
      const endpoint = suite.server.mtls_endpoint_aliases.token_endpoint;
      const by = async (client) => send(endpoint, {
        form: { grant_type: 'refresh_token', refresh_token: refresh, ...(await suite.proof(client, endpoint)) },
        certificate: client.certificate,
      });
      assert.equal((await by(first)).status, 200);
      refused(await by(second), ['invalid_grant']);
    });

    await t.test('fapi-ciba-id1-ensure-mtls-holder-of-key-required', async () => {
      const id = await suite.begun(first);
      await suite.answer(id, 'allow');
      const bare = await suite.poll(first, id, { certificate: null });
      refused(bare, ['invalid_client', 'invalid_request', 'invalid_grant'], [400, 401]);
      await suite.tokens(first, id);
    });

    if (suite.mtls) {
      await t.test('fapi-ciba-id1-ensure-wrong-client-id-in-token-endpoint-request', async () => {
        const id = await suite.begun(first);
        const other = await suite.poll(second, id, { certificate: first.certificate });
        refused(other, ['invalid_client'], [400, 401]);
      });
    } else {
      await t.test('fapi-ciba-id1-ensure-client-assertion-signature-algorithm-…-is-RS256-fails', async () => {
        refused(await suite.begin(first, { alg: 'RS256' }), ['invalid_client'], [400, 401]);
        const id = await suite.begun(first);
        refused(await suite.poll(first, id, { alg: 'RS256' }), ['invalid_client'], [400, 401]);
      });
    }

    await t.test('nothing else is answered for anybody', async () => {
      const url = (id, action) => suite.config.automated_ciba_approval_url.replace('{auth_req_id}', id).replace('{action}', action);
      assert.equal((await send(url('made-up', 'allow'), { method: 'POST' })).status, 404);
      const id = await suite.begun(first);
      assert.equal((await send(url(id, 'perhaps'), { method: 'POST' })).status, 400);
      assert.equal((await send(url(id, 'allow'))).status, 405);
      refused(await suite.poll(first, id), ['authorization_pending']);
    });
  });
}
