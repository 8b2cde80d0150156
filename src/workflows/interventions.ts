import { PermanentError } from '../lib/errors.ts';
import type { SubscriptionRecord } from './record.ts';

/** Who of operations wants something, and why. */
export interface Press {
  by: string;
  reason: string;
}

/**
 * What operations have decided about a subscription until they say otherwise. `held`: nothing is sent for it; it is only waited.
 * `detached`: people look after it from now on, so that it is neither read nor changed; its record stays.
 */
export interface Intervention extends Press {
  kind: 'held' | 'detached';
  /** ISO instant. */
  at: string;
}

/** Which subscriptions are held or detached. */
export interface Interventions {
  get(subscriptionId: number): Promise<Intervention | undefined>;
  all(): Promise<Map<number, Intervention>>;
  set(subscriptionId: number, intervention: Intervention): Promise<void>;
  lift(subscriptionId: number): Promise<void>;
}

export type Action = 'look' | 'retry' | 'hold' | 'release' | 'detach' | 'attach';

/** Which actions make sense for a subscription as it stands. */
export function actionsFor(record: SubscriptionRecord, intervention: Intervention | undefined): Action[] {
  if (intervention?.kind === 'detached') return ['attach'];
  if (intervention) return ['release', 'detach'];
  const { state, troubledSince } = record;
  // What went on since it failed has nothing to be begun anew: the last error is only remembered.
  const mayRetry =
    ['needs-attention', 'failed', 'retrying'].includes(state) || (state === 'waiting' && !!troubledSince);
  return ['look', ...(mayRetry ? (['retry'] as const) : []), 'hold', 'detach'];
}

/**
 * Says whether an action can be carried out.
 *
 * @throws {PermanentError} `ops.detached`, `ops.held`, `ops.not-held`, `ops.not-detached`: a sentence about what comes first
 */
export function assertPossible(action: Action, subscriptionId: number, intervention: Intervention | undefined): void {
  const refuse = (code: string, message: string): never => {
    throw new PermanentError(code, message, { effect: 'none' });
  };
  if (action === 'attach') {
    if (intervention?.kind === 'detached') return;
    refuse('ops.not-detached', `Subscription ${subscriptionId} is not detached.`);
  }
  if (intervention?.kind === 'detached') {
    refuse('ops.detached', `Subscription ${subscriptionId} is detached: attach it first.`);
  }
  if (action === 'release' && !intervention) refuse('ops.not-held', `Subscription ${subscriptionId} is not held.`);
  if (action === 'hold' && intervention) {
    refuse('ops.held', `Subscription ${subscriptionId} is held already: release it first to give another reason.`);
  }
  if ((action === 'look' || action === 'retry') && intervention) {
    refuse('ops.held', `Subscription ${subscriptionId} is held: release it, and it is looked at at once.`);
  }
}
