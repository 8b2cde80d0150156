import type { Clock } from '../core/clock.ts';
import { type Books, type Cause, MICROSOFT } from './books.ts';
import { newGuid } from './identifiers.ts';
import type { Entitlement, State, Subscription } from './model.ts';

const MACHINE_COST_PER_HOUR = 0.21;

export interface AzureParts {
  clock: Clock;
  state: State;
  books: Books;
}

export interface Azure {
  /** A new plan comes with one Azure subscription. */
  openPlan(plan: Subscription): void;
  addEntitlement(plan: Subscription, facts: { id?: string; friendlyName?: string }, cause: Cause): Entitlement;
  hasActiveEntitlements(plan: Subscription): boolean;
}

/** The Azure subscriptions below Azure plans. */
export function createAzure({ clock, state, books }: AzureParts): Azure {
  function addEntitlement(
    plan: Subscription,
    facts: { id?: string; friendlyName?: string },
    cause: Cause,
  ): Entitlement {
    const entitlement: Entitlement = {
      id: (facts.id ?? newGuid()).toLowerCase(),
      customerId: plan.customerId,
      planId: plan.id,
      friendlyName: facts.friendlyName ?? 'Microsoft Azure',
      status: 'active',
      periods: [{ from: clock.now() }],
      machineCostPerHour: MACHINE_COST_PER_HOUR,
    };
    state.entitlements.set(entitlement.id, entitlement);
    const { id: entitlementId, planId, customerId, friendlyName } = entitlement;
    books.write('entitlement created', cause, { entitlementId, planId, customerId, friendlyName });
    return entitlement;
  }

  return {
    addEntitlement,
    openPlan(plan) {
      addEntitlement(plan, {}, MICROSOFT);
    },
    hasActiveEntitlements(plan) {
      return [...state.entitlements.values()].some(({ planId, status }) => planId === plan.id && status === 'active');
    },
  };
}
