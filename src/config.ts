import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { systemClock } from './lib/clock.ts';
import { PermanentError } from './lib/errors.ts';
import { parseRedisAddress } from './lib/redis-address.ts';
import { fixedSecret, type Secret, type SecretNews, secretInFile } from './lib/secret.ts';

type Environment = Readonly<Record<string, string | undefined>>;

type Frozen<T> = T extends Uint8Array | ReadonlyMap<unknown, unknown> | ((...args: never[]) => unknown)
  ? T
  : { readonly [K in keyof T]: Frozen<T[K]> };

/** All that the environment decides, grouped by whom it concerns, frozen; times in milliseconds. */
export type Config = Frozen<ReturnType<typeof arrange> & { warnings: string[]; secretProblems: () => string[] }>;

/** Variables whose value may also be given as `NAME_FILE`, the path of a file that holds it. */
const SECRETS = [
  'REDIS_URL',
  'CMW_AUTH_TOKEN',
  'CMW_EVENT_SECRETS',
  'PARTNER_CENTER_CLIENT_SECRET',
  'PARTNER_CENTER_REFRESH_TOKEN',
  'ENDPOINT_SECRET',
  'STATE_KEY',
  'OPS_TOKEN',
  'SENTRY_DSN',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'CONSUL_TOKEN',
] as const;

const USUAL_POLL_EVERY_MS = 15_000;
const LONGEST_WAIT_MS = 90 * 86_400_000;
const SHORTEST_STRONG_SECRET = 16;
const SENTRY_ENVIRONMENT_DEFAULT = 'production';

