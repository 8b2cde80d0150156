import type { Api } from './api.ts';
import { type Fields, requireText, requireWhole, textOf } from './body.ts';
import type { Cause } from './books.ts';
import { monthsOfTerm, printInstant } from './calendar.ts';
import { findTerm } from './catalog.ts';
import { findCustomer } from './customers.ts';
import { newGuid } from './identifiers.ts';
import type { Customer, Subscription, Transition, TransitionEvent } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import { ok } from './replies.ts';
import { downgradesOf } from './scheduled-changes.ts';
import { findSubscription, type SubscriptionOperationParts } from './subscription-operations.ts';

const PATH = '/v1/customers/:customerId/subscriptions/:subscriptionId';
const TRANSITION_TYPES = ['transition_only', 'transition_with_license_transfer'];
const MIN_TRIAL_SEATS = 25;

/** The four ways in which an existing subscription cannot take seats in, in the order of the published target errors. */
const TARGET_ERRORS = [
  { code: 1, httpCode: 900258, description: 'Target subscription must be active.' },
  { code: 2, httpCode: 900259, description: 'Target subscription is in its cancellation window.' },
  { code: 3, httpCode: 900260, description: 'Target subscription has a shorter term.' },
  { code: 4, httpCode: 900261, description: 'Target subscription ends earlier.' },
] as const;

interface TransitionRequest {
  toCatalogItemId: string;
  quantity: number;
  transitionType: string;
  target?: Subscription;
  termDuration: string;
  billingCycle: string;
}

export interface Transitions {
  /** Begins to move all seats to another SKU, as `product:sku`, with the term and billing cycle that there are. */
  moveAll(source: Subscription, offer: string, cause: Cause): void;
}

/**
 * Upgrades and the conversion of trials. A full one keeps the id of the subscription, a partial one makes a second
 * subscription that ends with the first, and one into an existing subscription adds the seats there.
 *
 * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
 * @see https://learn.microsoft.com/partner-center/developer/get-transitions
 */
