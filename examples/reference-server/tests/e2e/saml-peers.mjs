// Software of others that speaks SAML: an Apache with mod_auth_mellon, an Apache with the Shibboleth SP, and SimpleSAMLphp as an
// identity provider.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './cluster.mjs';
import { HOST, Peers, page } from './peers.mjs';

export class SamlPeers extends Peers {
  /** mod_auth_mellon (lasso) in an Apache; its metadata is its own. */
  async mellon(idpMetadata) {
    const [port, place] = [await freePort(), this.place('mellon')];
    const { key, certificate } = this.keyPair(place);
    writeFileSync(join(place, 'idp.xml'), idpMetadata);
    const origin = `http://${HOST}:${port}`;
    await this.apache('mellon', port, ['setenvif', 'auth_mellon'], [
      // Its cookies are for sites with TLS, unless told otherwise.
      'SetEnvIf Request_URI ".*" MELLON_DISABLE_SAMESITE=1',
      `MellonLockFile "${place}/mellon.lock"`,
      '<Location "/">',
      '  MellonEnable "info"',
      '  MellonEndpointPath "/mellon"',
      `  MellonSPentityId "${origin}/mellon/metadata"`,
      `  MellonSPPrivateKeyFile "${key}"`,
      `  MellonSPCertFile "${certificate}"`,
      `  MellonIdPMetadataFile "${place}/idp.xml"`,
      '  MellonVariable "mellon"',
      '  MellonSecureCookie "httponly"',
      '  MellonSetEnv "mail" "urn:oid:0.9.2342.19200300.100.1.3"',
      '  MellonSetEnv "name" "urn:oid:2.16.840.1.113730.3.1.241"',
      '</Location>',
      '<Location "/secret">',
      '  AuthType "Mellon"',
      '  MellonEnable "auth"',
      '  Require valid-user',
      '</Location>',
    ], page('mod_auth_mellon', 'MELLON_mail', 'MELLON_name'));
    return { origin, secret: `${origin}/secret/`, logout: `${origin}/mellon/logout?ReturnTo=${encodeURIComponent(`${origin}/`)}`,
      entityId: `${origin}/mellon/metadata`, metadata: await text(`${origin}/mellon/metadata`) };
  }

  /** The Shibboleth SP in an Apache, with its daemon. */
  async shibboleth(idpMetadata, idp) {
    const [port, place] = [await freePort(), this.place('shibboleth')];
    const { key, certificate } = this.keyPair(place);
    writeFileSync(join(place, 'idp.xml'), idpMetadata);
    const origin = `http://${HOST}:${port}`;
    const entityId = `${origin}/shibboleth`;
    const loggers = (name) => {
      const file = join(place, `${name}.logger`);
      writeFileSync(file, [
        'log4j.rootCategory=INFO, log',
        'log4j.appender.log=org.apache.log4j.FileAppender',
        `log4j.appender.log.fileName=${place}/${name}.log`,
        'log4j.appender.log.layout=org.apache.log4j.PatternLayout',
        'log4j.appender.log.layout.ConversionPattern=%p %c %x: %m%n',
        '',
      ].join('\n'));
      return file;
    };
    const map = join(place, 'attribute-map.xml');
    writeFileSync(map, `<Attributes xmlns="urn:mace:shibboleth:2.0:attribute-map">
  <Attribute name="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" id="persistent-id">
    <AttributeDecoder xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="NameIDAttributeDecoder"
      formatter="$NameQualifier!$SPNameQualifier!$Name" defaultQualifiers="true"/>
  </Attribute>
  <Attribute name="urn:oid:0.9.2342.19200300.100.1.3" id="mail"/>
  <Attribute name="urn:oid:2.16.840.1.113730.3.1.241" id="displayName"/>
</Attributes>
`);
    const file = join(place, 'shibboleth2.xml');
    writeFileSync(file, `<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180" logger="${loggers('console')}">
  <OutOfProcess logger="${loggers('shibd')}"/>
  <InProcess logger="${loggers('native')}"/>
  <UnixListener address="${place}/shibd.sock"/>
  <ApplicationDefaults entityID="${entityId}" REMOTE_USER="persistent-id" signing="true" encryption="false">
    <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" handlerSSL="false" cookieProps="http" redirectLimit="exact">
      <SSO entityID="${idp}">SAML2</SSO>
      <Logout>SAML2 Local</Logout>
      <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
      <Handler type="Session" Location="/Session" showAttributeValues="true"/>
    </Sessions>
    <MetadataProvider type="XML" validate="true" path="${place}/idp.xml"/>
    <AttributeExtractor type="XML" validate="true" reloadChanges="false" path="${map}"/>
    <AttributeFilter type="XML" validate="true" path="/etc/shibboleth/attribute-policy.xml"/>
    <CredentialResolver type="File" key="${key}" certificate="${certificate}"/>
  </ApplicationDefaults>
  <SecurityPolicyProvider type="XML" validate="true" path="/etc/shibboleth/security-policy.xml"/>
  <ProtocolProvider type="XML" validate="true" reloadChanges="false" path="/etc/shibboleth/protocols.xml"/>
</SPConfig>
`);
    await this.run('/usr/sbin/shibd', ['-F', '-f', '-c', file, '-p', `${place}/shibd.pid`], {
      ready: () => execFileSync('sh', ['-c', `test -S ${place}/shibd.sock && echo yes || echo no`]).toString().trim() === 'yes',
      log: `${place}/shibd.log`,
    });
    await this.apache('shibboleth', port, ['shib'], [
      `ShibConfig "${file}"`,
      '<Location "/secret">',
      '  AuthType shibboleth',
      '  ShibRequestSetting requireSession 1',
      '  Require valid-user',
      '</Location>',
    ], page('Shibboleth', 'mail', 'displayName'));
    return { origin, secret: `${origin}/secret/`, entityId,
      logout: `${origin}/Shibboleth.sso/Logout?return=${encodeURIComponent(`${origin}/`)}`,
      metadata: await text(`${origin}/Shibboleth.sso/Metadata`) };
  }

