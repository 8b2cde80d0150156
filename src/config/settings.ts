import { z } from 'zod';
import { parseRedisAddress } from '../lib/redis-address.ts';
import {
  address,
  headerText,
  matching,
  name,
  oneOf,
  readBoolean,
  readCollector,
  readDsn,
  readHeaders,
  readHost,
  readKeys,
  readList,
  readOrigin,
  readResellers,
  readSentryEnvironment,
  secureAddress,
  variable,
  wholeNumber,
} from './values.ts';

const LONGEST_WAIT_MS = 90 * 86_400_000;
export const SENTRY_ENVIRONMENT_DEFAULT = 'production';
export const USUAL_POLL_EVERY_MS = 15_000;

/** What each variable has to be, and what it is when it is not given. */
export const Settings = z.object({
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

export type Settings = z.output<typeof Settings>;
