import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { VARIABLES } from '../../../src/config/settings.ts';
import { loadConfig } from '../../../src/config.ts';
import { startEmulators } from '../../emulator/emulators.ts';
import { readDockerfile } from '../../support/image.ts';

/* No engine runs the containers here. What can be known without one is held together: everything that one file names the others have. */

interface Service {
  build?: string | { context: string; args?: Record<string, string> };
  image?: string;
  command?: string;
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
  read_only?: boolean;
  deploy?: { replicas: number };
  profiles?: string[];
  user?: string;
  cap_drop?: string[];
  security_opt?: string[];
  networks?: string[];
}

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = join(ROOT, 'docker');
const compose = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('docker/compose.yaml', () => {
  it('names files, builds, volumes and services that are there', () => {
    for (const [name, { build, volumes = [], depends_on: needed = {} }] of services) {
      const context = typeof build === 'string' ? build : build?.context;
      if (context !== undefined) expect(existsSync(join(FOLDER, context, 'Dockerfile')), name).toBe(true);
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(join(FOLDER, source)), `${name}: ${source}`).toBe(true);
        else expect(compose.volumes, name).toHaveProperty(source);
      }
      for (const [other, { condition }] of Object.entries(needed)) {
        expect(compose.services, name).toHaveProperty(other);
        const { healthcheck, build: built } = compose.services[other]!;
        // The connector's image brings its own.
        if (condition === 'service_healthy') expect(healthcheck ?? built, `${name} → ${other}`).toBeDefined();
      }
    }
    for (const volume of Object.keys(compose.volumes))
      expect(
        services.some(([, one]) => one.volumes?.some((mounted) => mounted.startsWith(`${volume}:`))),
        volume,
      ).toBe(true);
  });

  it('has two instances of each role, with settings that the connector knows and can start with', async () => {
    const emulators = await startEmulators();
    const environment = emulators.environment();
    await emulators.close();
    for (const role of ['web', 'worker']) {
      const { environment: given = {}, deploy } = compose.services[role]!;
      expect(deploy?.replicas).toBe(2);
      const settings: Record<string, string> = {};
      for (const [name, value] of Object.entries(given)) {
        const secret = name.replace(/_FILE$/, '');
        if (name.endsWith('_FILE')) {
          // Written by the emulators, in the place that the image may read.
          expect(value).toBe(`/run/secrets/${secret}`);
          settings[secret] = environment[secret] ?? '';
        } else settings[name] = value.replace(/^\$\{\w+:-(.*)\}$/, '$1');
      }
      const { NODE_EXTRA_CA_CERTS: authority, ...known } = settings;
      expect(authority).toBe('/run/secrets/ca.pem');
      expect(Object.keys(known).filter((name) => !VARIABLES.includes(name))).toEqual([]);
      expect(loadConfig(known).warnings).toEqual([]);
      for (const name of ['PARTNER_CENTER_TENANT_ID', 'PARTNER_CENTER_CLIENT_ID', 'AZURE_BILLING_ACCOUNT'])
        expect(known[name], name).toBe(environment[name]);
      // The same paths as here, on the ports that the emulators take by themselves.
      const own = text('test/emulator/main.ts');
      for (const name of ['CMW_BASE_URL', 'PARTNER_CENTER_BASE_URL', 'ENTRA_AUTHORITY_URL', 'AZURE_ARM_URL']) {
        const [there, here] = [new URL(known[name] ?? ''), new URL(environment[name] ?? '')];
        expect([there.protocol, there.hostname, there.pathname]).toEqual(['https:', 'emulators', here.pathname]);
        expect(own).toContain(`default: '${there.port}'`);
      }
    }
  });

  it('keeps what was accepted, writes nowhere but where it says, and opens nothing to other machines', () => {
    const { command, image } = compose.services.redis!;
    for (const setting of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction'])
      expect(command).toContain(setting);
    expect(image).toMatch(/^redis:\d+\.\d+/);
    for (const [name, one] of services) {
      expect(one.read_only, name).toBe(true);
      expect(one.cap_drop, name).toEqual(['ALL']);
      expect(one.security_opt, name).toEqual(['no-new-privileges:true']);
      expect(one.user ?? '', name).not.toMatch(/^(0|root)\b/);
      for (const port of one.ports ?? []) expect(port, name).toMatch(/^127\.0\.0\.1:/);
      if (one.image) expect(one.image, name).toMatch(/:/);
    }
  });

  it('gives secrets, the key of the edge and the way to Redis to nobody but who needs them, and to no other reader to change', () => {
    const holders = (volume: string) =>
      services.flatMap(([name, { volumes = [] }]) =>
        volumes
          .filter((one) => one.startsWith(`${volume}:`))
          .map((one) => `${name}${one.endsWith(':ro') ? '' : ', writing'}`),
      );
    expect(holders('connector-secrets').toSorted()).toEqual(['emulators, writing', 'web', 'worker']);
    expect(holders('edge-tls').toSorted()).toEqual(['emulators, writing', 'nginx']);
    expect(holders('authority').toSorted()).toEqual(['demo', 'emulators, writing']);
    const beside = services
      .filter(([, { networks = ['default'] }]) => networks.includes('store'))
      .map(([name]) => name);
    expect(beside.toSorted()).toEqual(['redis', 'web', 'worker']);
    expect(compose.services.redis?.networks).toEqual(['store']);
  });

  it('publishes the ports that its servers listen on', () => {
    const listened = [...text('docker/nginx/nginx.conf').matchAll(/listen (\d+)/g)].map(([, port]) => port);
    expect(compose.services.nginx?.ports).toEqual(listened.map((port) => `127.0.0.1:${port}:${port}`));
    const { argument } = readDockerfile().find(({ instruction }) => instruction === 'EXPOSE')!;
    expect(argument).toBe('8080');
    expect(loadConfig({ ...REQUIRED }).http.port).toBe(8080);
  });
});

