import type { BudgetState, RateLimit } from '../store/budget.ts';
import type { Throttle } from '../workflows/ops/standing.ts';

/**
 * Partner Center allows 500 calls a minute and partner; a tenth is left to people and other programs.
 * https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
 */
const PARTNER_CENTER_LIMIT = { calls: 450, inMs: 60_000 };
/** Where Cloudesire limits calls, it allows 5,000 a minute unless configured otherwise. https://github.com/ClouDesire/java-api-client */
const CLOUDESIRE_LIMIT = { calls: 4_500, inMs: 60_000 };
/**
 * Azure limits each principal in a subscription by token buckets: 250 reads, refilled at 25 a second, and 200 writes, refilled at 10. Calls
 * at the rate of the refill never empty them. A tenth is left to people.
 * https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
const ARM_READ_LIMIT = { calls: 225, inMs: 10_000 };
const ARM_WRITE_LIMIT = { calls: 180, inMs: 20_000 };

/** The upstreams whose outages are known. */
export const UPSTREAMS = ['cloudesire', 'partner-center', 'entra', 'arm'] as const;

/** Kinds of budget by the prefix of the name, longer prefixes first. */
const BUDGETS = [
  { begins: 'cloudesire', upstream: 'cloudesire', kind: 'account', limit: CLOUDESIRE_LIMIT },
  { begins: 'partner-center:customer:', upstream: 'partner-center', kind: 'customer', limit: PARTNER_CENTER_LIMIT },
  { begins: 'partner-center', upstream: 'partner-center', kind: 'partner', limit: PARTNER_CENTER_LIMIT },
  { begins: 'arm-read/', upstream: 'arm', kind: 'read', limit: ARM_READ_LIMIT },
  { begins: 'arm-write/', upstream: 'arm', kind: 'write', limit: ARM_WRITE_LIMIT },
] as const;

/** The limit of a budget, by its name; `undefined` for one of which this release knows nothing. */
export function limitOf(budget: string): RateLimit | undefined {
  return kindOf(budget)?.limit;
}

function kindOf(budget: string) {
  return BUDGETS.find(({ begins }) => budget.startsWith(begins));
}

/** The upstreams that have refused calls for a minute or more: until when, and how many orders queue for them. */
export function throttlesOf(budgets: BudgetState[]): Throttle[] {
  const refusing = budgets.filter(({ refusedUntil }) => refusedUntil !== undefined);
  const byUpstream = Map.groupBy(refusing, ({ budget }) => kindOf(budget)?.upstream);
  return [...byUpstream].flatMap(([upstream, those]) => {
    const until = those
      .map(({ refusedUntil = '' }) => refusedUntil)
      .toSorted()
      .at(-1);
    if (upstream === undefined || until === undefined) return [];
    return [{ upstream, until, waiting: those.reduce((sum, { waiting }) => sum + waiting, 0) }];
  });
}

/** Calls left of each kind of budget: those of the budget of that kind with the fewest left. */
export function budgetsLeft(budgets: BudgetState[]): { upstream: string; kind: string; left: number }[] {
  return BUDGETS.map(({ upstream, kind, begins, limit: { calls } }) => {
    const left = budgets
      .filter(({ budget }) => kindOf(budget)?.begins === begins)
      .map(({ limit, used, pausedUntil }) => (pausedUntil ? 0 : Math.max(0, limit - used)));
    return { upstream, kind, left: Math.min(calls, ...left) };
  });
}
