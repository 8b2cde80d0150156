import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import type { Alerts } from '../lib/alerts.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { toTheSecond } from '../lib/moment.ts';
import type { Turn } from '../lib/turn.ts';
import { nameOf } from '../lib/upstream-names.ts';
import { type BudgetState, createBudget, type RateLimit } from '../store/budget.ts';
import { createCircuit, type OutageListener } from '../store/circuit.ts';
import { createKeys } from '../store/keys.ts';
import { createRefreshTokenStore } from '../store/refresh-token.ts';
import { createSecretBox } from '../store/secret-box.ts';
import { createAzure } from '../upstreams/azure/client.ts';
import { createCloudesire } from '../upstreams/cloudesire/client.ts';
import { createHttp, type Http, path, type UpstreamCall } from '../upstreams/http.ts';
import { createPartnerCenter } from '../upstreams/partner-center/client.ts';
import { createTokens } from '../upstreams/partner-center/token.ts';
import { createTemplateHost } from '../upstreams/template-host.ts';
import type { Throttle } from '../workflows/ops/standing.ts';

/**
 * Partner Center allows 500 calls a minute and partner; a tenth is left to people and other programs.
 * https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
 */
const PARTNER_CENTER_LIMIT = { calls: 450, inMs: 60_000 };
/** Where Cloudesire limits calls, it allows 5,000 a minute unless configured otherwise. https://github.com/ClouDesire/java-api-client */
const CLOUDESIRE_LIMIT = { calls: 4_500, inMs: 60_000 };
/**
 * Azure gives each principal 250 reads in a subscription and refills 25 a second, and 200 writes of which it refills 10: so many in the
 * time of a refill never empty it. A tenth is left to people.
 * https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
const ARM_READ_LIMIT = { calls: 225, inMs: 10_000 };
const ARM_WRITE_LIMIT = { calls: 180, inMs: 20_000 };

export interface UpstreamParts {
  redis: Redis;
  observe(call: UpstreamCall): void;
  readTimeoutMs: number;
  /** Asked last before each write; what it throws keeps the write back. */
  mayWrite?(): Promise<void>;
  /** On whose behalf a call is made. */
  turn(): Turn | undefined;
  log: Log;
  alerts: Alerts;
}

/** Builds the clients of the upstreams. Those of all processes draw from one budget, and know of one another's outages. */
export function composeUpstreams(config: Config, parts: UpstreamParts) {
  const { redis, observe, readTimeoutMs, mayWrite, turn } = parts;
  const keys = createKeys(config.redis.prefix);
  const box = createSecretBox(config.redis.stateKeys);
  const budget = createBudget(redis, keys, { limitOf, turn });
  const circuit = createCircuit({
    redis,
    keys,
    retryBaseMs: config.timing.retryBaseMs,
    turn,
    tell: outageNews(parts),
    ask: (upstream) => isThere[upstream as (typeof UPSTREAMS)[number]](),
    random: Math.random,
  });
  const refreshTokens = createRefreshTokenStore(redis, keys, box, systemClock);
  const { baseUrl, authorityUrl, refreshToken, ...app } = config.partnerCenter;

  const httpFor = (upstream: string, base: string): Http =>
    createHttp({
      upstream,
      baseUrl: base,
      readTimeoutMs,
      readOnly: config.readOnly,
      budget,
      circuit,
      mayWrite,
      observe,
    });
  const entra = httpFor('entra', authorityUrl);
  const arm = httpFor('arm', config.azure.armUrl);
  const tokens = createTokens({
    ...app,
    http: entra,
    clock: systemClock,
    refreshTokens,
    seed: refreshToken,
  });
  const cloudesire = createCloudesire({
    http: httpFor('cloudesire', config.cloudesire.baseUrl),
    token: config.cloudesire.authToken,
  });
  const partnerCenter = createPartnerCenter({ http: httpFor('partner-center', baseUrl), tokens });
  /** Of each upstream a cheap read that concerns no customer, and is made however little else there is to do. */
  const isThere: Record<(typeof UPSTREAMS)[number], () => Promise<unknown>> = {
    cloudesire: cloudesire.customers.me,
    'partner-center': partnerCenter.account.isThere,
    entra: () => openly(entra, path`/${app.tenantId}/v2.0/.well-known/openid-configuration`),
    arm: () => openly(arm, '/metadata/endpoints', { 'api-version': '2022-09-01' }),
  };
  return {
    cloudesire,
    partnerCenter,
    azure: createAzure({
      armUrl: config.azure.armUrl,
      billingAccount: config.azure.billingAccount,
      authorityUrl,
      clientId: app.clientId,
      clientSecret: app.clientSecret,
      partnerTenantId: app.tenantId,
      refreshTokens,
      seed: refreshToken,
      readOnly: config.readOnly,
      timeoutMs: readTimeoutMs,
      budget,
      circuit,
      mayWrite,
      observe,
      clock: systemClock,
      // Who looks again that rarely need not hold a worker much longer.
      pauseMs: config.timing.pollEveryMs / 10,
    }),
    templateHost: createTemplateHost({ hosts: config.azure.templateHosts }),
  };
}