const Settings = z.object({
  HOST: variable('an address to listen on', matching(/^\S+$/)).default('0.0.0.0'),
  PORT: wholeNumber(0, 65_535).default(8080),
  LOG_LEVEL: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').default('info'),
  ROLE: oneOf('web', 'worker', 'all').default('all'),
  REDIS_URL: variable(
    'redis://…, rediss://…, or redis+sentinel://user:password@host:26379,host:26379/name-of-the-master (rediss+sentinel: with TLS). Redis Cluster is not supported: what is stored must change together, so all of it would lie on one of its nodes; Sentinel gives the fail-over',
    (text) => (parseRedisAddress(text) === undefined ? undefined : text),
  ).default('redis://127.0.0.1:6379'),
  REDIS_PREFIX: variable('letters, digits, dots, dashes, underscores or braces', matching(/^[\w.{}-]+$/)).default(
    'microsoft-connector',
  ),
  CMW_BASE_URL: address(),
  CMW_AUTH_TOKEN: headerText('the permanent token of the marketplace account'),
  CMW_EVENT_SECRETS: variable('one or more secrets, comma separated', readList),
  CMW_LANGUAGES: variable('two-letter language codes, comma separated', (text) =>
    readList(text, matching(/^[a-z]{2}$/)),
  ).default(['en', 'it']),
  CMW_READ_ONLY: variable('true, false, 1 or 0', readBoolean).default(false),
  CMW_LICENSE_IDENTIFIER: name().default('licenses'),
  CMW_DOMAIN_PARAMETER: name().default('MICROSOFT_DOMAIN'),
  CMW_TERM_END_PARAMETER: name().default('TERM_END_DATE'),
  CMW_DNS_PARAMETER: name().default('DNS_PREFIX'),
  CMW_REGION_PARAMETER: name().default('REGION'),
  PARTNER_CENTER_BASE_URL: address().default('https://api.partnercenter.microsoft.com'),
  PARTNER_CENTER_TENANT_ID: variable('the id or a domain of the partner tenant', matching(/^[\w.-]+$/)),
  PARTNER_CENTER_CLIENT_ID: variable('the application (client) id of the app registration', matching(/^[\w.-]+$/)),
  PARTNER_CENTER_CLIENT_SECRET: variable('the secret of the app registration', matching(/^.+$/s)),
  PARTNER_CENTER_REFRESH_TOKEN: variable('a refresh token without blanks', matching(/^\S+$/)).optional(),
  ENTRA_AUTHORITY_URL: address().default('https://login.microsoftonline.com'),
  AZURE_ARM_URL: secureAddress().default('https://management.azure.com'),
  AZURE_LOCATION: variable('the short name of a region, e.g. westeurope', matching(/^[a-z0-9]+$/)).default(
    'westeurope',
  ),
  AZURE_BILLING_ACCOUNT: variable('the name of a billing account', matching(/^\S+$/)).optional(),
  ARM_TEMPLATE_HOSTS: variable('host or host:port, comma separated', (text) => readList(text, readHost)).default([]),
  BACKLOG_LIMIT: wholeNumber(1, 100_000_000).default(50_000),
  HTTP_TIMEOUT_MS: wholeNumber(1, 600_000).default(60_000),
  ENDPOINT_SECRET: variable(
    'one or more secrets of letters, digits, dots, dashes, underscores or tildes, comma separated',
    (text) => readList(text, matching(/^[\w.~-]+$/)),
  ).optional(),
  STATE_KEY: variable(
    'one or more keys of 32 bytes in base64, e.g. of openssl rand -base64 32, comma separated',
    readKeys,
  ).optional(),
  AGREEMENT_MODE: oneOf('enhanced', 'classic').default('enhanced'),
  RESELLER_PARTNER_IDS: variable('resellerSlug=PartnerID, comma separated, each reseller once', readResellers).default(
    new Map(),
  ),
  PRIVATE_CUSTOMERS: oneOf('refuse', 'allow').default('refuse'),
  SANDBOX_ORDERS: oneOf('refuse', 'allow').default('refuse'),
  PUBLIC_URL: address().optional(),
  OPS_TOKEN: headerText('a token').optional(),
  CONSUL_URL: variable(
    'the http: or https: address of a Consul agent, without path and credentials',
    readOrigin,
  ).optional(),
  CONSUL_TOKEN: headerText('a token of Consul').optional(),
  SENTRY_DSN: variable('the https address of a Sentry project with its public key', readDsn).optional(),
  SENTRY_ENVIRONMENT: variable(
    'a name of at most 64 letters, digits, dots, dashes or underscores',
    readSentryEnvironment,
  ).default(SENTRY_ENVIRONMENT_DEFAULT),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    'the http: or https: address of an OTLP collector, without credentials, query or fragment',
    readCollector,
  ).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: variable('name=value, comma separated, values percent-encoded', readHeaders).optional(),
  RETRY_BASE_MS: wholeNumber(1, LONGEST_WAIT_MS).default(1_000),
  POLL_EVERY_MS: wholeNumber(1, LONGEST_WAIT_MS).default(USUAL_POLL_EVERY_MS),
  SWEEP_EVERY_MS: wholeNumber(1, LONGEST_WAIT_MS).default(3_600_000),
  OPERATION_DEADLINE_MS: wholeNumber(1, LONGEST_WAIT_MS).default(72 * 3_600_000),
});

/** Every variable that is read, apart from the `NAME_FILE` forms. */
export const VARIABLES: readonly string[] = Object.keys(Settings.shape);

const FILE_VARIABLES = SECRETS.map((secret) => `${secret}_FILE`);

/**
 * Reads the environment once, at start. An empty variable counts as not given.
 *
 * `warnings` are sentences for the log: what will work, though hardly as intended. A `Secret` that was given by its file follows the
 * file.
 *
 * @param tell hears of secrets that were replaced later, or could not be
 * @throws {PermanentError} `config.invalid` with one line per problem, none of which repeats a value
 */
