// Two nodes on one PostgreSQL and one Redis: an operator rotates the signing keys while both serve, refresh tokens are raced
// across both, and who signs out at one is signed out at the other.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { Cluster, pause } from './cluster.mjs';
import { required } from './environment.mjs';
import { UserAgent } from './user-agent.mjs';

const options = {
  server: required('CIAM_E2E_SERVER'),
  folder: `${required('CIAM_E2E_FOLDER')}/keys`,
  postgres: required('CIAM_E2E_POSTGRES'),
  redis: required('CIAM_E2E_REDIS'),
};
const password = 'a long and unremarkable sentence';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const callback = 'http://127.0.0.1/callback';
const importFile = `
[[clients]]
id = "app"
name = "App"
authentication = "none"
first_party = true
redirect_uris = ["${callback}"]

[[accounts]]
email = "ada@example.com"
name = "Ada Lovelace"
password = "${password}"
`;
// So that a node follows within a second, and a rotation takes two.
const settings = ['[keys]', 'look_after = "1s"', '[risk]', 'adaptive = false'];

test('keys rotate, refreshes race and a sign-out counts across two nodes', { timeout: 300_000 }, async (t) => {
  const cluster = new Cluster({ ...options, importFile, settings });
  const [one, two] = cluster.nodes;
  try {
    await cluster.start();
    const ada = await cluster.at(one, () => signIn(cluster));

    await t.test('the keys rotate with overlap', async () => {
      const old = await cluster.at(one, () => tokens(cluster, ada));
      const kid = header(old.access_token).kid;
      await isGoodAt(cluster, two, old);

      const printed = cluster.command(one, 'keys', 'rotate', '--soon').trim().split('\n').map((line) => JSON.parse(line));
      const pending = printed.filter((it) => it.key.state === 'pending').map((it) => it.kid);
      assert.equal(pending.length, 2, 'one for each algorithm');

      // From the moment when a node signs with a new key, both have published it; a token never meets a node without its key.
      let fresh = [];
      for (let wait = 0; wait < 200; wait += 1) {
        fresh = [await refreshed(cluster, one, ada), await refreshed(cluster, two, ada)];
        for (const [index, made] of fresh.entries()) {
          const other = cluster.nodes[1 - index];
          await isGoodAt(cluster, other, made);
          await isGoodAt(cluster, cluster.nodes[index], made);
        }
        if (fresh.every((made) => header(made.access_token).kid !== kid)) break;
        await pause(100);
      }
      const [first, second] = fresh.map((made) => header(made.access_token).kid);
      assert.equal(first, second, 'both nodes sign with the same new key');
      assert.ok(pending.includes(first) && first !== kid, `${first} of ${pending}`);
      for (const node of [one, two]) {
        const kids = (await jwks(cluster, node)).map((key) => key.kid);
        assert.ok(kids.includes(kid) && kids.includes(first), `${kids}`);
        await isGoodAt(cluster, node, old);
      }
    });

    await t.test('a key that is in other hands is out at both', async () => {
      const stolen = await refreshed(cluster, one, ada);
      const { kid } = header(stolen.access_token);
      cluster.command(two, 'keys', 'withdraw', kid);
      for (const node of [one, two]) {
        let published = true;
        for (let wait = 0; wait < 100 && published; wait += 1) {
          await pause(100);
          published = (await jwks(cluster, node)).some((key) => key.kid === kid);
        }
        assert.ok(!published, `node ${node.index} still publishes it`);
      }
      // A node that has not noticed yet would still sign with it.
      for (const node of [one, two]) {
        assert.equal((await userinfo(cluster, node, stolen)).status, 401);
        await isGoodAt(cluster, node, await refreshed(cluster, one, ada));
        await isGoodAt(cluster, node, await refreshed(cluster, two, ada));
      }
    });

    await t.test('of refreshes at both nodes at once one branch lives', async () => {
      const outcomes = new Map();
      for (let round = 0; round < 12; round += 1) {
        const { refresh_token: before } = await cluster.at(one, () => tokens(cluster, ada));
        const answers = await Promise.all([one, two, one, two].map((node) => refresh(cluster, node, before)));
        const given = answers.filter((it) => it.status === 200).map((it) => it.body.refresh_token);
        for (const refused of answers.filter((it) => it.status !== 200)) {
          assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);
        }
        assert.ok(given.length >= 1, 'somebody wins');
        assert.equal(new Set(given).size, given.length, 'no token is given out twice');
        // A token says its generation. The newest is the branch that lives; another one ends the family, as a replay does.
        given.sort((a, b) => Number(b.split('.')[2]) - Number(a.split('.')[2]));
        const [newest, ...older] = given;
        const next = await refresh(cluster, two, newest);
        assert.equal(next.status, 200, JSON.stringify(next.body));
        for (const token of older) assert.equal((await refresh(cluster, one, token)).status, 400, 'a second live branch');
        const after = (await refresh(cluster, one, next.body.refresh_token)).status;
        assert.equal(after, older.length > 0 ? 400 : 200);
        const key = `${given.length} answered`;
        outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
      }
      console.log('races:', Object.fromEntries(outcomes));
    });

    await t.test('who signs out at one node is signed out at the other', async () => {
      const held = await cluster.at(one, () => tokens(cluster, ada, 'openid'));
      await isGoodAt(cluster, two, held);
      const page = await cluster.at(two, () => ada.get(`${cluster.issuer}/account`));
      assert.match(page.text, /Ada Lovelace/);
      // As somebody who has copied the cookie.
      const copied = ada.copy();
      await cluster.at(one, async () => {
        const form = await ada.get(`${cluster.issuer}/sign-out`);
        await ada.submit(form, '/sign-out');
      });
      const after = await cluster.at(two, () => copied.get(`${cluster.issuer}/account`));
      assert.equal(new URL(after.url).pathname, '/sign-in');
      const silent = await cluster.at(two, () => copied.get(authorize(cluster, 'openid', '&prompt=none')));
      assert.equal(silent.leavesTo?.searchParams.get('error'), 'login_required');
      // What was given for the session ends with it, by the outbox.
      let status = 200;
      for (let wait = 0; wait < 100 && status === 200; wait += 1) {
        await pause(100);
        ({ status } = await userinfo(cluster, two, held));
      }
      assert.equal(status, 401);
    });
  } finally {
    await cluster.stop();
  }
});

