import type { Clock } from '../core/clock.ts';
import { DAY_MS } from './calendar.ts';
import type { Events, EventType } from './events.ts';
import type { Actor, DeploymentStatus, Subscription } from './model.ts';
import { refusal } from './refusal.ts';
import { pick, type State } from './state.ts';
import type { Switches } from './switches.ts';

/** Who does something, and the request that carried it. */
export interface Cause {
  by: Actor;
  user?: number;
  requestId?: string;
}

export const PLATFORM: Cause = { by: 'platform' };

/** States in which there is something to take down. */
export const TERMINABLE: readonly DeploymentStatus[] = [
  'PENDING',
  'DEPLOYED',
  'FAILED',
  'STOPPED',
  'POST_CONFIGURATION',
];

export type Transitions = ReturnType<typeof createTransitions>;

/**
 * Returns the steps from one `deploymentStatus` to another, with their events, history and timers in virtual time. A
 * timer looks at the status again before it acts, since a lot can happen in between.
 */
export function createTransitions(parts: { clock: Clock; state: State; switches: Switches; events: Events }) {
  const { clock, state, switches, events } = parts;
  const timers = new Map<number, Map<string, () => void>>();

  function find(id: number): Subscription {
    return pick(state.subscriptions, 'Subscription', id);
  }

  function requireDeployed(subscription: Subscription): void {
    if (subscription.deploymentStatus !== 'DEPLOYED') {
      throw refusal(409, `Subscription ${subscription.id} is not deployed`);
    }
  }

  /** Runs `task` at an instant; the same name again for the same subscription replaces the earlier timer. */
  function schedule(subscription: Subscription, name: string, at: number, task: () => void): void {
    const own = timers.get(subscription.id) ?? new Map<string, () => void>();
    timers.set(subscription.id, own);
    own.get(name)?.();
    own.set(name, clock.at(at, task));
  }

  function cancelTimers(subscription: Subscription): void {
    for (const cancel of timers.get(subscription.id)?.values() ?? []) cancel();
    timers.delete(subscription.id);
  }

  function emit(subscription: Subscription, type: EventType): void {
    events.emit({ entity: 'Subscription', id: subscription.id, type, product: subscription.product });
  }

  function touch(subscription: Subscription): void {
    subscription.updatedAt = clock.now();
  }

  function setStatus(subscription: Subscription, to: DeploymentStatus, cause: Cause): void {
    const change = {
      ...(subscription.statusHistory.length === 0 ? {} : { from: subscription.deploymentStatus }),
      to,
      by: cause.by,
      ...(cause.requestId === undefined ? {} : { requestId: cause.requestId }),
    };
    subscription.deploymentStatus = to;
    subscription.statusHistory.push({ at: new Date(clock.now()).toISOString(), ...change });
    touch(subscription);
    state.note('status-changed', { subscription: subscription.id, ...change });
  }

  /** Asks the connector to take the subscription down. */
  function undeploy(subscription: Subscription, cause: Cause): void {
    cancelTimers(subscription);
    subscription.autoRenew = false;
    setStatus(subscription, 'UNDEPLOY_SENT', cause);
    if (switches.deletedEvent === 'instead-of-undeploy-sent') {
      subscription.deleted = true;
      emit(subscription, 'DELETED');
    } else {
      emit(subscription, 'MODIFIED');
    }
  }

  /** Takes the connector's word that everything is gone; the platform confirms it with `DELETED`. */
  function finishUndeployment(subscription: Subscription, cause: Cause): void {
    setStatus(subscription, 'UNDEPLOYED', cause);
    if (switches.deletedEvent === 'instead-of-undeploy-sent') return;
    subscription.deleted = true;
    emit(subscription, 'DELETED');
  }

  /** Suspends for non-payment; left unpaid, the subscription is undeployed some days later. */
  function suspend(subscription: Subscription): void {
    setStatus(subscription, 'STOPPED', PLATFORM);
    schedule(subscription, 'undeploy-unpaid', clock.now() + switches.undeployDelayDays * DAY_MS, () => {
      if (subscription.deploymentStatus === 'STOPPED') undeploy(subscription, PLATFORM);
    });
    emit(subscription, 'MODIFIED');
  }

  function resume(subscription: Subscription): void {
    setStatus(subscription, switches.resumeTo, PLATFORM);
    emit(subscription, 'MODIFIED');
  }

  return {
    find,
    requireDeployed,
    schedule,
    emit,
    touch,
    setStatus,
    undeploy,
    finishUndeployment,
    suspend,
    resume,

    reset(): void {
      for (const own of timers.values()) for (const cancel of own.values()) cancel();
      timers.clear();
    },
  };
}
