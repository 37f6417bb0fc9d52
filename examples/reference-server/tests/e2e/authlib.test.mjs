// Authlib's validators of metadata and tokens, an independent reading of the standards in Python, judge what the server says.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as client from 'openid-client';

import { required } from './environment.mjs';
import { discover, methods, resource, signIn } from './openid.mjs';
import { UserAgent } from './user-agent.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const json = async (path) => (await fetch(issuer + path)).json();

test('documents and tokens hold, and nothing that was changed does', async () => {
  const [clientId, authentication] = methods.privateKeyJwt;
  const config = await discover(clientId, authentication);
  const { tokens, checks } = await signIn(config, new UserAgent(), { scope: 'openid profile email' });
  const service = await client.clientCredentialsGrant(config, { resource, scope: 'notes:read' });
  const metadata = await json('/.well-known/openid-configuration');
  const idToken = {
    text: tokens.id_token, nonce: checks.expectedNonce, client_id: clientId, access_token: tokens.access_token,
  };
  const accessToken = { text: service.access_token, resource, scope: 'notes:read' };
  const oneBit = (text) => text.slice(0, -10) + (text.at(-10) === 'A' ? 'B' : 'A') + text.slice(-9);
  const good = [
    ['metadata', metadata],
    ['oauth_metadata', await json('/.well-known/oauth-authorization-server')],
    ['id_token', idToken],
    ['access_token', accessToken],
  ];
  const bad = [
    ['metadata', { ...metadata, jwks_uri: undefined }],
    ['metadata', { ...metadata, issuer: 'https://other.example' }],
    ['metadata', { ...metadata, subject_types_supported: ['anything'] }],
    ['id_token', { ...idToken, nonce: 'of-somebody-else' }],
    ['id_token', { ...idToken, client_id: 'another-client' }],
    ['id_token', { ...idToken, access_token: 'of-somebody-else' }],
    ['id_token', { ...idToken, text: oneBit(tokens.id_token) }],
    ['access_token', { ...accessToken, text: oneBit(service.access_token) }],
    ['access_token', { ...accessToken, resource: 'https://another.example' }],
    ['access_token', { ...accessToken, scope: 'notes:write' }],
    // One for people is none for a resource.
    ['access_token', { ...accessToken, text: tokens.id_token }],
  ];
  const verdicts = judge({
    issuer,
    jwks: await (await fetch(metadata.jwks_uri)).json(),
    userinfo: await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub),
    judge: [...good, ...bad],
  });
  assert.deepEqual(verdicts.slice(0, good.length), good.map(() => 'ok'));
  const passed = bad.filter((_, index) => verdicts[good.length + index] === 'ok');
  assert.deepEqual(passed, []);
});

function judge(what) {
  const program = new URL('authlib_judge.py', import.meta.url).pathname;
  // The server of a test has no TLS.
  const env = { ...process.env, AUTHLIB_INSECURE_TRANSPORT: '1' };
  const said = spawnSync(required('CIAM_E2E_PYTHON'), [program], { input: JSON.stringify(what), encoding: 'utf8', env });
  assert.equal(said.status, 0, said.stderr);
  return JSON.parse(said.stdout);
}