export function defineTransitions(parts: SubscriptionOperationParts): Transitions {
  const { api, clock, state, switches, catalog, schedule, ledger, termEnd, changes } = parts;
  defineReads(api);

  api.define('any', 'POST', `${PATH}/transitions`, (request) => {
    const customer = findCustomer(request, parts);
    const source = findSubscription(request, customer, parts);
    const transition = begin(source, readTransition(request.fields(), source, customer), request.cause);
    return ok(viewTransition(transition, { isFirst: true }));
  });

  return {
    moveAll(source, offer, cause) {
      const [productId = '', skuId = ''] = offer.split(':');
      const { quantity, billingCycle, termDuration = '' } = source;
      const toCatalogItemId = catalog.currentItemId(productId, skuId, source.segment) ?? '';
      begin(
        source,
        { toCatalogItemId, quantity, transitionType: 'transition_only', termDuration, billingCycle },
        cause,
      );
    },
  };

  function begin(source: Subscription, wanted: TransitionRequest, cause: Cause): Transition {
    const transition = start(source, wanted);
    source.updatePending = true;
    const fails = switches.transitionOutcome === 'fail';
    if (isReplaced(source, transition) && switches.fullTransition === 'new-id-former-ends-first' && !fails)
      parts.subscriptions.end(source, 'deleted', cause, 'replaced by another subscription');
    schedule.at(clock.now() + switches.transitionDelayMs, () =>
      fails ? fail(source, transition) : complete(source, transition, wanted, cause),
    );
    return transition;
  }

  function defineReads(api: Api): void {
    api.define('any', 'GET', `${PATH}/transitionEligibilities`, (request) => {
      const customer = findCustomer(request, parts);
      const source = findSubscription(request, customer, parts);
      const type = request.query.get('eligibilityType')?.toLowerCase() ?? 'immediate';
      if (type !== 'immediate' && type !== 'scheduled') throw invalidInput('The eligibilityType is not valid.');
      const lower = type === 'scheduled' && switches.scheduledDowngrades ? downgradesOf(source, catalog) : [];
      const items = [...targetsOf(source), ...lower].map((offer) => viewEligibility(source, customer, offer, type));
      return ok({ totalCount: items.length, items, attributes: { objectType: 'Collection' } });
    });

    api.define('any', 'GET', `${PATH}/transitions`, (request) => {
      const source = findSubscription(request, findCustomer(request, parts), parts);
      const operationId = request.query.get('operationId')?.toLowerCase();
      const items = source.transitions
        .filter((transition) => operationId === undefined || transition.operationId === operationId)
        .map((transition) => viewTransition(transition));
      const attributes = { objectType: 'Collection' };
      return ok({ totalCount: items.length, [switches.transitionHistoryKey]: items, attributes });
    });
  }

  /** What the catalog lets this SKU become; SKUs that are not sold any more fall away. */
  function targetsOf({ productId, skuId, kind, segment }: Subscription): string[] {
    const sku = catalog.findSku(productId, skuId);
    const itself = switches.sameSkuEligible ? [`${productId}:${skuId}`] : [];
    const offers = kind === 'trial' ? (sku?.convertsTo ?? []) : [...(sku?.upgradeTargetOffers ?? []), ...itself];
    return offers.filter((offer) => {
      const target = catalog.findOffer(offer);
      return target !== undefined && catalog.currentItemId(target.product.id, target.sku.id, segment) !== undefined;
    });
  }

  function viewEligibility(source: Subscription, customer: Customer, offer: string, type: string): object {
    const { product, sku } = catalog.findOffer(offer)!;
    const inactive = { code: 2, description: 'Subscription cannot be transitioned because it is not active.' };
    const errors = source.status === 'active' ? [] : [inactive];
    const mergeable = type === 'scheduled' || source.kind === 'trial' ? [] : siblings(source, customer, offer);
    return {
      operationId: newGuid(),
      catalogItemId: catalog.currentItemId(product.id, sku.id, source.segment),
      title: sku.title,
      description: `${sku.title} (sample)`,
      quantity: source.quantity,
      subscriptionEligibilities: mergeable.map((target) => viewSibling(source, target)),
      eligibilities: [{ isEligible: errors.length === 0, transitionType: 'transition_only', errors }],
      attributes: { objectType: 'TransitionEligibility' },
    };
  }

  function siblings(source: Subscription, customer: Customer, offer: string): Subscription[] {
    return [...state.subscriptions.values()].filter(
      (one) =>
        one.id !== source.id &&
        one.customerId === customer.id &&
        `${one.productId}:${one.skuId}` === offer &&
        one.kind === 'licence' &&
        one.status !== 'deleted',
    );
  }

  function viewSibling(source: Subscription, target: Subscription): object {
    const error = targetError(source, target);
    return {
      isEligible: error === undefined,
      subscriptionId: target.id,
      subscriptionFriendlyName: target.friendlyName,
      subscriptionTermDuration: target.termDuration,
      subscriptionBillingCycle: target.billingCycle,
      errors: error === undefined ? [] : [{ code: error.code, description: error.description }],
    };
  }

  function targetError(source: Subscription, target: Subscription): (typeof TARGET_ERRORS)[number] | undefined {
    if (target.status !== 'active') return TARGET_ERRORS[0];
    if ((target.cancellableUntil ?? 0) >= clock.now()) return TARGET_ERRORS[1];
    const isShorter = monthsOfTerm(target.termDuration ?? '') < monthsOfTerm(source.termDuration ?? '');
    if (isShorter && source.kind !== 'trial') return TARGET_ERRORS[2];
    return target.lastDayAt < source.lastDayAt ? TARGET_ERRORS[3] : undefined;
  }

  function readTransition(fields: Fields, source: Subscription, customer: Customer): TransitionRequest {
    const toCatalogItemId = requireText(fields, 'toCatalogItemId').toUpperCase();
    const quantity = requireWhole(fields, 'quantity', 1);
    const transitionType = requireText(fields, 'transitionType').toLowerCase();
    if (!TRANSITION_TYPES.includes(transitionType)) throw invalidInput('The transitionType is not valid.');
    if (source.status !== 'active') throw refusal(400, 900236);
    if (source.updatePending || source.renewing) throw refusal(409, 900278);

    const item = catalog.resolve(toCatalogItemId);
    if (typeof item === 'string') throw refusal(404, item === 'product' ? 400013 : item === 'sku' ? 400018 : 400019);
    const offer = `${item.product.id}:${item.sku.id}`;
    const isSameSku = offer === `${source.productId}:${source.skuId}`;
    if (source.kind !== 'licence' && source.kind !== 'trial') throw refusal(400, 900236);
    if (isSameSku && source.kind === 'trial') throw refusal(400, 800107);
    if (!isSameSku && !targetsOf(source).includes(offer)) throw refusal(400, 900236);
    checkSeats(source, quantity, item.sku);

    const toSubscriptionId = textOf(fields, 'toSubscriptionId')?.toLowerCase();
    const isMerge = toSubscriptionId !== undefined && toSubscriptionId !== source.id;
    const target = isMerge ? findTarget(source, customer, toSubscriptionId, offer) : undefined;
    const termDuration = textOf(fields, 'termDuration')?.toUpperCase() ?? defaultTerm(source);
    const billingCycle = textOf(fields, 'billingCycle')?.toLowerCase() ?? defaultCycle(source);
    if (target === undefined) checkTerm(source, termDuration, isSameSku);
    if (target === undefined && findTerm(item.sku, termDuration, billingCycle) === undefined) {
      throw invalidInput('The SKU is not sold for this term and billing cycle.');
    }
    const wanted = { toCatalogItemId, quantity, transitionType, termDuration, billingCycle };
    return target === undefined ? wanted : { ...wanted, target };
  }

  function checkSeats(source: Subscription, quantity: number, sku: { maximumQuantity: number }): void {
    if (source.kind === 'trial') {
      if (quantity < MIN_TRIAL_SEATS || quantity > sku.maximumQuantity) throw refusal(400, 2002);
    } else if (quantity > source.quantity) {
      throw refusal(400, 2002);
    }
  }

  function findTarget(source: Subscription, customer: Customer, id: string, offer: string): Subscription {
    const target = state.subscriptions.get(id);
    const fits = target?.customerId === customer.id && `${target.productId}:${target.skuId}` === offer;
    if (target === undefined || !fits) throw refusal(400, 900236);
    const error = targetError(source, target);
    if (error !== undefined) throw refusal(400, error.httpCode);
    return target;
  }

  function checkTerm(source: Subscription, termDuration: string, isSameSku: boolean): void {
    if (source.kind === 'trial') {
      // At once a trial becomes what its conversion instructions list for that.
      if (termDuration !== 'P1Y') throw refusal(400, 900268);
      return;
    }
    const isShorter = monthsOfTerm(termDuration) < monthsOfTerm(source.termDuration ?? '');
    if (isShorter) throw refusal(400, isSameSku ? 800122 : 900267);
    if (isSameSku && termDuration === source.termDuration) throw refusal(400, 900236);
  }

  function start(source: Subscription, wanted: TransitionRequest): Transition {
    const isFull = source.kind === 'trial' || wanted.quantity === source.quantity;
    const transition: Transition = {
      operationId: newGuid(),
      fromCatalogItemId: source.catalogItemId,
      fromSubscriptionId: source.id,
      toCatalogItemId: wanted.toCatalogItemId,
      toSubscriptionId: wanted.target?.id ?? (isFull && switches.fullTransition === 'keep-id' ? source.id : newGuid()),
      quantity: wanted.quantity,
      termDuration: wanted.termDuration,
      billingCycle: wanted.billingCycle,
      transitionType: wanted.transitionType,
      events: [{ name: 'Conversion', status: 'Started', at: clock.now() }],
    };
    source.transitions.push(transition);
    return transition;
  }

  /** All seats move, and yet to another subscription. */
  function isReplaced(source: Subscription, { toSubscriptionId, quantity }: Transition): boolean {
    const isFull = source.kind === 'trial' || quantity === source.quantity;
    return isFull && toSubscriptionId !== source.id && !state.subscriptions.has(toSubscriptionId);
  }

  function fail(source: Subscription, transition: Transition): void {
    source.updatePending = false;
    const errors = [{ code: 3, description: 'Conflicting service types.' }];
    transition.events.push({ name: 'Conversion', status: 'Failed', at: clock.now(), errors });
  }

  function complete(source: Subscription, transition: Transition, wanted: TransitionRequest, cause: Cause): void {
    source.updatePending = false;
    const replaced = isReplaced(source, transition);
    if (source.status !== 'active' && !(replaced && source.status === 'deleted')) {
      transition.events.push({ name: 'Conversion', status: 'Failed', at: clock.now() });
      return;
    }
    delete source.nextTerm;
    delete source.actions;
    if (wanted.target !== undefined) merge(source, wanted.target, wanted.quantity, cause);
    else if (transition.toSubscriptionId === source.id) replace(source, transition);
    else if (replaced) supersede(source, transition, cause);
    else split(source, transition, cause);
    transition.events.push({ name: 'Conversion', status: 'Completed', at: clock.now() });
    if (wanted.transitionType === 'transition_with_license_transfer') {
      transition.events.push({ name: 'LicenseReassignment', status: 'Completed', at: clock.now() });
    }
    const { operationId, fromCatalogItemId, toCatalogItemId, toSubscriptionId, quantity } = transition;
    const facts = { operationId, fromCatalogItemId, toCatalogItemId, toSubscriptionId, movedSeats: quantity };
    ledger.note('subscription transitioned', source, cause, facts);
  }

  /** All seats: the subscription becomes the other one. A longer term, and the end of a trial, begin a term of their own. */
  function replace(source: Subscription, transition: Transition): void {
    const wasTrial = source.kind === 'trial';
    const startsAnew = wasTrial || transition.termDuration !== source.termDuration;
    const product = productOf(transition);
    if (startsAnew) {
      const window = { cancellableUntil: source.cancellableUntil, batches: source.batches };
      termEnd.convert(source, { product, quantity: transition.quantity }, clock.now());
      // An upgrade is final: only a trial that has become paid gets a new window.
      if (!wasTrial) Object.assign(source, window);
      return;
    }
    const sku = catalog.findSku(product.productId, product.skuId);
    const wasNamedAfterOffer = source.friendlyName === source.offerName;
    source.catalogItemId = transition.toCatalogItemId;
    source.productId = product.productId;
    source.skuId = product.skuId;
    source.billingCycle = transition.billingCycle;
    source.offerName = sku?.title ?? source.offerName;
    if (wasNamedAfterOffer) source.friendlyName = source.offerName;
    termEnd.arm(source);
  }

  /** All seats, in another subscription: the former one ends. */
  function supersede(source: Subscription, transition: Transition, cause: Cause): void {
    const { stopTimer: _timerOfSource, ...inherited } = source;
    const created: Subscription = {
      ...structuredClone(inherited),
      id: transition.toSubscriptionId,
      status: 'active',
      quantity: transition.quantity,
      autoRenew: true,
      createdAt: clock.now(),
      updates: 0,
      transitions: [],
      billing: [],
    };
    state.subscriptions.set(created.id, created);
    ledger.note('subscription created', created, cause, { catalogItemId: created.catalogItemId, kind: created.kind });
    replace(created, transition);
    if (source.status === 'active')
      parts.subscriptions.end(source, 'deleted', cause, 'replaced by another subscription');
  }

  /** Some of the seats: they move to a new subscription that ends, and may be cancelled, when the source may. */
  function split(source: Subscription, transition: Transition, cause: Cause): void {
    const { productId, skuId } = productOf(transition);
    const offerName = catalog.findSku(productId, skuId)?.title ?? productId;
    const { stopTimer: _timerOfSource, ...inherited } = source;
    const created: Subscription = {
      ...structuredClone(inherited),
      id: transition.toSubscriptionId,
      catalogItemId: transition.toCatalogItemId,
      productId,
      skuId,
      offerName,
      friendlyName: offerName,
      quantity: transition.quantity,
      createdAt: clock.now(),
      billingCycle: transition.billingCycle,
      batches: [],
      updates: 0,
      transitions: [],
      billing: [],
    };
    state.subscriptions.set(created.id, created);
    changes.setSeats(source, source.quantity - transition.quantity);
    termEnd.arm(created);
    ledger.note('subscription created', created, cause, { catalogItemId: created.catalogItemId, kind: created.kind });
  }

  function merge(source: Subscription, target: Subscription, seats: number, cause: Cause): void {
    target.quantity += seats;
    ledger.note('subscription changed', target, cause, {
      changes: [{ property: 'quantity', before: target.quantity - seats, after: target.quantity }],
    });
    if (source.kind !== 'trial' && seats < source.quantity) changes.setSeats(source, source.quantity - seats);
    else parts.subscriptions.end(source, 'deleted', cause, 'merged into another subscription');
  }

  function productOf({ toCatalogItemId, billingCycle, termDuration }: Transition) {
    const [productId = '', skuId = '', availabilityId = ''] = toCatalogItemId.split(':');
    return { productId, skuId, availabilityId, billingCycle, termDuration };
  }

  function viewTransition(transition: Transition, { isFirst = false } = {}): object {
    const { events, toSubscriptionId, ...rest } = transition;
    const hidesTarget = isFirst && !switches.transitionTargetInReply;
    return {
      ...rest,
      ...(hidesTarget ? {} : { toSubscriptionId }),
      events: events.map(viewEvent),
      attributes: { objectType: 'Transition' },
    };
  }
}

function defaultTerm({ kind, termDuration = 'P1Y' }: Subscription): string {
  return kind === 'trial' ? 'P1Y' : termDuration;
}

function defaultCycle({ kind, billingCycle }: Subscription): string {
  return kind === 'trial' ? 'monthly' : billingCycle;
}

function viewEvent({ name, status, at, errors }: TransitionEvent): object {
  return {
    name,
    status,
    timestamp: printInstant(at),
    ...(errors === undefined ? {} : { errors }),
    attributes: { objectType: 'TransitionEvent' },
  };
}
