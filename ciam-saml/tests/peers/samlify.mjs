// samlify (npm), in both roles.

import samlify from 'samlify';

import { Lacks, one, serve, versionOf } from './speech.mjs';

const { Constants, IdentityProvider, SamlLib, ServiceProvider, setSchemaValidator } = samlify;
const NS = 'urn:oasis:names:tc:SAML:2.0';
const { post, redirect } = Constants.namespace.binding;
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const PASSWORD = `${NS}:ac:classes:PasswordProtectedTransport`;
const PERSISTENT = `${NS}:nameid-format:persistent`;
// It leaves schemas to others, and does not run without.
setSchemaValidator({ validate: async () => 'not validated' });

const NO_ARTIFACT = 'it has no artifacts';
const NO_SOAP = 'it has no logout from server to server';

let setup;
let us;
let peer;
let session;
let asked;

const both = (url) => {
  const places = [{ Binding: redirect, Location: url }, { Binding: post, Location: url }];
  return setup.binding === 'redirect' ? places : places.reverse();
};

function own() {
  const keys = {
    entityID: setup.entity_id,
    privateKey: setup.key,
    signingCert: setup.certificate,
    requestSignatureAlgorithm: RSA_SHA256,
    nameIDFormat: [PERSISTENT],
    wantLogoutRequestSigned: true,
    wantLogoutResponseSigned: true,
    singleLogoutService: both(setup.slo),
    clockDrifts: [-5000, 5000],
    ...(setup.encrypted ? { encPrivateKey: setup.key, encryptCert: setup.certificate, isAssertionEncrypted: true } : {}),
  };
  if (setup.role === 'sp') {
    return ServiceProvider({
      ...keys,
      authnRequestsSigned: setup.signed,
      wantAssertionsSigned: true,
      assertionConsumerService: [{ Binding: post, Location: setup.acs }],
    });
  }
  return IdentityProvider({
    ...keys,
    wantAuthnRequestsSigned: setup.signed,
    singleSignOnService: both(setup.sso),
    dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes128-gcm',
    keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  });
}

/** How it was sent, for its parsers. */
function arrived(request) {
  if (request.fields) return ['post', { body: request.fields }];
  const octets = ['SAMLRequest', 'SAMLResponse', 'RelayState', 'SigAlg'].flatMap((name) =>
    request.query.split('&').filter((pair) => pair.startsWith(`${name}=`)),
  );
  return ['redirect', { query: one(request.query), octetString: octets.join('&') }];
}

function sent(binding, context, name, relayState) {
  if (binding === 'redirect') return { url: context.context };
  const fields = { [name]: context.context, ...(relayState ? { RelayState: relayState } : {}) };
  return { action: context.entityEndpoint, fields };
}

await serve({
  version: () => ({ version: versionOf('samlify') }),
  setup: (request) => {
    setup = request;
    us = own();
    return { metadata: us.getMetadata() };
  },
  know: ({ metadata }) => {
    const settings = { metadata, isAssertionEncrypted: setup.encrypted, wantLogoutRequestSigned: true,
      wantLogoutResponseSigned: true, requestSignatureAlgorithm: RSA_SHA256 };
    peer = setup.role === 'sp' ? IdentityProvider(settings) : ServiceProvider(settings);
    return {};
  },
  login: (request) => {
    if (request.answer === 'artifact') throw new Lacks(NO_ARTIFACT);
    const context = us.createLoginRequest(peer, request.binding, {
      relayState: request.relay_state,
      forceAuthn: request.force,
    });
    return sent(request.binding, context, 'SAMLRequest', request.relay_state);
  },
  accept: async ({ fields }) => {
    const { extract } = await us.parseLoginResponse(peer, 'post', { body: fields });
    session = { logoutNameID: extract.nameID, sessionIndex: extract.sessionIndex?.sessionIndex };
    const attributes = Object.entries(extract.attributes ?? {}).map(([name, value]) => [name, [value].flat()]);
    return { name_id: extract.nameID, session_index: session.sessionIndex, attributes: Object.fromEntries(attributes) };
  },
  receive: async (request) => {
    asked = await us.parseLoginRequest(peer, ...arrived(request));
    // It does not read this attribute.
    return { request_id: asked.extract.request.id, force: asked.samlContent.includes('ForceAuthn="true"') };
  },
  issue: async (request) => {
    if (request.answer === 'artifact') throw new Lacks(NO_ARTIFACT);
    const [now, soon] = [new Date(), new Date(Date.now() + 300_000)].map((at) => at.toISOString());
    const acs = peer.entityMeta.getAssertionConsumerService('post');
    session = { logoutNameID: request.name_id };
    const fill = (template) => {
      const id = us.entitySetting.generateID();
      const statement = Object.entries(request.attributes)
        .map(([name, values]) => `<saml:Attribute Name="${name}" NameFormat="${NS}:attrname-format:basic">${values
          .map((value) => `<saml:AttributeValue>${escape(value)}</saml:AttributeValue>`).join('')}</saml:Attribute>`)
        .join('');
      // Its own template has a place for these two, and nothing to put there.
      const text = template
        .replace('{AuthnStatement}', `<saml:AuthnStatement AuthnInstant="${now}" SessionIndex="_s1"><saml:AuthnContext>` +
          `<saml:AuthnContextClassRef>${PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`)
        .replace('{AttributeStatement}', `<saml:AttributeStatement>${statement}</saml:AttributeStatement>`);
      const context = SamlLib.replaceTagsByValue(text, {
        ID: id, AssertionID: us.entitySetting.generateID(), Destination: acs, Audience: peer.entityMeta.getEntityID(),
        SubjectRecipient: acs, Issuer: setup.entity_id, IssueInstant: now, StatusCode: `${NS}:status:Success`,
        ConditionsNotBefore: now, ConditionsNotOnOrAfter: soon, SubjectConfirmationDataNotOnOrAfter: soon,
        NameIDFormat: PERSISTENT, NameID: request.name_id, InResponseTo: asked.extract.request.id,
      });
      return { id, context };
    };
    const context = await us.createLoginResponse(peer, asked, 'post', {}, {
      customTagReplacement: fill,
      encryptThenSign: setup.encrypted,
      relayState: request.relay_state,
    });
    return sent('post', context, 'SAMLResponse', request.relay_state);
  },
  start_logout: (request) => {
    if (request.binding === 'soap') throw new Lacks(NO_SOAP);
    const user = { ...session, sessionIndex: session.sessionIndex ?? request.session_indexes?.[0] };
    return sent(request.binding, us.createLogoutRequest(peer, request.binding, user), 'SAMLRequest');
  },
  end_logout: async (request) => {
    await us.parseLogoutResponse(peer, ...arrived(request));
    return {};
  },
  answer_logout: async (request) => {
    if (request.soap) throw new Lacks(NO_SOAP);
    const [binding, message] = arrived(request);
    const parsed = await us.parseLogoutRequest(peer, binding, message);
    const context = us.createLogoutResponse(peer, parsed, binding, { relayState: one(request.query ?? '').RelayState });
    return { name_id: parsed.extract.nameID, ...sent(binding, context, 'SAMLResponse') };
  },
});

function escape(text) {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