  /** SimpleSAMLphp as an identity provider with one person, for one service. */
  async simplesamlphp(person, spMetadata) {
    const [port, place] = [await freePort(), this.place('simplesamlphp')];
    const { key, certificate } = this.keyPair(place);
    const origin = `http://${HOST}:${port}`;
    for (const folder of ['config', 'metadata', 'log', 'data', 'temp', 'sessions']) mkdirSync(join(place, folder), { recursive: true });
    writeFileSync(join(place, 'sp.xml'), spMetadata);
    const php = (name, text) => writeFileSync(join(place, name), `<?php\n${text}\n`);
    php('config/config.php', `$config = [
  'baseurlpath' => '${origin}/', 'certdir' => '${place}/', 'loggingdir' => '${place}/log/', 'datadir' => '${place}/data/',
  'tempdir' => '${place}/temp', 'metadatadir' => '${place}/metadata/',
  'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
  'secretsalt' => 'only-for-this-test-${port}', 'auth.adminpassword' => 'not-for-anybody-${port}',
  'technicalcontact_email' => 'na@example.org', 'timezone' => 'UTC',
  'logging.level' => SimpleSAML\\Logger::DEBUG, 'logging.handler' => 'file', 'logging.logfile' => 'simplesamlphp.log',
  'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'session.cookie.secure' => false, 'session.cookie.samesite' => null, 'language.cookie.secure' => false,
  'session.phpsession.savepath' => '${place}/sessions', 'store.type' => 'phpsession',
  'trusted.url.domains' => [],
  'metadata.sources' => [['type' => 'flatfile'], ['type' => 'xml', 'file' => '${place}/sp.xml']],
];`);
    const attributes = Object.entries(person.attributes).map(([name, value]) => `'${name}' => ['${value}']`);
    php('config/authsources.php', `$config = ['people' => ['exampleauth:UserPass',
  '${person.name}:${person.password}' => [${attributes.join(', ')}]]];`);
    php('metadata/saml20-idp-hosted.php', `$metadata['${origin}/saml2/idp/metadata.php'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'sp.key', 'certificate' => 'sp.crt', 'auth' => 'people',
  'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  'validate.authnrequest' => true, 'redirect.validate' => true, 'redirect.sign' => true, 'sign.logout' => true,
  'validate.logout' => true, 'logouttype' => 'traditional',
  'assertion.encryption' => true,
  'authproc' => [
    3 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
    100 => ['class' => 'core:AttributeMap', 'name2oid'],
  ],
  'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
];`);
    const serve = ['-d', 'display_errors=0', '-d', 'error_reporting=E_ALL&~E_DEPRECATED', '-S', `${HOST}:${port}`,
      '-t', '/usr/share/simplesamlphp/www'];
    await this.run('php', serve, {
      url: `${origin}/module.php/core/frontpage_welcome.php`,
      env: { SIMPLESAMLPHP_CONFIG_DIR: join(place, 'config') },
      log: join(place, 'log/simplesamlphp.log'),
    });
    return {
      origin,
      entityId: `${origin}/saml2/idp/metadata.php`,
      metadata: await text(`${origin}/saml2/idp/metadata.php`),
      logout: `${origin}/saml2/idp/SingleLogoutService.php?ReturnTo=${encodeURIComponent(`${origin}/logout.php`)}`,
    };
  }
}

async function text(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  return answer.text();
}
