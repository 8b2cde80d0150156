import type { Clock } from '../core/clock.ts';
import { AZURE, type Books, type Cause } from './books.ts';
import { keyOf } from './ids.ts';
import type { Jobs } from './jobs.ts';
import type { AzureSubscription, State } from './model.ts';
import type { Roles } from './roles.ts';
import type { Switches } from './switches.ts';

/** Partner Center, as far as Azure deals with it. */
export interface PartnerDesk {
  /** Customers with an Azure plan. */
  customers(): { id: string; name: string }[];
  /** Adds a subscription to a customer's plan, which then comes to exist here. @throws {Error} without such a plan */
  openSubscription(customerId: string, facts: { id: string; friendlyName: string }): void;
  setSubscriptionStatus(id: string, status: 'active' | 'inactive'): void;
  renameSubscription(id: string, friendlyName: string): void;
}

export interface SubscriptionParts {
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  roles: Roles;
  desk: PartnerDesk;
  /** Stops what runs in a subscription that is disabled. */
  stopEverything: (subscription: AzureSubscription) => void;
  /** Deletes what is left in one that is deleted. */
  deleteEverything: (subscription: AzureSubscription) => void;
}

export interface Subscriptions {
  create(facts: { id: string; tenantId: string; displayName: string }, cause: Cause): AzureSubscription;
  /** Cancels: disabled after a while, deleted 90 days later unless it is enabled before. */
  cancel(subscription: AzureSubscription, cause: Cause): void;
  enable(subscription: AzureSubscription, cause: Cause): void;
  rename(subscription: AzureSubscription, name: string, cause: Cause): void;
  /** Changes the state at once, with what follows from it. */
  setState(subscription: AzureSubscription, to: AzureSubscription['state'], cause: Cause): void;
}

/**
 * Azure subscriptions of the partner's customers: they belong to the customer's tenant, and the partner's admin agents own
 * them.
 *
 * @see https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states
 */
export function createSubscriptions(parts: SubscriptionParts): Subscriptions {
  const { clock, state, switches, books, jobs, roles, desk, stopEverything, deleteEverything } = parts;

  function setState(subscription: AzureSubscription, to: AzureSubscription['state'], cause: Cause): void {
    const from = subscription.state;
    if (from === to || from === 'Deleted') return;
    subscription.state = to;
    const facts = { subscriptionId: subscription.id };
    if (to === 'Disabled') {
      books.write('subscription disabled', cause, facts);
      stopEverything(subscription);
      desk.setSubscriptionStatus(subscription.id, 'inactive');
      const disabledAt = clock.now();
      subscription.disabledAt = disabledAt;
      jobs.at(disabledAt + switches.subscriptionKeptAfterCancelMs, () => {
        if (subscription.disabledAt === disabledAt) setState(subscription, 'Deleted', AZURE);
      });
    } else if (to === 'Deleted') {
      books.write('subscription deleted', cause, facts);
      deleteEverything(subscription);
    } else {
      delete subscription.disabledAt;
      if (from === 'Disabled') {
        books.write('subscription enabled', cause, facts);
        desk.setSubscriptionStatus(subscription.id, 'active');
      }
    }
  }

  return {
    setState,

    create({ id, tenantId, displayName }, cause) {
      const now = clock.now();
      const subscription: AzureSubscription = {
        id: keyOf(id),
        tenantId: keyOf(tenantId),
        displayName,
        state: 'Enabled',
        createdAt: now,
        visibleAt: now + switches.subscriptionVisibleAfterMs,
        tags: {},
        registrations: new Map(),
      };
      state.subscriptions.set(subscription.id, subscription);
      roles.addForeignPrincipal(subscription, switches.foreignPrincipalDelayMs);
      books.write('subscription created', cause, { subscriptionId: subscription.id, tenantId, displayName });
      return subscription;
    },

    cancel(subscription, cause) {
      books.write('subscription cancelled', cause, { subscriptionId: subscription.id });
      jobs.at(clock.now() + switches.subscriptionStateDelayMs, () => setState(subscription, 'Disabled', cause));
    },

    enable(subscription, cause) {
      jobs.at(clock.now() + switches.subscriptionStateDelayMs, () => setState(subscription, 'Enabled', cause));
    },

    rename(subscription, name, cause) {
      subscription.displayName = name;
      desk.renameSubscription(subscription.id, name);
      books.write('subscription renamed', cause, { subscriptionId: subscription.id, displayName: name });
    },
  };
}
