import type { Clock } from '../core/clock.ts';
import { type Books, type Cause, MICROSOFT } from './books.ts';
import { newGuid } from './identifiers.ts';
import type { Entitlement, State, Subscription } from './model.ts';

const MACHINE_COST_PER_HOUR = 0.21;

/** What one Azure resource cost in the current month, in the partner's currency. */
export interface ResourceCost {
  entitlementId: string;
  uri: string;
  type: string;
  resourceGroup: string;
  name: string;
  meter: 'machine' | 'storage' | 'other';
  hours: number;
  cost: number;
}

/** Azure Resource Manager, as far as Partner Center deals with it: it keeps the subscriptions below the Azure plans. */
export interface AzureLink {
  subscriptionCreated(subscription: { id: string; customerId: string; friendlyName: string }): void;
  subscriptionStatusChanged(id: string, status: Entitlement['status']): void;
  /** Costs since an instant, by resource; `machineCostPerHour` is what a running virtual machine costs. */
  costs(subscriptionId: string, since: { fromMs: number; machineCostPerHour: number }): ResourceCost[];
}

export interface AzureParts {
  clock: Clock;
  state: State;
  books: Books;
  azureLink?: AzureLink | undefined;
}

export interface Azure {
  /** A new plan comes with one Azure subscription. */
  openPlan(plan: Subscription): void;
  addEntitlement(plan: Subscription, facts: { id?: string; friendlyName?: string }, cause: Cause): Entitlement;
  hasActiveEntitlements(plan: Subscription): boolean;
  /** Changes the status at once, and the periods in which the Azure subscription costs money. */
  setStatus(entitlement: Entitlement, status: Entitlement['status']): void;
}

/** The Azure subscriptions below Azure plans. */
export function createAzure({ clock, state, books, azureLink }: AzureParts): Azure {
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
    azureLink?.subscriptionCreated({ id: entitlementId, customerId, friendlyName });
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

    setStatus(entitlement, status) {
      if (entitlement.status === status) return;
      entitlement.status = status;
      const open = entitlement.periods.at(-1);
      if (status === 'active') entitlement.periods.push({ from: clock.now() });
      else if (open !== undefined && open.to === undefined) open.to = clock.now();
      azureLink?.subscriptionStatusChanged(entitlement.id, status);
    },
  };
}

/** What Azure Resource Manager asks of Partner Center, and tells it. */
export interface AzureDesk {
  /** Customers with an Azure plan that is not ended, as the partner's billing account lists them. */
  customers(): { id: string; name: string }[];
  /** Adds an Azure subscription to the customer's plan. @throws {Error} when there is no such plan */
  openSubscription(customerId: string, facts: { id: string; friendlyName: string }): void;
  /** The subscription was cancelled or enabled in Azure itself. */
  setSubscriptionStatus(id: string, status: Entitlement['status']): void;
  renameSubscription(id: string, friendlyName: string): void;
}

export function createAzureDesk({ state, azure }: { state: State; azure: Azure }): AzureDesk {
  const planOf = (customerId: string): Subscription | undefined =>
    [...state.subscriptions.values()].find(
      (subscription) =>
        subscription.customerId === customerId && subscription.kind === 'plan' && subscription.status === 'active',
    );

  return {
    customers: () =>
      [...state.customers.values()]
        .filter(({ id, related }) => related && planOf(id) !== undefined)
        .map(({ id, companyName }) => ({ id, name: companyName })),

    openSubscription(customerId, facts) {
      const plan = planOf(customerId.toLowerCase());
      if (plan === undefined) throw new Error(`The customer ${customerId} has no Azure plan.`);
      azure.addEntitlement(plan, facts, { by: 'partner' });
    },

    setSubscriptionStatus(id, status) {
      const entitlement = state.entitlements.get(id.toLowerCase());
      if (entitlement !== undefined) azure.setStatus(entitlement, status);
    },

    renameSubscription(id, friendlyName) {
      const entitlement = state.entitlements.get(id.toLowerCase());
      if (entitlement !== undefined) entitlement.friendlyName = friendlyName;
    },
  };
}