/** Reads what needs no token, and whose content does not matter. */
function openly(http: Http, path: string, query?: Record<string, string>): Promise<unknown> {
  return http.send({ method: 'GET', path, query, accept: () => true, ignoreBody: true, concernsAll: true });
}

/** A person is told of an outage that lasts, and then also of its end; the log of every one. */
function outageNews({ log, alerts }: Pick<UpstreamParts, 'log' | 'alerts'>): OutageListener {
  return {
    began(outage) {
      log.warn({ ...outage }, 'an upstream is out: what needs it waits');
    },
    lasts({ upstream, since, because }) {
      alerts.attention({
        code: `${upstream}.outage`,
        message: `${nameOf(upstream)} has not been available since ${toTheSecond(since)}: it does not answer, or fails at whatever it is asked. What needs it waits, without a deadline, and goes on by itself. Look whether the upstream reports an outage, and at network, DNS and proxy of this host. Last failure: ${because}`,
      });
    },
    ended({ upstream, since, wasTold }) {
      log.info({ upstream, since }, 'an upstream is back: the work goes on');
      if (!wasTold) return;
      const message = `${nameOf(upstream)} is available again; it had not been since ${toTheSecond(since)}. What waited for it goes on by itself.`;
      alerts.over({ code: `${upstream}.outage`, message });
    },
  };
}

/** The upstreams whose outages are known. */
export const UPSTREAMS = ['cloudesire', 'partner-center', 'entra', 'arm'] as const;

/** Kinds of budget by the beginning of its name, the longer one first. */
const BUDGETS = [
  { begins: 'cloudesire', upstream: 'cloudesire', kind: 'account', limit: CLOUDESIRE_LIMIT },
  { begins: 'partner-center:customer:', upstream: 'partner-center', kind: 'customer', limit: PARTNER_CENTER_LIMIT },
  { begins: 'partner-center', upstream: 'partner-center', kind: 'partner', limit: PARTNER_CENTER_LIMIT },
  { begins: 'arm-read/', upstream: 'arm', kind: 'read', limit: ARM_READ_LIMIT },
  { begins: 'arm-write/', upstream: 'arm', kind: 'write', limit: ARM_WRITE_LIMIT },
] as const;

/** The limit of a budget, by its name. */
export function limitOf(budget: string): RateLimit {
  return kindOf(budget).limit;
}

function kindOf(budget: string): { upstream: string; limit: RateLimit } {
  const known = BUDGETS.find(({ begins }) => budget.startsWith(begins));
  return known ?? { upstream: 'partner-center', limit: PARTNER_CENTER_LIMIT };
}

/** The upstreams that have refused calls for a minute or more: until when, and how many orders stand in line for them. */
export function throttlesOf(budgets: BudgetState[]): Throttle[] {
  const refusing = budgets.filter(({ refusedUntil }) => refusedUntil !== undefined);
  const byUpstream = Map.groupBy(refusing, ({ budget }) => kindOf(budget).upstream);
  return [...byUpstream].map(([upstream, those]) => ({
    upstream,
    until:
      those
        .map(({ refusedUntil = '' }) => refusedUntil)
        .toSorted()
        .at(-1) ?? '',
    waiting: those.reduce((sum, { waiting }) => sum + waiting, 0),
  }));
}

/** How many calls are left of each kind of budget: of the one that is scarcest. */
export function budgetsLeft(budgets: BudgetState[]): { upstream: string; kind: string; left: number }[] {
  return BUDGETS.map(({ upstream, kind, begins, limit: { calls } }) => {
    const left = budgets
      .filter(({ budget }) => BUDGETS.find((known) => budget.startsWith(known.begins))?.begins === begins)
      .map(({ limit, used, pausedUntil }) => (pausedUntil ? 0 : Math.max(0, limit - used)));
    return { upstream, kind, left: Math.min(calls, ...left) };
  });
}
