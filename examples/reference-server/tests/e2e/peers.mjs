// The server under test, and software of others beside it, each under its own configuration in a folder of its own. Nothing of the
// system's configuration is used or changed, and no service of the system is started.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isOpen, pause } from './cluster.mjs';

const MODULES = '/usr/lib/apache2/modules';
// Another site than that of the server under test, which is at `localhost`: browsers keep back its cookies from forms of theirs.
export const HOST = '127.0.0.1';

/** What runs beside the server, and ends with the test. */
export class Peers {
  #running = [];

  constructor() {
    // Apache gives up root, and has to reach its files: a build folder may be closed to others.
    this.folder = mkdtempSync(join(tmpdir(), 'ciam-peers-'));
    chmodSync(this.folder, 0o755);
  }

  /** A folder for one of them. */
  place(name) {
    const place = join(this.folder, name);
    mkdirSync(place, { recursive: true });
    return place;
  }

  /** A key and its certificate, as an operator makes them: good for TLS as well. */
  keyPair(place) {
    const [key, certificate, settings] = ['sp.key', 'sp.crt', 'sp.cnf'].map((name) => join(place, name));
    writeFileSync(settings, '[req]\ndistinguished_name = name\nx509_extensions = extensions\n[name]\n[extensions]\n' +
      `basicConstraints = critical, CA:FALSE\nsubjectAltName = IP:${HOST}\n`);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=peer',
      '-config', settings, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    return { key, certificate };
  }

  /** Runs a program until the test is over. Ready is when `url` answers. */
  async run(program, args, { url, env = {}, log, ready }) {
    const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CIAM_')));
    const child = spawn(program, args, { env: { ...kept, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (data) => (said += data));
    child.stderr.on('data', (data) => (said += data));
    this.#running.push(child);
    for (let attempt = 0; attempt < 600; attempt += 1) {
      if (child.exitCode !== null) break;
      const there = url ? await fetch(url, { redirect: 'manual' }).then((it) => it.status < 500, () => false) : await ready();
      if (there) return child;
      await pause(100);
    }
    let written = '';
    try {
      written = log ? readFileSync(log, 'utf8') : '';
    } catch {
      // It did not come that far.
    }
    throw new Error(`${program} is not ready:\n${said}\n${written}`);
  }

  /** The server under test, with what its import file says now; the one before is stopped. */
  async server(binary, port, { config = '', importFile }) {
    if (this.served) await this.stop(this.served);
    const place = this.place('server');
    writeFileSync(join(place, 'ciam.toml'), config);
    writeFileSync(join(place, 'import.toml'), importFile);
    const issuer = `http://localhost:${port}`;
    this.served = await this.run(binary, ['--config', join(place, 'ciam.toml'), '--listen', `127.0.0.1:${port}`,
      '--issuer', issuer, '--database-url', `sqlite:${join(place, 'ciam.db')}`, '--import', join(place, 'import.toml'),
      '--log-filter', 'warn,reference_server=info'], { url: `${issuer}/readyz` });
    return issuer;
  }

  async stop(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const gone = once(child, 'exit');
    await Promise.race([gone, pause(5000).then(() => child.kill('SIGKILL'))]);
    await gone;
  }

  async end() {
    for (const child of this.#running.toReversed()) await this.stop(child);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An Apache with one page that is only shown to who is signed in; with `tls`, a key and its certificate, behind TLS. */
  async apache(name, port, modules, configuration, page, tls) {
    const place = this.place(name);
    const site = join(place, 'site');
    mkdirSync(join(site, 'secret'), { recursive: true });
    writeFileSync(join(site, 'index.html'), '<!doctype html><title>Signed out</title><main>Nobody is signed in here.</main>');
    writeFileSync(join(site, 'secret', 'index.shtml'), page);
    writeFileSync(join(place, 'mime.types'), 'text/html html\n');
    const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'alias', 'dir', 'include', 'mime', ...modules,
      ...(tls ? ['ssl'] : [])];
    const [file, log] = [join(place, 'apache.conf'), join(place, 'error.log')];
    const lines = [
      `ServerRoot "${place}"`,
      `DefaultRuntimeDir "${place}"`,
      `PidFile "${place}/apache.pid"`,
      `Listen ${HOST}:${port}`,
      `ServerName ${tls ? 'https' : 'http'}://${HOST}:${port}`,
      'UseCanonicalName On',
      `Mutex "file:${place}" default`,
      `ErrorLog "${log}"`,
      ...(process.getuid() === 0 ? ['User www-data', 'Group www-data'] : []),
      ...loaded.map((name) => `LoadModule ${name === 'shib' ? 'mod_shib' : `${name}_module`} ${MODULES}/mod_${name}.so`),
      'TypesConfig mime.types',
      'StartServers 1',
      'ThreadsPerChild 8',
      'MinSpareThreads 4',
      'MaxSpareThreads 16',
      'MaxRequestWorkers 24',
      'ServerLimit 3',
      `DocumentRoot "${site}"`,
      'DirectoryIndex index.shtml index.html',
      'AddType text/html .shtml',
      'AddOutputFilter INCLUDES .shtml',
      `<Directory "${site}">`,
      '  Options +Includes',
      '  Require all granted',
      '</Directory>',
      ...(tls ? ['SSLEngine On', `SSLCertificateFile "${tls.certificate}"`, `SSLCertificateKeyFile "${tls.key}"`,
        'SSLSessionCache none'] : []),
      ...configuration,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    if (process.getuid() === 0) execFileSync('chown', ['-R', 'www-data', place]);
    return this.run('/usr/sbin/apache2', ['-d', place, '-f', file, '-D', 'FOREGROUND'], {
      ...(tls ? { ready: () => isOpen(port) } : { url: `http://${HOST}:${port}/` }),
      log,
    });
  }
}

/** The page that an Apache shows to who is signed in, with what its module says of them. */
export function page(software, mail, name) {
  return `<!doctype html><title>${software}</title><main><h1>${software}</h1>
<p>name at this service: <b id="user"><!--#echo var="REMOTE_USER" --></b></p>
<p>mail: <b id="mail"><!--#echo var="${mail}" --></b></p>
<p>display name: <b id="name"><!--#echo var="${name}" --></b></p></main>
`;
}
