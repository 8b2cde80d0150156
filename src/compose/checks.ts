import type { Config } from '../config.ts';
import type { Alerts } from '../lib/alerts.ts';
import { remember } from '../lib/cache.ts';
import { systemClock } from '../lib/clock.ts';
import { createDerivedSecrets } from '../lib/derived-secrets.ts';
import type { Log } from '../lib/log.ts';
import { createAnswers } from '../report/answers.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { createAzureValues } from '../workflows/azure/parameter-values.ts';
import type { ProposedOrder } from '../workflows/checks.ts';
import { createLicenseValues } from '../workflows/license/parameter-values.ts';
import { createParameterValues } from '../workflows/parameter-values.ts';
import { createUsage } from '../workflows/usage.ts';
import { createValidateOrder } from '../workflows/validate-order.ts';
import { azureSettings, licenseSettings } from './settings.ts';
import type { Store } from './store.ts';
import { composeUpstreams } from './upstreams.ts';

/** Timeout of a call: longer than the deadline of a question, since a late answer is remembered for the next one. */
const LATE_ANSWER_MS = 10_000;

export interface CheckParts {
  /** Over a connection from `producerConnection`. */
  store: Store;
  log: Log;
  alerts: Alerts;
  observe(call: UpstreamCall): void;
}

/**
 * Builds the answers to what the marketplace asks while a customer orders. All of it is read-only. The catalogues of both sides
 * are cached for a while; personal data is fetched each time.
 */
export function composeChecks(config: Config, { store, log, alerts, observe }: CheckParts) {
  const { records, directory, costs } = store;
  const answers = createAnswers({ languages: config.cloudesire.languages });
  const readTimeoutMs = Math.min(config.timing.httpTimeoutMs, LATE_ANSWER_MS);
  const { cloudesire, partnerCenter, templateHost } = composeUpstreams(config, {
    store,
    observe,
    readTimeoutMs,
    // Somebody waits for the answer to each of these calls.
    turn: () => undefined,
    log,
    alerts,
  });
  const { catalogue } = cloudesire;
  const { catalog } = partnerCenter;

  const forOneMinute = remembering(60_000);
  const forFiveMinutes = remembering(5 * 60_000);
  const forOneDay = remembering(24 * 60 * 60_000);
  const asked = {
    catalogue: {
      product: forOneMinute(catalogue.product),
      plan: forOneMinute(catalogue.plan),
      productMetadata: forOneMinute(catalogue.productMetadata),
      planMetadata: forOneMinute(catalogue.planMetadata),
    },
    customers: { ...cloudesire.customers, countryCodes: forOneDay(cloudesire.customers.countryCodes) },
  };
  const microsoft = {
    catalog: { sku: forFiveMinutes(catalog.sku), availabilities: forFiveMinutes(catalog.availabilities) },
    customers: { ...partnerCenter.customers, countryRules: forOneDay(partnerCenter.customers.countryRules) },
    subscriptions: partnerCenter.subscriptions,
  };

  const parts = {
    cloudesire: asked,
    partnerCenter: microsoft,
    directory,
    license: licenseSettings(config),
    now: () => systemClock.now(),
    log,
    alerts,
  };
  const azure = {
    templateHost: { fetch: forFiveMinutes(templateHost.fetch) },
    // An order is only looked at: it is pinned to nothing yet.
    templates: { get: async () => undefined, put: async () => {} },
    secrets: createDerivedSecrets(config.redis.stateKeys),
    settings: azureSettings(config),
  };
  // One answer covers all orders of a customer, and the marketplace asks about one after the other.
  const forOnePause = remembering(config.timing.pollEveryMs);
  const spending = {
    usage: forOnePause(partnerCenter.azure.usage),
    billingPeriod: forOnePause(partnerCenter.azure.billingPeriod),
  };
  const validateOrder = createValidateOrder({
    ...parts,
    records,
    ...azure,
    privateCustomers: config.sales.privateCustomers,
    sandboxOrders: config.sales.sandboxOrders,
  });
  return {
    usage: createUsage({
      records,
      costs,
      partnerCenter: { ...partnerCenter, azure: spending },
      log,
    }),
    suggest: createParameterValues(
      [createLicenseValues({ ...parts, answers }), createAzureValues({ ...parts, ...azure })],
      parts,
    ),
    validate: async (order: ProposedOrder, language: string | undefined, signal: AbortSignal): Promise<string[]> =>
      answers.objections(await validateOrder(order, signal), language),
  };
}

/** A cache whose answers expire after `forMs`. No marketplace has so many products that one would be evicted earlier. */
function remembering(forMs: number) {
  return <A extends unknown[], T>(load: (...args: A) => Promise<T>) =>
    remember(load, { forMs, atMost: 1_000 }, systemClock);
}
