// openid-client v6, an independent and strict OpenID Connect client, against the reference server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as jose from 'jose';
import * as client from 'openid-client';

import { required } from './environment.mjs';
import { afterSignOut, discover, methods, resource, signIn } from './openid.mjs';
import { UserAgent } from './user-agent.mjs';

const issuer = required('CIAM_E2E_ISSUER');
const email = required('CIAM_E2E_EMAIL');

for (const [name, [clientId, authentication]] of Object.entries(methods)) {
  for (const pushed of [false, true]) {
    test(`${name}: code and PKCE ${pushed ? 'through PAR' : 'by redirect'}, then userinfo and refresh`, async () => {
      const config = await discover(clientId, authentication);
      const person = new UserAgent();
      const { tokens } = await signIn(config, person, { pushed, scope: 'openid profile email offline_access' });
      const claims = tokens.claims();
      assert.equal(claims.iss, issuer);
      assert.equal(claims.aud, clientId);
      assert.deepEqual(claims.amr, ['pwd']);
      assert.equal(typeof claims.auth_time, 'number');
      assert.ok(claims.acr && claims.sid && claims.at_hash, JSON.stringify(claims));

      const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.equal(info.email, email);
      assert.equal(info.email_verified, true);

      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
      assert.equal(refreshed.claims().sub, claims.sub);
      assert.equal(refreshed.claims().auth_time, claims.auth_time);
      assert.notEqual(refreshed.access_token, tokens.access_token);
      const rotated = (refreshed.refresh_token ?? tokens.refresh_token) !== tokens.refresh_token;
      assert.equal(rotated, name === 'public', 'only a public client rotates');
    });
  }
}

test('a refused consent comes back as access_denied', async () => {
  const config = await discover(...methods.basic);
  const refusal = await signIn(config, new UserAgent(), { prompt: 'consent', decision: 'deny' }).then(
    () => assert.fail('the grant was given'),
    (error) => error,
  );
  assert.equal(refusal.error, 'access_denied');
});

test('prompt=none without a session is login_required, with one it is silent', async () => {
  const config = await discover(...methods.basic);
  const person = new UserAgent();
  const refusal = await signIn(config, person, { prompt: 'none' }).catch((error) => error);
  assert.equal(refusal.error, 'login_required');
  const first = await signIn(config, person, {});
  const silent = await signIn(config, person, { prompt: 'none' });
  assert.equal(silent.pages, 0);
  assert.equal(silent.tokens.claims().sub, first.tokens.claims().sub);
  assert.equal(silent.tokens.claims().sid, first.tokens.claims().sid);
});

test('max_age and prompt=login ask for the password again', async () => {
  const config = await discover(...methods.basic);
  const person = new UserAgent();
  const first = await signIn(config, person, {});
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const again = await signIn(config, person, { prompt: 'login' });
  assert.ok(again.tokens.claims().auth_time > first.tokens.claims().auth_time);
  assert.equal(again.tokens.claims().sid, first.tokens.claims().sid);
});

test('a replayed code is refused, and kills what it had issued', async () => {
  const config = await discover(...methods.basic);
  const { tokens, callback, checks } = await signIn(config, new UserAgent(), { scope: 'openid offline_access' });
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true);
  const replay = await client.authorizationCodeGrant(config, callback, checks).catch((error) => error);
  assert.equal(replay.error, 'invalid_grant');
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
  const refused = await client.refreshTokenGrant(config, tokens.refresh_token).catch((error) => error);
  assert.equal(refused.error, 'invalid_grant');
});

test('introspection and revocation', async () => {
  const config = await discover(...methods.privateKeyJwt);
  const { tokens } = await signIn(config, new UserAgent(), { scope: 'openid email offline_access' });
  const live = await client.tokenIntrospection(config, tokens.access_token);
  assert.equal(live.active, true);
  assert.equal(live.client_id, 'e2e-private-key-jwt');
  assert.equal(live.iss, issuer);
  await client.tokenRevocation(config, tokens.refresh_token);
  assert.deepEqual(await client.tokenIntrospection(config, tokens.refresh_token), { active: false });
  assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false });
  await client.tokenRevocation(config, tokens.refresh_token);
});

test('client credentials give a JWT for the named resource', async () => {
  const config = await discover(...methods.privateKeyJwt);
  const tokens = await client.clientCredentialsGrant(config, { resource, scope: 'notes:read' });
  assert.equal(tokens.token_type, 'bearer');
  assert.equal(tokens.refresh_token, undefined);
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const { payload } = await jose.jwtVerify(tokens.access_token, keys, { issuer, audience: resource, typ: 'at+jwt' });
  assert.equal(payload.client_id, 'e2e-private-key-jwt');
  assert.equal(payload.scope, 'notes:read');
});

test('a wrong secret, a wrong verifier and an unknown scope are refused by their codes', async () => {
  const wrong = await discover('e2e-basic', client.ClientSecretBasic('not the secret'));
  const unauthenticated = await client.clientCredentialsGrant(wrong, { resource }).catch((error) => error);
  assert.equal(unauthenticated.status, 401);
  assert.equal(unauthenticated.cause?.[0]?.scheme ?? unauthenticated.error, unauthenticated.error ?? 'basic');

  const config = await discover(...methods.basic);
  const { callback, checks } = await signIn(config, new UserAgent(), { exchange: false });
  const swapped = await client
    .authorizationCodeGrant(config, callback, { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() })
    .catch((error) => error);
  assert.equal(swapped.error, 'invalid_grant');
  const right = await client.authorizationCodeGrant(config, callback, checks);
  assert.ok(right.access_token, 'a wrong verifier does not burn the code');

  const scope = await signIn(config, new UserAgent(), { scope: 'unheard-of' }).catch((error) => error);
  assert.equal(scope.error, 'invalid_scope');
});

test('sign-out at the provider ends the session and comes back', async () => {
  const config = await discover(...methods.basic);
  const person = new UserAgent();
  const { tokens } = await signIn(config, person, {});
  const url = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: afterSignOut,
    state: 'the-state',
  });
  let page = await person.get(url);
  if (!page.leavesTo) page = await person.submit(page, new URL(page.forms()[0].action, issuer).pathname);
  assert.equal(page.leavesTo?.href, `${afterSignOut}?state=the-state`);
  const silent = await signIn(config, person, { prompt: 'none' }).catch((error) => error);
  assert.equal(silent.error, 'login_required');
});