export function loadConfig(env: Environment = process.env, tell: TellSecret = () => {}): Config {
  const { texts, problems } = readTexts(env);
  const result = Settings.safeParse(texts);
  for (const { path, message } of result.error?.issues ?? []) {
    const variableName = String(path[0]);
    if (!problems.has(variableName)) problems.set(variableName, message);
  }
  const nearMisses = findNearMisses(env);
  // Whoever believes that nothing is bought must not learn otherwise from the bill.
  for (const { given, meant } of nearMisses) {
    if (meant === 'CMW_READ_ONLY') problems.set(given, `is not read; is ${meant} meant?`);
  }
  if (!result.success || problems.size > 0) {
    const lines = [...problems].map(([variableName, problem]) => `${variableName}: ${problem}`);
    throw new PermanentError('config.invalid', ['The environment cannot be used as it is.', ...lines].join('\n'));
  }
  const slips = nearMisses.map(({ given, meant }) => `${given} is not read: is ${meant} meant?`);
  const warnings = [...warnOfSettings(result.data), ...slips];
  const problemsOfFiles = new Map<string, string>();
  const followed: Secret<unknown>[] = [];
  const follow = followFiles(env, followed, (news) => {
    if (news.problem === undefined) problemsOfFiles.delete(news.variable);
    else problemsOfFiles.set(news.variable, news.problem);
    tell(news);
  });
  /** Sentences about secrets that cannot be read from their files any more, whether or not these are needed just now. */
  const secretProblems = () => {
    for (const secret of followed) secret.read();
    return [...problemsOfFiles].map(
      ([name, problem]) => `${name}_FILE: ${problem}. The former value goes on being used.`,
    );
  };
  return deepFreeze({ ...arrange(result.data, follow), warnings, secretProblems });
}

/**
 * Where to send errors, and under which name; read ahead of everything else. `undefined` when it is off, or cannot be used: `loadConfig`
 * says so.
 */
export function readSentry(env: Environment): { dsn: string; environment: string } | undefined {
  const { text = '' } = readSecret(env, 'SENTRY_DSN');
  const dsn = readDsn(text);
  const environment = readSentryEnvironment(env.SENTRY_ENVIRONMENT ?? '') ?? SENTRY_ENVIRONMENT_DEFAULT;
  return dsn === undefined ? undefined : { dsn, environment };
}

/** Hears that a secret was replaced in its file, or what is wrong with the file; never a value. */
export type TellSecret = (news: SecretNews & { variable: string; warning?: string }) => void;

type Follow = <T>(variableName: FollowedSecret, initial: T) => Secret<T>;

function arrange(settings: z.output<typeof Settings>, follow: Follow) {
  return {
    role: settings.ROLE,
    logLevel: settings.LOG_LEVEL,
    /** Dry run: no write leaves the process. */
    readOnly: settings.CMW_READ_ONLY,
    http: {
      host: settings.HOST,
      port: settings.PORT,
      publicUrl: settings.PUBLIC_URL,
      endpointSecrets:
        settings.ENDPOINT_SECRET === undefined ? undefined : follow('ENDPOINT_SECRET', settings.ENDPOINT_SECRET),
      opsToken: settings.OPS_TOKEN === undefined ? undefined : follow('OPS_TOKEN', settings.OPS_TOKEN),
    },
    redis: { url: settings.REDIS_URL, prefix: settings.REDIS_PREFIX, stateKeys: stateKeysOf(settings) },
    cloudesire: {
      baseUrl: settings.CMW_BASE_URL,
      authToken: follow('CMW_AUTH_TOKEN', settings.CMW_AUTH_TOKEN),
      eventSecrets: follow('CMW_EVENT_SECRETS', settings.CMW_EVENT_SECRETS),
      languages: settings.CMW_LANGUAGES,
      licenseIdentifier: settings.CMW_LICENSE_IDENTIFIER,
      domainParameter: settings.CMW_DOMAIN_PARAMETER,
      termEndParameter: settings.CMW_TERM_END_PARAMETER,
      dnsParameter: settings.CMW_DNS_PARAMETER,
      regionParameter: settings.CMW_REGION_PARAMETER,
    },
    partnerCenter: {
      baseUrl: settings.PARTNER_CENTER_BASE_URL,
      authorityUrl: settings.ENTRA_AUTHORITY_URL,
      tenantId: settings.PARTNER_CENTER_TENANT_ID,
      clientId: settings.PARTNER_CENTER_CLIENT_ID,
      clientSecret: follow('PARTNER_CENTER_CLIENT_SECRET', settings.PARTNER_CENTER_CLIENT_SECRET),
      refreshToken:
        settings.PARTNER_CENTER_REFRESH_TOKEN === undefined
          ? undefined
          : follow('PARTNER_CENTER_REFRESH_TOKEN', settings.PARTNER_CENTER_REFRESH_TOKEN),
    },
    azure: {
      armUrl: settings.AZURE_ARM_URL,
      location: settings.AZURE_LOCATION,
      billingAccount: settings.AZURE_BILLING_ACCOUNT,
      templateHosts: settings.ARM_TEMPLATE_HOSTS,
    },
    sales: {
      agreementMode: settings.AGREEMENT_MODE,
      privateCustomers: settings.PRIVATE_CUSTOMERS,
      sandboxOrders: settings.SANDBOX_ORDERS,
      /** Slug of a reseller in the marketplace → PartnerID of the indirect reseller at Microsoft. */
      resellerPartnerIds: settings.RESELLER_PARTNER_IDS as ReadonlyMap<string, string>,
    },
    /** The agent that is told of this instance; absent: none is. */
    consul:
      settings.CONSUL_URL === undefined
        ? undefined
        : {
            agentUrl: settings.CONSUL_URL,
            token: settings.CONSUL_TOKEN === undefined ? undefined : follow('CONSUL_TOKEN', settings.CONSUL_TOKEN),
          },
    /** The collector of traces, its address without `/v1/traces`; absent: none are recorded. */
    collector:
      settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : { url: settings.OTEL_EXPORTER_OTLP_ENDPOINT, headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {} },
    /** Subscriptions waiting for a first look, above which events are put off. */
    backlogLimit: settings.BACKLOG_LIMIT,
    timing: {
      httpTimeoutMs: settings.HTTP_TIMEOUT_MS,
      retryBaseMs: settings.RETRY_BASE_MS,
      pollEveryMs: settings.POLL_EVERY_MS,
      /** By what the time that Microsoft is given to show something is multiplied. Only emulators, which stand on this host, may have less. */
      graceScale: isLoopback(new URL(settings.PARTNER_CENTER_BASE_URL))
        ? Math.min(1, settings.POLL_EVERY_MS / USUAL_POLL_EVERY_MS)
        : 1,
      sweepEveryMs: settings.SWEEP_EVERY_MS,
      operationDeadlineMs: settings.OPERATION_DEADLINE_MS,
    },
  };
}

