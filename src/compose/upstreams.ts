import type { Config } from '../config.ts';
import type { Alerts } from '../lib/alerts.ts';
import type { Log } from '../lib/log.ts';
import { toTheSecond } from '../lib/moment.ts';
import type { OutageListener } from '../store/circuit.ts';
import { type Http, path, type UpstreamCall } from '../upstreams/http.ts';
import { nameOf } from '../upstreams/names.ts';
import type { Turn } from '../workflows/turn.ts';
import { type Clients, composeClients } from './clients.ts';
import type { UPSTREAMS } from './limits.ts';
import type { Store } from './store.ts';

export interface UpstreamParts {
  store: Store;
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
export function composeUpstreams(config: Config, parts: UpstreamParts): Clients {
  const { store, observe, readTimeoutMs, mayWrite, turn } = parts;
  const circuit = store.circuitWith({
    retryBaseMs: config.timing.retryBaseMs,
    turn,
    tell: outageNews(parts),
    ask: (upstream) => isThere[upstream as (typeof UPSTREAMS)[number]](),
    random: Math.random,
  });
  const clients = composeClients(config, {
    budget: store.budgetFor(turn),
    circuit,
    refreshTokens: store.refreshTokens,
    readTimeoutMs,
    readOnly: config.readOnly,
    mayWrite,
    observe,
  });
  const { cloudesire, partnerCenter, entra, arm } = clients;
  const { tenantId } = config.partnerCenter;
  /** Of each upstream a cheap read that concerns no customer, and is made however little else there is to do. */
  const isThere: Record<(typeof UPSTREAMS)[number], () => Promise<unknown>> = {
    cloudesire: cloudesire.customers.me,
    'partner-center': partnerCenter.account.isThere,
    entra: () => openly(entra, path`/${tenantId}/v2.0/.well-known/openid-configuration`),
    arm: () => openly(arm, '/metadata/endpoints', { 'api-version': '2022-09-01' }),
  };
  return clients;
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
