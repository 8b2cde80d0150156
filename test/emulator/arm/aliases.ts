import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import { type Api, objectIn, type Request, requireText } from './api.ts';
import type { PartnerIdentity } from './authentication.ts';
import type { Books, Cause } from './books.ts';
import type { Jobs } from './jobs.ts';
import type { Alias, State } from './model.ts';
import { ArmRefusal, invalidContent, refuse } from './refusals.ts';
import type { PartnerDesk } from './subscriptions.ts';
import type { Switches } from './switches.ts';

export interface AliasParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  desk: PartnerDesk;
  partner: PartnerIdentity;
  billingAccount: string;
}

export interface Aliases {
  /** The next new aliases end as `Failed`. */
  failNext(times: number): void;
  /** The next requests for an alias are answered 429. */
  throttleNext(times: number, retryAfterS: number): void;
  /** Whether there was one of that name. */
  remove(name: string, cause: Cause): boolean;
  reset(): void;
}

const ALIAS = '/providers/Microsoft.Subscription/aliases/:alias';
const RULE = { namespace: 'Microsoft.Subscription' };
const HOUR_MS = 3_600_000;
const PAUSE_S = 15;

/**
 * New subscriptions for customers with an Azure plan. The alias is the caller's name for the wish, so the same name means
 * the same subscription. There are no headers to follow: the alias itself tells how far it is.
 *
 * @see https://learn.microsoft.com/azure/cost-management-billing/manage/programmatically-create-subscription-microsoft-partner-agreement
 */
export function defineAliases(parts: AliasParts): Aliases {
  const { api, clock, state, switches, books, jobs, desk, partner, billingAccount } = parts;
  const work = new Map<string, ReturnType<Jobs['start']>>();
  let requestedAt: number[] = [];
  let failures = 0;
  let throttled = { times: 0, retryAfterS: 0 };

  api.define('PUT', ALIAS, RULE, (request) => {
    const name = request.params.alias!;
    checkCaller(request);
    if (throttled.times > 0) {
      throttled.times -= 1;
      throw tooManyRequests(throttled.retryAfterS);
    }
    const known = state.aliases.get(name.toLowerCase());
    if (known !== undefined && known.state !== 'Failed') return { status: 200, body: view(known) };

    const properties = objectIn(request.fields(), 'properties');
    const displayName = requireText(properties, 'displayName');
    const workload = properties.workload ?? 'Production';
    if (workload !== 'Production' && workload !== 'DevTest')
      throw invalidContent(`Invalid workload '${JSON.stringify(workload)}'.`);
    const customerId = readBillingScope(requireText(properties, 'billingScope'));
    requestedAt = requestedAt.filter((at) => at > clock.now() - HOUR_MS);
    if (requestedAt.length >= switches.aliasesPerHour) {
      throw tooManyRequests(Math.ceil((requestedAt[0]! + HOUR_MS - clock.now()) / 1000));
    }
    requestedAt.push(clock.now());

    const alias: Alias = { name, tenantId: request.principal.tenantId, state: 'Accepted', displayName, customerId };
    state.aliases.set(name.toLowerCase(), alias);
    books.write('alias requested', request.cause, { alias: name, customerId, displayName });
    const fails = failures > 0;
    if (fails) failures -= 1;
    const job = jobs.start({ takesMs: switches.aliasTakesMs, steps: [() => settle(alias, fails)] });
    work.set(name.toLowerCase(), job);
    const headers = switches.sendRetryAfter ? { 'retry-after': String(PAUSE_S) } : {};
    return { status: 201, headers, body: view(alias) };
  });

  api.define('GET', ALIAS, RULE, (request) => ({ status: 200, body: view(find(request)) }));

  api.define('GET', '/providers/Microsoft.Subscription/aliases', RULE, ({ principal }) => ({
    status: 200,
    body: { value: [...state.aliases.values()].filter(({ tenantId }) => tenantId === principal.tenantId).map(view) },
  }));

  api.define('DELETE', ALIAS, RULE, (request): Reply => {
    checkCaller(request);
    return { status: remove(request.params.alias!, request.cause) ? 200 : 204 };
  });

  function remove(name: string, cause: Cause): boolean {
    const alias = state.aliases.get(name.toLowerCase());
    if (alias === undefined) return false;
    state.aliases.delete(alias.name.toLowerCase());
    books.write('alias deleted', cause, { alias: alias.name });
    return true;
  }

  function checkCaller({ principal }: Request): void {
    const isAllowed =
      principal.tenantId === partner.tenantId && (principal.kind === 'user' || switches.appMayCreateSubscriptions);
    if (isAllowed) return;
    throw refuse(403, 'UserNotAuthorized', 'User is not authorized to create subscriptions on this enrollment account');
  }

  function readBillingScope(scope: string): string {
    const match = /^\/providers\/Microsoft\.Billing\/billingAccounts\/([^/]+)\/customers\/([^/]+)$/i.exec(scope);
    const [, account, customerId] = match ?? [];
    const isKnown =
      account === billingAccount && desk.customers().some(({ id }) => id.toLowerCase() === customerId?.toLowerCase());
    if (!isKnown) throw refuse(400, 'BadRequest', `The billing scope '${scope}' is invalid or was not found.`);
    return customerId!.toLowerCase();
  }

  function settle(alias: Alias, fails: boolean): void {
    if (fails) {
      alias.state = 'Failed';
      return;
    }
    const id = randomUUID();
    try {
      desk.openSubscription(alias.customerId, { id, friendlyName: alias.displayName });
      alias.subscriptionId = id;
      alias.state = 'Succeeded';
    } catch {
      alias.state = 'Failed';
    }
  }

  function find({ params, principal }: Request): Alias {
    work.get(params.alias!.toLowerCase())?.look();
    const alias = state.aliases.get(params.alias!.toLowerCase());
    if (alias === undefined || alias.tenantId !== principal.tenantId) {
      throw refuse(404, 'NotFound', `Subscription alias '${params.alias}' not found.`);
    }
    return alias;
  }

  return {
    remove,
    failNext(times) {
      failures = times;
    },
    throttleNext(times, retryAfterS) {
      throttled = { times, retryAfterS };
    },
    reset() {
      work.clear();
      requestedAt = [];
      failures = 0;
      throttled = { times: 0, retryAfterS: 0 };
    },
  };
}

function tooManyRequests(retryAfterS: number): ArmRefusal {
  const message = `Too many requests. Please retry after ${retryAfterS} seconds.`;
  return new ArmRefusal(429, { code: 'TooManyRequests', message }, { 'retry-after': String(retryAfterS) });
}

function view({ name, state: provisioningState, subscriptionId, displayName }: Alias): object {
  return {
    id: `/providers/Microsoft.Subscription/aliases/${name}`,
    name,
    type: 'Microsoft.Subscription/aliases',
    properties: { subscriptionId: subscriptionId ?? null, displayName, provisioningState },
  };
}