/**
 * The first one seals, all of them open. The last follows from the client secret: it is the only one where none is given, and opens what
 * was sealed before one was.
 */
function stateKeysOf({
  STATE_KEY: given = [],
  PARTNER_CENTER_CLIENT_SECRET: clientSecret,
}: z.output<typeof Settings>): Buffer[] {
  return [...given, Buffer.from(hkdfSync('sha256', clientSecret, '', 'microsoft-connector/state-key/1', 32))];
}

/** Secrets whose files are read again while the service runs. The others are needed once, at the start. */
const FOLLOWED = [
  'CMW_AUTH_TOKEN',
  'CMW_EVENT_SECRETS',
  'PARTNER_CENTER_CLIENT_SECRET',
  'PARTNER_CENTER_REFRESH_TOKEN',
  'ENDPOINT_SECRET',
  'OPS_TOKEN',
  'CONSUL_TOKEN',
] as const;
type FollowedSecret = (typeof FOLLOWED)[number];

/** Makes a secret of a value: one that follows its file, where it was given by one, and then is added to `followed`. */
function followFiles(env: Environment, followed: Secret<unknown>[], tell: TellSecret): Follow {
  return <T>(variableName: FollowedSecret, initial: T): Secret<T> => {
    if (!env[`${variableName}_FILE`]) return fixedSecret(initial);
    let known = { text: readSecret(env, variableName).text, value: initial };
    const secret = secretInFile<T>({
      initial,
      clock: systemClock,
      load() {
        const { text, problem } = readSecret(env, variableName);
        if (problem !== undefined) return { problem };
        if (text === undefined) return { problem: 'empty' };
        if (text === known.text) return known;
        const { data, error } = Settings.shape[variableName].safeParse(text);
        if (error) return { problem: error.issues[0]?.message ?? 'not usable' };
        known = { text, value: data as T };
        return known;
      },
      tell(news) {
        const isKeyLost =
          variableName === 'PARTNER_CENTER_CLIENT_SECRET' && !news.problem && !readSecret(env, 'STATE_KEY').text;
        tell({ variable: variableName, ...news, ...(isKeyLost && { warning: KEY_LOST }) });
      },
    });
    followed.push(secret);
    return secret;
  };
}

