import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { VARIABLES } from '../../src/config/settings.ts';
import { type Config, loadConfig, readSentry } from '../../src/config.ts';
import { PermanentError } from '../../src/lib/errors.ts';

const REQUIRED = {
  CMW_BASE_URL: 'https://marketplace.example.com/api',
  CMW_AUTH_TOKEN: 'cmw-token',
  CMW_EVENT_SECRETS: 'secret-of-the-product',
  PARTNER_CENTER_TENANT_ID: '9f0c1a52-4a1e-4f3c-8a43-3e2b8f0f1d11',
  PARTNER_CENTER_CLIENT_ID: '5d2b7c9e-1111-4222-8333-444455556666',
  PARTNER_CENTER_CLIENT_SECRET: 'client~secret with blanks',
};
const COMPLETE = { ...REQUIRED, PARTNER_CENTER_REFRESH_TOKEN: '0.AX-refresh' };

/** Problems as `VARIABLE: what is wrong`, one per line. */
function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'config.invalid' });
    return (error as Error).message.split('\n').slice(1);
  }
}

/** A configuration with each secret replaced by what it is now. */
function withSecretsRead(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) return value;
  if ('read' in value && typeof value.read === 'function') return value.read();
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withSecretsRead(part)]));
}

function fileWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'secret');
  writeFileSync(path, content);
  return path;
}

