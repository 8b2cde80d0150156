import type { Clock } from '../core/clock.ts';
import type { Addresses, AddressStatus } from './addresses.ts';
import type { Agreements } from './agreements.ts';
import type { Azure } from './azure.ts';
import { ADMIN, type Books, CUSTOMER, MICROSOFT } from './books.ts';
import type { Carts } from './carts.ts';
import type { Catalog } from './catalog.ts';
import { findCountry } from './countries.ts';
import type { FraudEvents } from './fraud.ts';
import { isGuid, newEtag, newGuid } from './identifiers.ts';
import type { Attestation, Customer, Entitlement, Order, OrderStatus, State, Subscription } from './model.ts';
import { ORDER_STATUSES } from './model.ts';
import type { OrderOutcome, Orders } from './orders.ts';
import type { SubscriptionChanges } from './subscription-changes.ts';
import type { SubscriptionLedger } from './subscription-ledger.ts';
import type { Subscriptions } from './subscriptions.ts';
import { changeSwitches, type Switches } from './switches.ts';
import type { TermEnd } from './term-end.ts';
import type { Transitions } from './transitions.ts';
import type { Webhooks } from './webhooks.ts';

export interface ControlParts {
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  catalog: Catalog;
  addresses: Addresses;
  agreements: Agreements;
  azure: Azure;
  carts: Carts;
  fraud: FraudEvents;
  orders: Orders;
  changes: SubscriptionChanges;
  ledger: SubscriptionLedger;
  subscriptions: Subscriptions;
  termEnd: TermEnd;
  transitions: Transitions;
  webhooks: Webhooks;
  onTenant: (tenant: { id: string; domain: string }) => void;
}

/**
 * What people do outside the API, named as in the field, and how the emulator is made to behave. All of it happens at
 * once, in virtual time; ids are those of Partner Center.
 *
 * @throws {Error} from each of them when the thing it names does not exist
 */