const KEY_LOST =
  'STATE_KEY is not set, so that it follows from the client secret: after the next start nothing that is sealed can be opened. Set it before, to the key of the former client secret; docs/security.md says how.';

/** A variable: what a good value is, for the message, and how its text is read (`undefined`: it cannot be). */
function variable<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string({ error: `missing; expected ${expected}` }).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `not usable; expected ${expected}` });
    return z.NEVER;
  });
}

function wholeNumber(least: number, most: number) {
  return variable(`a whole number from ${least} to ${most}`, (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });
}

function oneOf<const T extends string>(...choices: T[]) {
  return variable(`one of ${choices.join(', ')}`, (text) => choices.find((choice) => choice === text));
}

function address() {
  return variable(
    'an https: address without credentials, query or fragment (http: for loopback hosts only)',
    readAddress,
  );
}

/** The Azure SDK sends no token over plain http, not even to loopback. */
function secureAddress() {
  return variable(
    'an https: address without credentials, query or fragment (the Azure SDK refuses http:, for loopback hosts too)',
    (text) => (text.startsWith('https:') ? readAddress(text) : undefined),
  );
}

function name() {
  return variable('a name without blanks', matching(/^\S+$/));
}

/** A text that travels in a header, where blanks and control characters would come from a bad copy. */
function headerText(what: string) {
  return variable(`${what}, printable ASCII without blanks`, matching(/^[\x21-\x7e]+$/));
}

function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

function readBoolean(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

/** Comma separated, trimmed, each once; unreadable when an item is empty or `readItem` refuses it. */
function readList(text: string, readItem: (item: string) => string | undefined = (item) => item): string[] | undefined {
  const items = text.split(',').map((item) => readItem(item.trim()));
  return items.every((item) => item !== undefined && item !== '') ? [...new Set(items as string[])] : undefined;
}

function readAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return undefined;
  return isPrivateOnTheWire(url) ? url.href.replace(/\/+$/, '') : undefined;
}

/** The agent is on this machine or on its private network, where Consul speaks plain HTTP unless told otherwise. */
function readOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? url.origin : undefined;
}

/** A collector stands on this machine or in the private network, where it speaks plain HTTP unless told otherwise. */
function readCollector(text: string): string | undefined {
  const url = URL.parse(text);
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url.href.replace(/\/+$/, '') : undefined;
}

/** As the specification of OpenTelemetry has it. https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
function readHeaders(text: string): Record<string, string> | undefined {
  const pairs = text.split(',').map((pair) => /^([\w!#$%&'*+.^`|~-]+)=([\x21-\x7e]+)$/.exec(pair.trim()));
  try {
    const headers = pairs.map((pair) => [pair?.[1] ?? '', decodeURIComponent(pair?.[2] ?? '')] as const);
    const areUsable = headers.every(([headerName, value]) => headerName !== '' && /^[\x20-\x7e]+$/.test(value));
    return areUsable ? Object.fromEntries(headers) : undefined;
  } catch {
    return undefined; // a percent sign that begins nothing
  }
}

function readDsn(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && url.username !== '' && url.pathname.length > 1 && isPrivateOnTheWire(url) ? text : undefined;
}

function readSentryEnvironment(text: string): string | undefined {
  return /^[\w.-]{1,64}$/.test(text) ? text : undefined;
}

function isPrivateOnTheWire(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function readHost(text: string): string | undefined {
  const host = text.toLowerCase();
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/.test(host) ? host : undefined;
}

function readKeys(text: string): Buffer[] | undefined {
  const keys = readList(text, matching(/^[A-Za-z0-9+/]{43}=$/));
  return keys?.map((key) => Buffer.from(key, 'base64'));
}

function readResellers(text: string): Map<string, string> | undefined {
  const pairs = text.split(',').map((pair) => /^([^=\s]+)=(\d{1,10})$/.exec(pair.trim()));
  const resellers = new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
  return resellers.size === pairs.length && !resellers.has('') ? resellers : undefined;
}

interface Texts {
  texts: Record<string, string>;
  /** Variable → what is wrong with it. */
  problems: Map<string, string>;
}