const REQUIRED = {
  CMW_BASE_URL: 'https://a.example',
  CMW_AUTH_TOKEN: 'x',
  CMW_EVENT_SECRETS: 'x',
  PARTNER_CENTER_TENANT_ID: 'x',
  PARTNER_CENTER_CLIENT_ID: 'x',
  PARTNER_CENTER_CLIENT_SECRET: 'x',
};

describe('the images', () => {
  it('have the Node that the tests run on, everywhere', () => {
    const { devDependencies } = JSON.parse(text('package.json')) as { devDependencies: Record<string, string> };
    const image = `node:${devDependencies.node}-bookworm-slim`;
    expect(readDockerfile()[0]).toEqual({ instruction: 'ARG', argument: `NODE_IMAGE=${image}` });
    for (const name of ['emulators', 'demo']) expect(compose.services[name]?.image).toBe(image);
  });

  it('of Nginx takes files that are there to where its configuration and consul-template look for them', () => {
    const dockerfile = text('docker/nginx/Dockerfile');
    const [, files = '', target = ''] = /^COPY (?!--)(.*) (\S+)$/m.exec(dockerfile) ?? [];
    for (const file of files.split(' ')) expect(existsSync(join(FOLDER, 'nginx', file)), file).toBe(true);
    expect(files.split(' ').toSorted()).toEqual(
      globSync('*', { cwd: join(FOLDER, 'nginx'), exclude: ['Dockerfile'] }).toSorted(),
    );
    const hcl = text('docker/nginx/consul-template.hcl');
    const upstreams = /include (upstreams\/\S+);/.exec(text('docker/nginx/nginx.conf'))?.[1] ?? '';
    expect(hcl).toContain(`destination = "${normalize(join(target, upstreams))}"`);
    expect(hcl).toContain(`source      = "${normalize(join(target, 'connector.conf.ctmpl'))}"`);
    expect(hcl).toContain(`"-c", "${normalize(join(target, 'nginx.conf'))}"`);
    expect(compose.services.nginx?.volumes).toEqual([`edge-tls:${normalize(join(target, 'tls'))}:ro`]);
  });

  it('of Nginx look for nothing beside their configuration that the documentation does not name', () => {
    const named = [...text('docker/nginx/nginx.conf').matchAll(/^\s*(?:include|ssl_certificate(?:_key)?) (\S+);/gm)];
    const files = new Set(named.map(([, file = '']) => file));
    expect(files.size).toBe(4);
    const documentation = text('docs/deployment.md');
    for (const file of files) expect(documentation).toContain(`\`${file}\``);
  });

  it('are scraped by their name in Consul, by rules that lie beside', () => {
    const { rule_files: rules, scrape_configs: jobs } = parse(text('docker/prometheus/prometheus.yaml')) as {
      rule_files: string[];
      scrape_configs: { consul_sd_configs: { services: string[] }[] }[];
    };
    expect(rules).toEqual(['*.rules.yaml']);
    expect(jobs.flatMap((job) => job.consul_sd_configs.flatMap((one) => one.services))).toEqual([
      'microsoft-connector',
    ]);
  });
});
