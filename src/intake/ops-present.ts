import type { z } from 'zod';
import type {
  OpsAuditEntry,
  OpsBudgets,
  OpsCustomer,
  OpsExposure,
  OpsQuarantined,
  OpsSubscription,
} from './ops-answers.ts';
import type {
  OpsAudited,
  OpsExposed,
  OpsKept,
  OpsKnownCustomer,
  OpsLimits,
  OpsRecord,
  OpsStory,
} from './ops-operations.ts';

/* What is known, put into what operations are answered. */

function presentError(error: OpsRecord['lastError']): OpsSubscription['lastError'] {
  if (!error) return null;
  const { code, message, at, cure = 'look' } = error;
  return { code, message, at, cure };
}

/** Every field is always there, `null` when there is nothing to say. */
export function presentRecord(record: OpsRecord): OpsSubscription {
  const { intervention } = record;
  const decided = intervention && { by: intervention.by, reason: intervention.reason, at: intervention.at };
  return {
    subscriptionId: record.subscriptionId,
    productType: record.productType ?? null,
    state: record.state,
    operation: record.operation ?? null,
    step: record.step ?? null,
    waitingFor: record.waitingFor ?? null,
    since: record.since,
    attempts: record.attempts,
    lastError: presentError(record.lastError),
    fulfillment: record.fulfillment ? { ...record.fulfillment } : null,
    why: record.why ?? null,
    held: (intervention?.kind === 'held' && decided) || null,
    detached: (intervention?.kind === 'detached' && decided) || null,
    failingSince: record.troubledSince ?? null,
    nextTryAt: record.nextTryAt ?? null,
    deadlineAt: record.deadlineAt ?? null,
    product: record.productId === undefined ? null : { id: record.productId, name: record.productName ?? null },
  };
}

/** With its story, and what can be done now. */
export function presentStory({ timeline, actions, queuedSince, ...record }: OpsStory) {
  return { ...presentRecord(record), queuedSince: queuedSince ?? null, timeline, actions };
}

/** Prices are before tax; what is still to come is `perPeriod` for every billing period that is left until `until`. */
export function presentExposure({ price, seats, ...exposure }: OpsExposed): OpsExposure {
  return {
    subscriptionId: exposure.subscriptionId,
    customer: exposure.owner ?? null,
    customerId: exposure.customerId ?? null,
    partnerSubscriptionId: exposure.partnerSubscriptionId,
    offerId: exposure.offerId ?? null,
    seats,
    until: exposure.until ?? null,
    billingCycle: exposure.billingCycle ?? null,
    price: price
      ? { perSeat: price.amount, perPeriod: roundToCents(price.amount * seats), currency: price.currency }
      : null,
  };
}

function roundToCents(amount: number): number {
  return Math.round(amount * 100) / 100;
}

export function presentCustomer(customer: OpsKnownCustomer): z.infer<typeof OpsCustomer> {
  const { owner, customerId, domain, agreement, subscriptions } = customer;
  return { owner, customerId: customerId ?? null, domain: domain ?? null, agreement, subscriptions };
}

export function presentQuarantined(kept: OpsKept): z.infer<typeof OpsQuarantined> {
  const { digest, sizeBytes, reason, count, firstAt, lastAt } = kept;
  return { id: digest, digest, at: lastAt, firstAt, count, reason, sizeBytes };
}

export function presentLimits({ budgets, circuits }: OpsLimits): z.infer<typeof OpsBudgets> {
  return {
    items: budgets.map(({ pausedUntil, refusedUntil, ...budget }) => ({
      ...budget,
      pausedUntil: pausedUntil ?? null,
      refusedUntil: refusedUntil ?? null,
    })),
    circuits: circuits.map(({ upstream, openSince, nextProbeAt }) => ({
      upstream,
      openSince: openSince ?? null,
      nextProbeAt: nextProbeAt ?? null,
    })),
  };
}

export function presentAuditEntry({
  at,
  by,
  action,
  reason,
  outcome,
  ...rest
}: OpsAudited): z.infer<typeof OpsAuditEntry> {
  const { subscriptionId, target, code, subscriptionIds } = rest;
  return {
    at,
    by,
    action,
    subscriptionId: subscriptionId ?? null,
    target: target ?? null,
    subscriptionIds: subscriptionIds ?? [],
    reason,
    outcome,
    code: code ?? null,
  };
}