function readTexts(env: Environment): Texts {
  const texts: Record<string, string> = {};
  const problems = new Map<string, string>();
  for (const variableName of VARIABLES) {
    const secret = SECRETS.find((candidate) => candidate === variableName);
    const { text, problem } = secret === undefined ? { text: env[variableName] } : readSecret(env, secret);
    if (problem !== undefined) problems.set(variableName, problem);
    if (text !== undefined && text !== '') texts[variableName] = text;
  }
  return { texts, problems };
}

function readSecret(env: Environment, secret: (typeof SECRETS)[number]): { text?: string; problem?: string } {
  const text = env[secret];
  const path = env[`${secret}_FILE`];
  if (!path) return text ? { text } : {};
  if (text) return { problem: `given twice; expected either ${secret} or ${secret}_FILE` };
  try {
    const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return content === '' ? {} : { text: content };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { problem: `unreadable (${code}); expected ${secret}_FILE to be the path of a readable file` };
  }
}

function warnOfSettings(settings: z.output<typeof Settings>): string[] {
  const { CMW_EVENT_SECRETS, ENDPOINT_SECRET = [], OPS_TOKEN = '' } = settings;
  const warnings: string[] = [];
  for (const [variableName, secrets] of Object.entries({
    CMW_EVENT_SECRETS,
    ENDPOINT_SECRET,
    OPS_TOKEN: [OPS_TOKEN],
  })) {
    if (secrets.some((secret) => secret !== '' && secret.length < SHORTEST_STRONG_SECRET)) {
      warnings.push(
        `${variableName} has a secret of fewer than ${SHORTEST_STRONG_SECRET} characters: take a longer one.`,
      );
    }
  }
  if (settings.CMW_READ_ONLY) {
    warnings.push(
      'CMW_READ_ONLY is on: nothing is written to any upstream, so nothing is bought and nothing reported.',
    );
  }
  if (settings.ENTRA_AUTHORITY_URL.startsWith('http:')) {
    warnings.push(
      'ENTRA_AUTHORITY_URL is an http: address, which the Azure SDK refuses: Azure products cannot be sold with it.',
    );
  }
  if (settings.CONSUL_TOKEN !== undefined && settings.CONSUL_URL && !isPrivateOnTheWire(new URL(settings.CONSUL_URL))) {
    warnings.push('CONSUL_TOKEN is sent in clear, since CONSUL_URL is an http: address of another host: use https:.');
  }
  const { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_EXPORTER_OTLP_HEADERS: headers } = settings;
  if (headers !== undefined && collector !== undefined && !isPrivateOnTheWire(new URL(collector))) {
    warnings.push(
      'OTEL_EXPORTER_OTLP_HEADERS are sent in clear, since OTEL_EXPORTER_OTLP_ENDPOINT is an http: address of another host: use https:.',
    );
  }
  if (settings.PARTNER_CENTER_REFRESH_TOKEN === undefined) {
    warnings.push(
      'PARTNER_CENTER_REFRESH_TOKEN is missing: Azure products cannot be sold and agreements cannot be read until it is given.',
    );
  }
  return warnings;
}

/** A variable of one of our families that is none of ours, though nearly, is most likely a slip. */
function findNearMisses(env: Environment): { given: string; meant: string }[] {
  const known = [...VARIABLES, ...FILE_VARIABLES];
  const families = new Set(known.filter((knownName) => knownName.includes('_')).map(familyOf));
  return Object.keys(env)
    .filter((given) => !known.includes(given) && families.has(familyOf(given)))
    .flatMap((given) => {
      const meant = [1, 2].map((slips) => known.find((name) => editDistance(given, name) === slips)).find(Boolean);
      return meant === undefined ? [] : [{ given, meant }];
    });
}

/** `CMW` of `CMW_BASE_URL`. */
function familyOf(variableName: string): string {
  return variableName.slice(0, variableName.indexOf('_'));
}

/** Letters to insert, delete or replace to get from one text to the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

function deepFreeze<T>(value: T): Frozen<T> {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value as Frozen<T>;
}
