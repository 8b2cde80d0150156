import { aborted } from '../lib/aborted.ts';
import type { Alerts } from '../lib/alerts.ts';
import { AttentionError, ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { ObjectionCode, Params } from '../report/texts/texts.ts';
import type { SubscriptionSummary } from '../upstreams/cloudesire/schema.ts';

/** An order that the marketplace asks about before it takes it. */
export interface ProposedOrder {
  /** `NORMAL`, `TRIAL`, `SYNDICATED_UPGRADE` …; the marketplace may know others. */
  orderType: string;
  productId: number;
  /** With a change of plan, the new one. */
  planId: number;
  /** What is ordered of each extra resource, such as seats. */
  extraResources: SubscriptionSummary['extraResources'];
  /** What the customer entered, by code. May hold secrets. */
  parameters: Record<string, string>;
  /** Unknown for an estimate that a visitor asks for. */
  buyerId?: number | undefined;
  /** What is to be changed or ended. */
  subscriptionId?: number | undefined;
}

/** What speaks against an order, to be told to the customer. */
export interface Objection {
  code: ObjectionCode;
  params: Params;
}

/** The checks of one order, for which there is little time. */
export interface Checks {
  /**
   * Makes a check and returns what it found; `undefined` when it speaks against the order, which is kept as an objection, and
   * when it came to nothing or is not done in time: then the matter stays open, and the order is not refused for it.
   */
  make<T>(name: string, check: () => Promise<T>): Promise<T | undefined>;
  /** Says that something speaks against the order. */
  object(code: ObjectionCode, params?: Params): void;
  /** What has been found so far, each matter once. */
  objections(): Objection[];
}

export interface CheckParts {
  log: Log;
  alerts: Pick<Alerts, 'bug'>;
}

/**
 * The failures of fulfilment that are known before it: what the customer reads for each. All others say nothing about the
 * order, such as an upstream that is away, or that does not know us.
 */
const OBJECTIONS: Record<string, ObjectionCode> = {
  'plan.unknown': 'plan.not-available',
  'plan.unreadable': 'plan.not-available',
  'plan.not-configured': 'plan.not-available',
  'plan.offer-malformed': 'plan.not-available',
  'plan.term-unsupported': 'plan.not-available',
  'plan.seats-not-sold': 'order.seats-missing',
  'plan.change-not-possible': 'plan.change-not-possible',
  'offer.not-found': 'offer.not-sold',
  'offer.not-sold-like-this': 'offer.not-sold',
  // The partner may not sell to this segment. https://learn.microsoft.com/partner-center/developer/error-codes
  'partner-center.400030': 'offer.not-sold',
  'order.parameter-invalid': 'order.parameter-invalid',
  'order.quantity-invalid': 'order.quantity-invalid',
  'order.quantity-out-of-bounds': 'order.quantity-out-of-bounds',
  'order.term-end-not-allowed': 'order.term-end-not-allowed',
  'customer.company-required': 'customer.company-required',
  'customer.data-missing': 'customer.data-missing',
  'customer.data-refused': 'customer.data-refused',
  'customer.tenant-of-another': 'customer.tenant-of-another',
};

/** What only the operator of the marketplace can cure in a template. A host that is away has another first word. */
const TEMPLATE_FLAW = /^template\./;

function objectionTo(code: string): ObjectionCode | undefined {
  return OBJECTIONS[code] ?? (TEMPLATE_FLAW.test(code) ? 'plan.not-available' : undefined);
}

/** Returns the checks of one order. All of them end when the signal aborts, at the latest. */
export function createChecks({ log, alerts }: CheckParts, signal: AbortSignal): Checks {
  const found = new Map<ObjectionCode, Objection>();
  const timeIsUp = aborted(signal);

  function judge(check: string, error: unknown): void {
    const code = error instanceof ConnectorError ? objectionTo(error.code) : undefined;
    if (error instanceof ConnectorError && code !== undefined) {
      found.set(code, { code, params: error.params });
      // What only operations can cure costs sales until they do.
      const level = error instanceof AttentionError ? 'warn' : 'info';
      log[level]({ err: error, check, objection: code }, 'check speaks against the order');
    } else if (signal.aborted) {
      log.warn({ check }, 'order not checked in time');
    } else if (error instanceof ConnectorError) {
      log.warn({ err: error, check }, 'order could not be checked');
    } else {
      alerts.bug(error);
    }
  }

  return {
    async make<T>(name: string, check: () => Promise<T>): Promise<T | undefined> {
      if (signal.aborted) return undefined;
      try {
        return await Promise.race([check(), timeIsUp]);
      } catch (error) {
        judge(name, error);
        return undefined;
      }
    },
    object: (code, params = {}) => void found.set(code, { code, params }),
    objections: () => [...found.values()],
  };
}
