// @node-saml/node-saml (npm), which is a service provider only.

import { SAML, generateServiceProviderMetadata } from '@node-saml/node-saml';

import { Lacks, fieldsOf, one, plain, serve, versionOf } from './speech.mjs';

const NS = 'urn:oasis:names:tc:SAML:2.0';
const NO_ARTIFACT = 'it has no artifacts';
const NO_SOAP = 'it has no logout from server to server';
let setup;
let idp;
let profile;
// Requests are remembered across the instances, which are made for one message each.
const kept = new Map();
const cacheProvider = {
  saveAsync: async (key, value) => (kept.set(key, value), { value, createdAt: Date.now() }),
  getAsync: async (key) => kept.get(key) ?? null,
  removeAsync: async (key) => (kept.delete(key) ? key : null),
};

function options({ signed = true, force = false } = {}) {
  return {
    callbackUrl: setup.acs,
    logoutCallbackUrl: setup.slo,
    issuer: setup.entity_id,
    audience: setup.entity_id,
    idpIssuer: idp?.entity_id,
    idpCert: idp?.certificate ?? plain(setup.certificate),
    entryPoint: idp?.sso,
    logoutUrl: idp?.slo,
    ...(signed ? { privateKey: setup.key } : {}),
    publicCert: setup.certificate,
    ...(setup.encrypted ? { decryptionPvk: setup.key } : {}),
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    identifierFormat: `${NS}:nameid-format:persistent`,
    disableRequestedAuthnContext: true,
    validateInResponseTo: 'always',
    forceAuthn: force,
    acceptedClockSkewMs: 5000,
    cacheProvider,
  };
}

await serve({
  version: () => ({ version: versionOf('@node-saml/node-saml') }),
  setup: (request) => {
    if (request.role === 'idp') throw new Lacks('it is a service provider only');
    [setup, idp, profile] = [request, undefined, undefined];
    const metadata = generateServiceProviderMetadata({
      ...options(request),
      publicCerts: setup.certificate,
      decryptionCert: setup.encrypted ? setup.certificate : null,
      signMetadata: false,
    });
    return { metadata };
  },
  // It reads no metadata: an operator copies the addresses and the certificate.
  know: (request) => {
    idp = { ...request, certificate: plain(request.certificate) };
    return { lacks: 'it reads no metadata: addresses and certificate are copied' };
  },
  login: async (request) => {
    if (request.answer === 'artifact') throw new Lacks(NO_ARTIFACT);
    const saml = new SAML(options(request));
    if (request.binding === 'redirect') {
      return { url: await saml.getAuthorizeUrlAsync(request.relay_state, undefined, {}) };
    }
    Object.assign(saml.options, { authnRequestBinding: 'HTTP-POST', skipRequestCompression: true });
    const page = await saml.getAuthorizeFormAsync(request.relay_state, undefined, {});
    return { action: idp.sso, fields: fieldsOf(page) };
  },
  accept: async ({ fields }) => {
    ({ profile } = await new SAML(options()).validatePostResponseAsync(fields));
    return { name_id: profile.nameID, session_index: profile.sessionIndex, attributes: listed(profile.attributes) };
  },
  start_logout: async ({ binding }) => {
    if (binding === 'soap') throw new Lacks(NO_SOAP);
    if (binding !== 'redirect') throw new Lacks('it asks for logout by redirect only');
    return { url: await new SAML(options()).getLogoutUrlAsync(profile, '', {}) };
  },
  end_logout: async (request) => {
    const saml = new SAML(options());
    const { loggedOut } = request.query
      ? await saml.validateRedirectAsync(one(request.query), request.query)
      : await saml.validatePostResponseAsync(request.fields);
    if (!loggedOut) throw new Error('it does not say that logout succeeded');
    return {};
  },
  answer_logout: async (request) => {
    if (request.soap) throw new Lacks(NO_SOAP);
    const saml = new SAML(options());
    const asked = request.query
      ? await saml.validateRedirectAsync(one(request.query), request.query)
      : await saml.validatePostRequestAsync(request.fields);
    const relayState = request.query ? one(request.query).RelayState : request.fields.RelayState;
    const url = await saml.getLogoutResponseUrlAsync(asked.profile, relayState ?? '', {}, true);
    return { name_id: asked.profile.nameID, url };
  },
});

function listed(attributes) {
  return Object.fromEntries(Object.entries(attributes ?? {}).map(([name, value]) => [name, [value].flat()]));
}