async function signIn(cluster) {
  const visitor = new UserAgent({ 'x-forwarded-for': '10.9.0.1' });
  const form = await visitor.get(`${cluster.issuer}/sign-in`);
  const page = await visitor.submit(form, '/sign-in', { identifier: 'ada@example.com', password });
  assert.ok(page.status === 200 && page.text.includes('Ada Lovelace'), page.text);
  return visitor;
}

function authorize(cluster, scope, more = '') {
  const query = new URLSearchParams({
    client_id: 'app', redirect_uri: callback, response_type: 'code', state: 's', scope, code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  return `${cluster.issuer}/authorize?${query}${more}`;
}

/** A new grant, by the pages. */
async function tokens(cluster, visitor, scope = 'openid offline_access') {
  let back = await visitor.get(authorize(cluster, scope));
  // Of an app on a device nobody can know that it is the one, so the person is asked each time.
  if (back.url.pathname === '/consent') back = await visitor.submit(back, '/consent', { decision: 'allow' });
  const code = back.leavesTo?.searchParams.get('code');
  assert.ok(code, `${back.status} ${back.url} ${back.text}`);
  const form = { grant_type: 'authorization_code', client_id: 'app', redirect_uri: callback, code_verifier: verifier, code };
  const answer = await post(cluster, cluster.only, form);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

/** New tokens made by one node. */
async function refreshed(cluster, node, visitor) {
  const { refresh_token: token } = await cluster.at(node, () => tokens(cluster, visitor));
  const answer = await refresh(cluster, node, token);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

const refresh = (cluster, node, token) =>
  post(cluster, node, { grant_type: 'refresh_token', client_id: 'app', refresh_token: token });

async function post(cluster, node, form) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await cluster.ask(node, '/token', { method: 'POST', headers, body: String(new URLSearchParams(form)) });
  return { status: answer.status, body: JSON.parse(answer.text) };
}

const userinfo = (cluster, node, made) =>
  cluster.ask(node, '/userinfo', { headers: { authorization: `Bearer ${made.access_token}` } });

async function jwks(cluster, node) {
  const answer = await cluster.ask(node, '/jwks');
  assert.equal(answer.status, 200);
  return JSON.parse(answer.text).keys;
}

const header = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));

/** A node takes the token, and its published keys verify it: with another implementation, as an API would. */
async function isGoodAt(cluster, node, made) {
  const token = made.access_token;
  const { kid, alg } = header(token);
  const jwk = (await jwks(cluster, node)).find((key) => key.kid === kid);
  assert.ok(jwk, `node ${node.index} does not publish ${kid}`);
  assert.equal(alg, 'ES256');
  const [head, payload, signature] = token.split('.');
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  assert.ok(verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url')));
  const answer = await userinfo(cluster, node, made);
  assert.equal(answer.status, 200, `node ${node.index}: ${answer.text}`);
}