export function createControls(parts: ControlParts) {
  const { clock, state, switches, books, catalog, addresses, agreements, azure, carts, orders } = parts;
  const { changes, ledger, subscriptions, termEnd, webhooks } = parts;

  function customerOf(customerId: string): Customer {
    const customer = state.customers.get(customerId.toLowerCase());
    if (customer === undefined) throw new Error(`There is no customer ${customerId}.`);
    return customer;
  }

  function subscriptionOf(subscriptionId: string): Subscription {
    const subscription = state.subscriptions.get(subscriptionId.toLowerCase());
    if (subscription === undefined) throw new Error(`There is no subscription ${subscriptionId}.`);
    return subscription;
  }

  function orderOf(orderId: string): Order {
    const order = state.orders.get(orderId.toLowerCase());
    if (order === undefined) throw new Error(`There is no order ${orderId}.`);
    return order;
  }

  /** An attestation by its id, or the newest pending one of a customer, by customer id or company name. */
  function attestationOf(attestationOrCustomer: string): Attestation {
    const byId = state.attestations.get(attestationOrCustomer.toLowerCase());
    if (byId !== undefined) return byId;
    const customer = isGuid(attestationOrCustomer)
      ? state.customers.get(attestationOrCustomer.toLowerCase())
      : undefined;
    const companyName = customer?.companyName ?? attestationOrCustomer;
    const pending = [...state.attestations.values()].filter(
      (attestation) => attestation.status === 'pending' && attestation.companyName === companyName,
    );
    const newest = pending.at(-1);
    if (newest === undefined) throw new Error(`There is no pending attestation of ${attestationOrCustomer}.`);
    return newest;
  }

  function tenantOf(domain: string): Customer {
    const tenant = [...state.customers.values()].find((customer) => customer.domain === domain.toLowerCase());
    if (tenant === undefined) throw new Error(`There is no tenant ${domain}.`);
    return tenant;
  }

  function noteByHand(subscription: Subscription, property: string, before: unknown, after: unknown): object {
    termEnd.arm(subscription);
    ledger.note('subscription changed', subscription, ADMIN, { changes: [{ property, before, after }] });
    return subscriptions.view(subscription);
  }

  return {
    /** The customer accepts the agreement on the page that an attestation opens. */
    acceptAttestation(attestationOrCustomer: string): { attestationId: string } {
      const attestation = attestationOf(attestationOrCustomer);
      agreements.accept(attestation);
      return { attestationId: attestation.id };
    },

    /** Customers who accept as soon as an attestation exists; those that wait now are accepted too. */
    acceptAllAttestations(on: boolean): void {
      agreements.acceptAll(on);
    },

    expireAttestation(attestationOrCustomer: string): { attestationId: string } {
      const attestation = attestationOf(attestationOrCustomer);
      agreements.expire(attestation);
      return { attestationId: attestation.id };
    },

    /** The customer signs the agreement in the admin center, or is made not to have done so. */
    signDirectly(customerId: string, signed: boolean): void {
      const customer = customerOf(customerId);
      customer.signedDirectly = signed;
      if (signed) books.write('agreement signed directly', CUSTOMER, { customerId: customer.id });
    },

    /** Microsoft publishes a new text: what was accepted so far stays listed but no longer lets the customer buy. */
    requireReacceptance(customerId: string): void {
      const customer = customerOf(customerId);
      customer.signedDirectly = false;
      for (const agreement of customer.agreements) agreement.superseded = true;
    },

    /** The result of the vetting, e.g. `UnderReview`; null for none. */
    setVetting(customerId: string, status: string | null): void {
      const customer = customerOf(customerId);
      if (status === null) delete customer.vetting;
      else customer.vetting = { status, changedAt: clock.now() };
    },

    lockCustomer(customerId: string, locked: boolean): void {
      customerOf(customerId).locked = locked;
    },

    /** The result of a qualification, e.g. `Education`, `Approved`. */
    setQualification(customerId: string, qualification: string, vettingStatus: string): void {
      const customer = customerOf(customerId);
      const others = customer.qualifications.filter((one) => one.qualification !== qualification);
      customer.qualifications = [...others, { qualification, vettingStatus, createdAt: clock.now() }];
    },

    /** A tenant of a company that is not yet a customer; returns its id. */
    addExistingTenant(tenant: { domain: string; companyName: string; country: string }): { customerId: string } {
      const domain = tenant.domain.toLowerCase();
      const country = tenant.country.toUpperCase();
      const culture = findCountry(country)?.defaultCulture;
      if (culture === undefined) throw new Error(`The emulator knows no country ${country}.`);
      if (state.takenDomains.has(domain)) throw new Error(`The domain ${domain} is taken.`);
      const id = newGuid();
      const { companyName } = tenant;
      const language = culture.slice(0, 2);
      state.takenDomains.add(domain);
      state.customers.set(id, {
        id,
        commerceId: newGuid(),
        domain,
        companyName,
        country,
        related: false,
        readableAt: 0,
        billingProfile: { id: newGuid(), etag: newEtag(), culture, language, companyName, defaultAddress: { country } },
        agreements: [],
        signedDirectly: false,
        locked: false,
        qualifications: [],
        trialsUsed: new Set(),
      });
      parts.onTenant({ id, domain });
      return { customerId: id };
    },

    /** An administrator of the tenant opens the invitation and accepts, with or without signing the agreement there. */
    acceptRelationship(domain: string, options: { signAgreement?: boolean } = {}): { customerId: string } {
      const customer = tenantOf(domain);
      customer.related = true;
      books.write('relationship accepted', CUSTOMER, { customerId: customer.id, domain: customer.domain });
      if (options.signAgreement === true) {
        customer.signedDirectly = true;
        books.write('agreement signed directly', CUSTOMER, { customerId: customer.id });
      }
      webhooks.announce('reseller-relationship-accepted-by-customer', {
        path: `/v1/customers/${customer.id}`,
        resource: 'Customer',
        ids: [customer.id, 'resellerrelationshipacceptedbycustomer'],
      });
      return { customerId: customer.id };
    },

    /** Somebody unknown owns the domain. */
    takeDomain(domain: string): void {
      state.takenDomains.add(domain.toLowerCase());
    },

    /** Lets the next `times` address checks come out this way. */
    answerAddressWith(status: AddressStatus, times = 1): void {
      addresses.answerWith(status, times);
    },

    setOrderDelayMs(delayMs: number): void {
      switches.orderDelayMs = delayMs;
    },

    /** Lets the next `times` orders come out this way. */
    forceOrderOutcome(outcome: OrderOutcome, times = 1): void {
      orders.force(outcome, times);
    },

    /** Microsoft ends the review of an order, or whatever else it waits for. */
    settleOrder(orderId: string, status: OrderStatus): object {
      if (!ORDER_STATUSES.includes(status)) throw new Error(`An order is one of ${ORDER_STATUSES.join(', ')}.`);
      const order = orderOf(orderId);
      orders.settle(order, status, MICROSOFT);
      return orders.view(order);
    },

    /** While held, checkouts stay in progress, and a second one of the same cart gets 409. */
    holdCheckouts(on: boolean): void {
      carts.holdCheckouts(on);
    },

    setSwitches(values: Partial<Switches>): Switches {
      return { ...changeSwitches(switches, values) };
    },

    /** The SKU is sold no more: its availabilities are gone. */
    retireSku(productId: string, skuId: string): void {
      catalog.retire(productId, skuId);
    },

    setSkuBounds(
      productId: string,
      skuId: string,
      bounds: { minimumQuantity?: number; maximumQuantity?: number },
    ): void {
      catalog.setBounds(productId, skuId, bounds);
    },

    /** Renames all availabilities at once, as happens by itself every day. */
    rotateAvailabilities(): void {
      catalog.rotate();
    },

    /** Microsoft suspends a subscription, e.g. for suspected fraud; only Microsoft can lift that. */
    suspendByMicrosoft(subscriptionId: string, reason: string): object {
      const subscription = subscriptionOf(subscriptionId);
      const before = subscription.status;
      Object.assign(subscription, { status: 'suspended', statusSince: clock.now(), autoRenew: false });
      subscription.suspendedByMicrosoft = true;
      subscription.suspensionReasons = [reason];
      delete subscription.nextTerm;
      delete subscription.actions;
      termEnd.arm(subscription);
      const facts = { changes: [{ property: 'status', before, after: 'suspended' }], reason };
      ledger.note('subscription changed', subscription, MICROSOFT, facts);
      return subscriptions.view(subscription);
    },

    /** Microsoft clears the reason; the partner may then reactivate. */
    clearSuspension(subscriptionId: string): void {
      const subscription = subscriptionOf(subscriptionId);
      subscription.suspendedByMicrosoft = false;
      subscription.suspensionReasons = [];
    },

    /** Somebody cancels in the portal, whatever the window says. */
    cancelByHand(subscriptionId: string): object {
      const subscription = subscriptionOf(subscriptionId);
      subscriptions.end(subscription, 'deleted', ADMIN, 'cancelled by hand');
      return subscriptions.view(subscription);
    },

    changeQuantityByHand(subscriptionId: string, seats: number): object {
      const subscription = subscriptionOf(subscriptionId);
      const before = subscription.quantity;
      changes.setSeats(subscription, seats);
      // Like any change within the term, it drops what was scheduled for its end.
      delete subscription.actions;
      delete subscription.nextTerm;
      return noteByHand(subscription, 'quantity', before, seats);
    },

    /** Somebody moves a subscription to another SKU, as `product:sku`, or to another term or billing cycle. */
    changeItemByHand(
      subscriptionId: string,
      item: { offer?: string; termDuration?: string; billingCycle?: string },
    ): object {
      const subscription = subscriptionOf(subscriptionId);
      const before = subscription.catalogItemId;
      const { offer, ...terms } = item;
      Object.assign(subscription, terms);
      if (offer !== undefined) {
        const [productId = '', skuId = ''] = offer.split(':');
        const catalogItemId = catalog.currentItemId(productId, skuId, subscription.segment) ?? '';
        Object.assign(subscription, { productId, skuId, catalogItemId });
      }
      // Like any change within the term, it drops what was scheduled for its end.
      delete subscription.actions;
      delete subscription.nextTerm;
      return noteByHand(subscription, 'offerId', before, subscription.catalogItemId);
    },

    /** Somebody upgrades a subscription in the portal, to `product:sku`: it takes as long as any transition. */
    moveByHand(subscriptionId: string, offer: string): void {
      parts.transitions.moveAll(subscriptionOf(subscriptionId), offer, ADMIN);
    },

    setAutoRenewByHand(subscriptionId: string, on: boolean): object {
      const subscription = subscriptionOf(subscriptionId);
      const before = subscription.autoRenew;
      subscription.autoRenew = on;
      return noteByHand(subscription, 'autoRenewEnabled', before, on);
    },

    /** Another Azure subscription under a plan, made outside Partner Center. */
    addEntitlement(planId: string, facts: { id?: string; friendlyName?: string } = {}): Entitlement {
      return structuredClone(azure.addEntitlement(subscriptionOf(planId), facts, ADMIN));
    },

    /** What the virtual machine of an Azure subscription costs in an hour, in euro. */
    setMachineCostPerHour(entitlementId: string, cost: number): void {
      const entitlement = state.entitlements.get(entitlementId.toLowerCase());
      if (entitlement === undefined) throw new Error(`There is no entitlement ${entitlementId}.`);
      entitlement.machineCostPerHour = cost;
    },

    /** Microsoft sees abuse of an Azure subscription and tells the webhook. */
    reportFraud(entitlementId: string): { eventId: string } {
      return parts.fraud.report(entitlementId);
    },

    /** Sends the webhook events that wait, without delay. */
    async deliverNow(): Promise<void> {
      await webhooks.deliverNow();
    },
  };
}