describe('loadConfig', () => {
  it('needs six variables, and knows a default for every other', () => {
    const { redis, secretProblems, ...config } = loadConfig(COMPLETE);
    const { stateKeys, ...rest } = redis;
    expect(stateKeys.map((key) => key.length)).toEqual([32]);
    expect(secretProblems()).toEqual([]);
    expect(withSecretsRead({ ...config, redis: rest })).toEqual({
      role: 'all',
      logLevel: 'info',
      readOnly: false,
      http: { host: '0.0.0.0', port: 8080, publicUrl: undefined, endpointSecrets: undefined, opsToken: undefined },
      redis: { url: 'redis://127.0.0.1:6379', prefix: 'microsoft-connector' },
      cloudesire: {
        baseUrl: 'https://marketplace.example.com/api',
        authToken: 'cmw-token',
        eventSecrets: ['secret-of-the-product'],
        languages: ['en', 'it'],
        licenseIdentifier: 'licenses',
        domainParameter: 'MICROSOFT_DOMAIN',
        termEndParameter: 'TERM_END_DATE',
        dnsParameter: 'DNS_PREFIX',
        regionParameter: 'REGION',
      },
      partnerCenter: {
        baseUrl: 'https://api.partnercenter.microsoft.com',
        authorityUrl: 'https://login.microsoftonline.com',
        tenantId: REQUIRED.PARTNER_CENTER_TENANT_ID,
        clientId: REQUIRED.PARTNER_CENTER_CLIENT_ID,
        clientSecret: REQUIRED.PARTNER_CENTER_CLIENT_SECRET,
        refreshToken: '0.AX-refresh',
      },
      azure: {
        armUrl: 'https://management.azure.com',
        location: 'westeurope',
        billingAccount: undefined,
        templateHosts: [],
      },
      sales: {
        agreementMode: 'enhanced',
        privateCustomers: 'refuse',
        sandboxOrders: 'refuse',
        resellerPartnerIds: new Map(),
      },
      consul: undefined,
      collector: undefined,
      backlogLimit: 50_000,
      timing: {
        httpTimeoutMs: 60_000,
        retryBaseMs: 1_000,
        pollEveryMs: 15_000,
        graceScale: 1,
        sweepEveryMs: 3_600_000,
        operationDeadlineMs: 259_200_000,
      },
      warnings: [],
    });
  });

  it('lists every problem at once, one line each', () => {
    expect(problemsOf({ PORT: 'eighty', ROLE: 'both', CMW_BASE_URL: 'http://marketplace.example.com' })).toEqual([
      'PORT: not usable; expected a whole number from 0 to 65535',
      'ROLE: not usable; expected one of web, worker, all',
      'CMW_BASE_URL: not usable; expected an https: address without credentials, query or fragment (http: for loopback hosts only)',
      'CMW_AUTH_TOKEN: missing; expected the permanent token of the marketplace account, printable ASCII without blanks',
      'CMW_EVENT_SECRETS: missing; expected one or more secrets, comma separated',
      'PARTNER_CENTER_TENANT_ID: missing; expected the id or a domain of the partner tenant',
      'PARTNER_CENTER_CLIENT_ID: missing; expected the application (client) id of the app registration',
      'PARTNER_CENTER_CLIENT_SECRET: missing; expected the secret of the app registration',
    ]);
  });

  it('repeats no value in a problem or a warning', () => {
    const nonsense = 'hunter2 \u0000,,=';
    const env = Object.fromEntries(VARIABLES.map((name) => [name, nonsense]));
    expect(problemsOf(env).length).toBeGreaterThan(30);
    expect(problemsOf(env).join('\n')).not.toContain('hunter2');
    expect(loadConfig({ ...COMPLETE, OPS_TOKEN: 'hunter2' }).warnings.join('\n')).not.toContain('hunter2');
  });

  it('reads any environment to a configuration or to problems, never otherwise', () => {
    const env = fc.record(Object.fromEntries(VARIABLES.map((name) => [name, fc.string()])), { requiredKeys: [] });
    fc.assert(fc.property(env, (given) => void problemsOf(given as Record<string, string>)));
  });

  it('takes an empty variable as not given', () => {
    expect(loadConfig({ ...COMPLETE, PORT: '', OPS_TOKEN: '' }).http).toMatchObject({
      port: 8080,
      opsToken: undefined,
    });
    expect(problemsOf({ ...COMPLETE, CMW_AUTH_TOKEN: '' })).toEqual([
      expect.stringMatching(/^CMW_AUTH_TOKEN: missing/),
    ]);
  });

  it('is frozen through and through', () => {
    const config = loadConfig({ ...COMPLETE, ARM_TEMPLATE_HOSTS: 'a.example' });
    for (const part of [config, config.http, config.cloudesire, config.azure.templateHosts, config.warnings]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  const addresses = ['CMW_BASE_URL', 'PARTNER_CENTER_BASE_URL', 'ENTRA_AUTHORITY_URL', 'PUBLIC_URL'];
  it.each(addresses)('takes %s over https, and over http on loopback only', (name) => {
    for (const good of [
      'https://a.example/x',
      'http://localhost:1',
      'http://127.0.0.1',
      'http://127.9.9.9',
      'http://[::1]:2',
    ]) {
      expect(problemsOf({ ...COMPLETE, [name]: good }), good).toEqual([]);
    }
    for (const bad of [
      'http://a.example',
      'http://127.0.0.1.a.example',
      'http://localhost.a.example',
      'http://10.0.0.1',
      'http://[::2]',
      'ftp://localhost',
      'https://user:hunter2@a.example',
      'https://a.example/?q=1',
      'https://a.example/#x',
      'a.example',
      '//a.example',
    ]) {
      expect(problemsOf({ ...COMPLETE, [name]: bad }), bad).toHaveLength(1);
    }
  });

  it('takes CONSUL_URL over http too, without anything but host and port, and warns of a token that others on the wire could read', () => {
    for (const good of ['http://consul:8500', 'http://127.0.0.1:8500/', 'https://agent.example'])
      expect(problemsOf({ ...COMPLETE, CONSUL_URL: good }), good).toEqual([]);
    for (const bad of ['consul:8500', 'http://a/v1', 'http://u:p@a', 'http://a/?x', 'unix:///run/consul.sock'])
      expect(problemsOf({ ...COMPLETE, CONSUL_URL: bad }), bad).toEqual([
        expect.stringMatching(/^CONSUL_URL: not usable/),
      ]);
    const warningsOf = (url: string) =>
      loadConfig({ ...COMPLETE, CONSUL_URL: url, CONSUL_TOKEN: 'token-of-consul' }).warnings;
    expect(warningsOf('http://consul:8500')).toEqual([expect.stringMatching(/^CONSUL_TOKEN is sent in clear/)]);
    expect(warningsOf('http://127.0.0.1:8500')).toEqual([]);
    expect(warningsOf('https://consul:8501')).toEqual([]);
  });

  it.each([
    ['https://api.partnercenter.microsoft.com', '1000', 1],
    ['https://partner-center.example.com', '60000', 1],
    ['http://127.0.0.1:8900', '1000', 1 / 15],
    ['http://localhost:8900', '60000', 1],
  ])('gives Microsoft at %s its time, however short the pause between two looks: %s ms', (url, pollEveryMs, scale) => {
    const { timing } = loadConfig({ ...COMPLETE, PARTNER_CENTER_BASE_URL: url, POLL_EVERY_MS: pollEveryMs });
    expect(timing.graceScale).toBe(scale);
  });

  it('cuts the slash at the end of an address', () => {
    const { cloudesire, azure } = loadConfig({
      ...COMPLETE,
      CMW_BASE_URL: 'https://a.example/api/',
      AZURE_ARM_URL: 'https://b.example/',
    });
    expect([cloudesire.baseUrl, azure.armUrl]).toEqual(['https://a.example/api', 'https://b.example']);
  });

  it('takes AZURE_ARM_URL over https only, and says that the Azure SDK wants it so', () => {
    expect(problemsOf({ ...COMPLETE, AZURE_ARM_URL: 'https://localhost:8443/arm' })).toEqual([]);
    for (const bad of [
      'http://localhost:1',
      'http://127.0.0.1',
      'https://u:p@a.example',
      'https://a.example/?x',
      'x',
    ]) {
      expect(problemsOf({ ...COMPLETE, AZURE_ARM_URL: bad }), bad).toEqual([
        expect.stringMatching(/^AZURE_ARM_URL: not usable; .*the Azure SDK refuses http:/),
      ]);
    }
  });

  it('warns of an authority over http, by which Azure products cannot be sold', () => {
    expect(loadConfig({ ...COMPLETE, ENTRA_AUTHORITY_URL: 'http://127.0.0.1:1' }).warnings).toEqual([
      expect.stringContaining('Azure SDK'),
    ]);
    expect(loadConfig({ ...COMPLETE, ENTRA_AUTHORITY_URL: 'https://127.0.0.1:1' }).warnings).toEqual([]);
  });

  it.each([
    ['PORT', ['0', '65535'], ['-1', '65536', '1.5', '0x10', '1e3', ' 80']],
    ['LOG_LEVEL', ['debug', 'silent'], ['DEBUG', 'verbose']],
    ['CMW_READ_ONLY', ['true', 'false', '1', '0'], ['yes', 'TRUE', '2']],
    [
      'REDIS_URL',
      ['redis://h:1/2', 'rediss://u:p@h', 'redis+sentinel://u:p@h:1,i/mymaster/2'],
      ['http://h', 'redis://', 'h:6379', 'redis+sentinel://h:1', 'redis+cluster://h:1,i:1'],
    ],
    ['CMW_AUTH_TOKEN', ['a.b-c'], ['a b', 'a\nb', 'ä']],
    ['CMW_LANGUAGES', ['de', 'en, it'], ['english', 'en,', 'EN']],
    [
      'STATE_KEY',
      [Buffer.alloc(32, 7).toString('base64')],
      [Buffer.alloc(31).toString('base64'), 'short', 'x'.repeat(44)],
    ],
    ['AGREEMENT_MODE', ['enhanced', 'classic'], ['both']],
    ['PRIVATE_CUSTOMERS', ['allow', 'refuse'], ['true']],
    ['SANDBOX_ORDERS', ['allow', 'refuse'], ['true']],
    ['ENDPOINT_SECRET', ['abc-_.~123'], ['a/b', 'a b', 'a%20']],
    [
      'ARM_TEMPLATE_HOSTS',
      ['a.example', 'A.example:8443, b.example'],
      ['https://a.example', 'a.example/x', 'a,,b', '-a'],
    ],
    [
      'RESELLER_PARTNER_IDS',
      ['contoso=1234567, fabrikam=7654321'],
      ['contoso', 'contoso=', '=1', 'a=1,a=2', 'a=x', 'a=1,'],
    ],
    [
      'SENTRY_DSN',
      ['https://key@o1.sentry.example/42', 'http://key@127.0.0.1:9/1'],
      ['https://sentry.example/42', 'http://key@sentry.example/42', 'https://key@sentry.example'],
    ],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      ['http://collector:4318', 'https://otlp.example/otlp/'],
      ['collector:4318', 'https://key@otlp.example', 'http://collector:4318?x=1'],
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      ['authorization=Bearer%20abc', 'api-key=a, x-tenant=b=c'],
      ['authorization', '=a', 'a b=c', 'a=%zz', 'a=%0a', 'a=1,'],
    ],
    ['BACKLOG_LIMIT', ['1'], ['0', '']],
    ['HTTP_TIMEOUT_MS', ['1', '600000'], ['0', '600001']],
    ['OPERATION_DEADLINE_MS', ['259200000'], ['72h']],
  ])('knows a good %s from a bad one', (name, good, bad) => {
    for (const text of good) expect(problemsOf({ ...COMPLETE, [name]: text }), text).toEqual([]);
    for (const text of bad.filter((value) => value !== '')) {
      expect(problemsOf({ ...COMPLETE, [name]: text }), text).toEqual([
        expect.stringMatching(`^${name}: not usable; expected `),
      ]);
    }
  });

  it('reads lists, pairs, keys and switches', () => {
    const config = loadConfig({
      ...COMPLETE,
      CMW_EVENT_SECRETS: ' new-secret-of-the-product , plätform-sécret-ü,new-secret-of-the-product',
      CMW_READ_ONLY: '1',
      ARM_TEMPLATE_HOSTS: 'A.example:8443, b.example',
      RESELLER_PARTNER_IDS: 'contoso=1234567, fabrikam=7654321',
      STATE_KEY: [7, 8].map((byte) => Buffer.alloc(32, byte).toString('base64')).join(','),
    });
    expect(config.cloudesire.eventSecrets.read()).toEqual(['new-secret-of-the-product', 'plätform-sécret-ü']);
    expect(config.readOnly).toBe(true);
    expect(config.azure.templateHosts).toEqual(['a.example:8443', 'b.example']);
    expect(config.sales.resellerPartnerIds).toEqual(
      new Map([
        ['contoso', '1234567'],
        ['fabrikam', '7654321'],
      ]),
    );
    expect(config.redis.stateKeys).toEqual([
      Buffer.alloc(32, 7),
      Buffer.alloc(32, 8),
      ...loadConfig(COMPLETE).redis.stateKeys,
    ]);
  });

  it('derives the same state key from the same client secret, and another from another', () => {
    const keyFor = (secret: string) =>
      loadConfig({ ...COMPLETE, PARTNER_CENTER_CLIENT_SECRET: secret }).redis.stateKeys[0];
    // Must never change: it opens what earlier versions have sealed.
    expect(keyFor('one')?.toString('hex')).toBe('54cfee12cec91984cd060022ba62be8a2fdba702f0e7f6224d618d7459406560');
    expect(keyFor('two')).not.toEqual(keyFor('one'));
  });
});

describe('NAME_FILE', () => {
  it.each(['secret\n', 'secret\r\n', 'secret'])(
    'takes the content %j of the file without the newline at its end',
    (content) => {
      const { CMW_AUTH_TOKEN: _, ...env } = COMPLETE;
      expect(loadConfig({ ...env, CMW_AUTH_TOKEN_FILE: fileWith(content) }).cloudesire.authToken.read()).toBe('secret');
    },
  );

  it('cuts one newline only', () => {
    const path = fileWith('secret\n\n');
    const config = loadConfig({
      ...COMPLETE,
      PARTNER_CENTER_CLIENT_SECRET: '',
      PARTNER_CENTER_CLIENT_SECRET_FILE: path,
    });
    expect(config.partnerCenter.clientSecret.read()).toBe('secret\n');
  });

  it.each([
    ['REDIS_URL', 'redis://:password@cache:6379'],
    ['CMW_AUTH_TOKEN', 'token'],
    ['CMW_EVENT_SECRETS', 'a-secret-of-some-length'],
    ['PARTNER_CENTER_CLIENT_SECRET', 'secret'],
    ['PARTNER_CENTER_REFRESH_TOKEN', 'token'],
    ['ENDPOINT_SECRET', 'a-secret-of-some-length'],
    ['STATE_KEY', Buffer.alloc(32).toString('base64')],
    ['OPS_TOKEN', 'a-token-of-some-length'],
    ['SENTRY_DSN', 'https://key@sentry.example/1'],
  ])('serves %s, which must then not be given itself', (name, value) => {
    const env = { ...COMPLETE, [`${name}_FILE`]: fileWith(`${value}\n`) };
    expect(problemsOf({ ...env, [name]: '' })).toEqual([]);
    expect(problemsOf({ ...env, [name]: value })).toEqual([
      `${name}: given twice; expected either ${name} or ${name}_FILE`,
    ]);
  });

  it('checks what stands in the file, and takes an empty file as not given', () => {
    expect(problemsOf({ ...COMPLETE, STATE_KEY_FILE: fileWith('hunter2') })).toEqual([
      expect.stringMatching(/^STATE_KEY: not usable/),
    ]);
    expect(problemsOf({ ...COMPLETE, CMW_AUTH_TOKEN: '', CMW_AUTH_TOKEN_FILE: fileWith('\n') })).toEqual([
      expect.stringMatching(/^CMW_AUTH_TOKEN: missing/),
    ]);
  });

  it('says so when a file cannot be read, beside all other problems', () => {
    expect(problemsOf({ ...COMPLETE, CMW_AUTH_TOKEN: '', CMW_AUTH_TOKEN_FILE: '/nowhere/at/all', PORT: 'x' })).toEqual([
      'CMW_AUTH_TOKEN: unreadable (ENOENT); expected CMW_AUTH_TOKEN_FILE to be the path of a readable file',
      expect.stringMatching(/^PORT/),
    ]);
    expect(problemsOf({ ...COMPLETE, OPS_TOKEN_FILE: tmpdir() })).toEqual([expect.stringContaining('EISDIR')]);
  });
});

describe('a secret in a file that is replaced while the service runs', () => {
  function setup(name: string, content: string) {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const path = fileWith(content);
    const news: object[] = [];
    const { [name as 'CMW_AUTH_TOKEN']: _, ...others } = COMPLETE;
    const config = loadConfig({ ...others, [`${name}_FILE`]: path }, (one) => news.push(one));
    const pass = () => vi.setSystemTime(Date.now() + 10_000);
    return { config, news, pass, replace: (text: string) => writeFileSync(path, text), remove: () => rmSync(path) };
  }

  it.each([
    ['CMW_AUTH_TOKEN', 'old', 'new\n', ({ cloudesire }: Config) => cloudesire.authToken, 'new'],
    ['CMW_EVENT_SECRETS', 'old', 'new, old', ({ cloudesire }: Config) => cloudesire.eventSecrets, ['new', 'old']],
    ['PARTNER_CENTER_CLIENT_SECRET', 'old', 'new', ({ partnerCenter }: Config) => partnerCenter.clientSecret, 'new'],
    ['PARTNER_CENTER_REFRESH_TOKEN', 'old', 'new', ({ partnerCenter }: Config) => partnerCenter.refreshToken, 'new'],
    ['ENDPOINT_SECRET', 'old', 'new,old', ({ http }: Config) => http.endpointSecrets, ['new', 'old']],
    ['OPS_TOKEN', 'old', 'new', ({ http }: Config) => http.opsToken, 'new'],
  ] as const)(
    'is used ten seconds later at the latest, and told without its value: %s',
    (name, old, text, secretOf, value) => {
      const { config, news, pass, replace } = setup(name, old);
      const before = secretOf(config)?.read();
      replace(text);
      expect(secretOf(config)?.read()).toEqual(before);
      pass();
      expect(secretOf(config)?.read()).toEqual(value);
      expect(secretOf(config)?.read()).toBe(secretOf(config)?.read());
      expect(news).toMatchObject([{ variable: name }]);
      expect(JSON.stringify(news)).not.toMatch(/old|new/);
    },
  );

  it('is used at once where the former one is refused', () => {
    const { config, replace } = setup('CMW_AUTH_TOKEN', 'old');
    const token = config.cloudesire.authToken;
    vi.setSystemTime(Date.now() + 1_000);
    expect(token.isReplaced('old')).toBe(false);
    replace('new');
    vi.setSystemTime(Date.now() + 1_000);
    expect(token.isReplaced('old')).toBe(true);
    expect(token.read()).toBe('new');
  });

  it('is told of while its file cannot be used, and no longer, though nobody asks for the secret', () => {
    const { config, pass, replace } = setup('OPS_TOKEN', 'old');
    replace('');
    pass();
    expect(config.secretProblems()).toEqual([expect.stringMatching(/^OPS_TOKEN_FILE: empty/)]);
    replace('old');
    pass();
    expect(config.secretProblems()).toEqual([]);
  });

  it.each(['', 'with blanks', '\n'])('stays the former one while the file holds %j, which is told once', (broken) => {
    const { config, news, pass, replace } = setup('CMW_AUTH_TOKEN', 'old');
    replace(broken);
    for (let times = 0; times < 3; times += 1) {
      pass();
      expect(config.cloudesire.authToken.read()).toBe('old');
    }
    expect(news).toEqual([{ variable: 'CMW_AUTH_TOKEN', problem: expect.any(String) }]);
    expect(config.secretProblems()).toEqual([expect.stringMatching(/^CMW_AUTH_TOKEN_FILE: .*former value/)]);
    expect(JSON.stringify([news, config.secretProblems()])).not.toContain('with blanks');

    replace('new');
    pass();
    expect(config.cloudesire.authToken.read()).toBe('new');
    expect(config.secretProblems()).toEqual([]);
  });

  it('stays the former one while the file is missing', () => {
    const { config, news, pass, remove } = setup('OPS_TOKEN', 'old');
    remove();
    pass();
    expect(config.http.opsToken?.read()).toBe('old');
    expect(news).toEqual([{ variable: 'OPS_TOKEN', problem: expect.stringContaining('ENOENT') }]);
  });

  it('tells what is lost with a client secret from which the key of what is sealed follows', () => {
    const { config, news, pass, replace } = setup('PARTNER_CENTER_CLIENT_SECRET', 'old');
    replace('new');
    pass();
    config.partnerCenter.clientSecret.read();
    expect(news).toMatchObject([{ warning: expect.stringContaining('STATE_KEY') }]);
  });

  it('is looked for every ten seconds, however often it is asked for', () => {
    const { config, replace } = setup('CMW_AUTH_TOKEN', 'old');
    vi.setSystemTime(Date.now() + 9_999);
    replace('new');
    for (let times = 0; times < 100; times += 1) expect(config.cloudesire.authToken.read()).toBe('old');
  });
});

it('does not start with a misspelt dry run, which would buy', () => {
  expect(() => loadConfig({ ...COMPLETE, CMW_READONLY: 'true' })).toThrow(
    /CMW_READONLY: is not read; is CMW_READ_ONLY meant/,
  );
});

it('says that it is a dry run', () => {
  expect(loadConfig({ ...COMPLETE, CMW_READ_ONLY: 'true' }).warnings).toEqual([
    expect.stringMatching(/^CMW_READ_ONLY is on/),
  ]);
});

describe('warnings', () => {
  const warningsOf = (env: Record<string, string>) => loadConfig({ ...COMPLETE, ...env }).warnings;

  it('name secrets that are too short', () => {
    const short = { CMW_EVENT_SECRETS: 'a-secret-of-some-length,short', ENDPOINT_SECRET: 'short', OPS_TOKEN: 'short' };
    expect(warningsOf(short).map((warning) => warning.split(' ')[0])).toEqual(Object.keys(short));
    expect(warningsOf({ OPS_TOKEN: 'x'.repeat(16) })).toEqual([]);
  });

  it('tell what does not work without a refresh token', () => {
    expect(loadConfig(REQUIRED).warnings).toEqual([
      expect.stringMatching(/^PARTNER_CENTER_REFRESH_TOKEN is missing: /),
    ]);
  });

  it.each([
    ['CMW_EVENT_SECRET', 'CMW_EVENT_SECRETS'],
    ['CMW_BASEURL', 'CMW_BASE_URL'],
    ['CMW_AUTH_TOKEN_FIEL', 'CMW_AUTH_TOKEN_FILE'],
    ['PARTNER_CENTRE_CLIENT_ID', 'PARTNER_CENTER_CLIENT_ID'],
    ['RETRY_BASE', undefined],
    ['SWEEP_EVERY_M', 'SWEEP_EVERY_MS'],
    ['SENTRY_DNS', 'SENTRY_DSN'],
    ['HTTP_PROXY', undefined],
    ['AZURE_CLIENT_ID', undefined],
    ['PORTS', undefined],
    ['cmw_base_url', undefined],
  ])('suspect a slip in %s: %s', (given, meant) => {
    expect(warningsOf({ [given]: 'x' })).toEqual(
      meant === undefined ? [] : [`${given} is not read: is ${meant} meant?`],
    );
  });
});

describe('readSentry', () => {
  it('gives the address as it is or from its file, and nothing that is no such address', () => {
    const dsn = 'https://key@sentry.example/1';
    expect(readSentry({ SENTRY_DSN: dsn })).toEqual({ dsn, environment: 'production' });
    expect(readSentry({ SENTRY_DSN_FILE: fileWith(`${dsn}\n`), SENTRY_ENVIRONMENT: 'staging' })).toEqual({
      dsn,
      environment: 'staging',
    });
    for (const env of [{}, { SENTRY_DSN: '' }, { SENTRY_DSN: 'nonsense' }, { SENTRY_DSN_FILE: '/nowhere/at/all' }]) {
      expect(readSentry(env)).toBeUndefined();
    }
  });
});

describe('.env.example', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
  const settings = parseEnv(text.replaceAll(/^# (?=[A-Z_]+=)/gm, ''));

  it('names every variable, and none that is not read', () => {
    expect(new Set(Object.keys(settings))).toEqual(new Set(VARIABLES));
  });

  it('shows values that can be used, and the true defaults', () => {
    const shown = loadConfig({ ...settings, ...REQUIRED } as Record<string, string>);
    const byDefault = loadConfig(REQUIRED);
    expect(shown.timing).toEqual(byDefault.timing);
    expect(withSecretsRead(shown.cloudesire)).toEqual(withSecretsRead(byDefault.cloudesire));
    expect(withSecretsRead(shown.partnerCenter)).toEqual(withSecretsRead(byDefault.partnerCenter));
    expect(shown.redis).toEqual(byDefault.redis);
    expect(shown.backlogLimit).toBe(byDefault.backlogLimit);
  });

  it('leaves out of comments exactly what is required', () => {
    expect(new Set(Object.keys(parseEnv(text)))).toEqual(new Set(Object.keys(REQUIRED)));
  });
});

describe('the table of settings in the README', () => {
  const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split('| variable | default | |\n');
  const rows = table.slice(0, table.indexOf('\n\n')).split('\n').slice(1);

  it('names every variable once, and none that is not read', () => {
    const named = rows.flatMap((row) =>
      [...row.split('|')[1]!.matchAll(/`([A-Z_]+)`/g)].map(([, variable]) => variable),
    );
    expect(new Set(named)).toEqual(new Set(VARIABLES));
    expect(named).toHaveLength(VARIABLES.length);
  });

  it('marks the secrets, which may be given in a file', () => {
    const marked = rows.flatMap((row) =>
      [...row.split('|')[1]!.matchAll(/`([A-Z_]+)` ✱/g)].map(([, variable]) => variable),
    );
    // A slip in the name of a file form is recognised only where there is such a form.
    const asFile = VARIABLES.filter((variable) => {
      const { warnings } = loadConfig({ ...REQUIRED, [`${variable}_FILE`]: '', [`${variable}_FIL`]: 'x' });
      return warnings.some((warning) => warning.includes(`${variable}_FILE`));
    });
    expect(new Set(marked)).toEqual(new Set(asFile));
  });
});
