import { hkdfSync } from 'node:crypto';
import { type Environment, readSecret, readTexts } from './config/environment.ts';
import { findNearMisses } from './config/near-misses.ts';
import { type Follow, followFiles, type TellSecret } from './config/secret-files.ts';
import { SENTRY_ENVIRONMENT_DEFAULT, Settings, USUAL_POLL_EVERY_MS } from './config/settings.ts';
import { isLoopback, readDsn, readSentryEnvironment } from './config/values.ts';
import { warnOfSettings } from './config/warnings.ts';
import { PermanentError } from './lib/errors.ts';
import type { Secret } from './lib/secret.ts';

type Frozen<T> = T extends Uint8Array | ReadonlyMap<unknown, unknown> | ((...args: never[]) => unknown)
  ? T
  : { readonly [K in keyof T]: Frozen<T[K]> };

/** All that the environment decides, grouped by whom it concerns, frozen; times in milliseconds. */
export type Config = Frozen<ReturnType<typeof arrange> & { warnings: string[]; secretProblems: () => string[] }>;

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

function arrange(settings: Settings, follow: Follow) {
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
function stateKeysOf({ STATE_KEY: given = [], PARTNER_CENTER_CLIENT_SECRET: clientSecret }: Settings): Buffer[] {
  return [...given, Buffer.from(hkdfSync('sha256', clientSecret, '', 'microsoft-connector/state-key/1', 32))];
}

function deepFreeze<T>(value: T): Frozen<T> {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value as Frozen<T>;
}
