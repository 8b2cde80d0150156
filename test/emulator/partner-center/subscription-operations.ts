import type { Reply } from '../core/server.ts';
import type { Api, Request } from './api.ts';
import { DAY_MS, lastDayOfTerm, monthEndUpTo, monthsOfTerm, printSecond } from './calendar.ts';
import { findCustomer } from './customers.ts';
import { isGuid } from './identifiers.ts';
import type { Customer, Subscription } from './model.ts';
import { coterminous } from './purchase-lines.ts';
import { invalidInput, refusal } from './refusals.ts';
import { collection, ok } from './replies.ts';
import type { Schedule } from './schedule.ts';
import type { ChangeParts, SubscriptionChanges } from './subscription-changes.ts';
import { readUpdate } from './subscription-update.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface SubscriptionOperationParts extends ChangeParts {
  api: Api;
  schedule: Schedule;
  subscriptions: Subscriptions;
  changes: SubscriptionChanges;
  partnerTenantId: string;
}

/**
 * The subscription a path names.
 *
 * @throws {Refusal} 404 20003 when the customer has no such subscription
 */
export function findSubscription(
  { params }: Pick<Request, 'params'>,
  customer: Customer,
  { state }: Pick<SubscriptionOperationParts, 'state'>,
): Subscription {
  const id = params.subscriptionId!;
  if (!isGuid(id)) throw invalidInput(`Subscription ID ${id} should have GUID format.`);
  const subscription = state.subscriptions.get(id.toLowerCase());
  if (subscription === undefined || subscription.customerId !== customer.id) {
    throw refusal(404, 20003, `Subscription with ID ${id} not found.`);
  }
  return subscription;
}

/**
 * Reading and updating of subscriptions.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-all-of-a-customer-s-subscriptions
 * @see https://learn.microsoft.com/partner-center/developer/update-a-subscription-by-id
 */
export function defineSubscriptions(parts: SubscriptionOperationParts): void {
  const { api, clock, state, switches, catalog, schedule, subscriptions, changes } = parts;

  api.define('any', 'GET', '/v1/customers/:customerId/subscriptions', (request) => {
    const customer = findCustomer(request, parts);
    const orderId = request.query.get('order_id')?.toLowerCase();
    const partnerId = request.query.get('mpn_id');
    const items = [...state.subscriptions.values()]
      .filter((subscription) => subscription.customerId === customer.id)
      .filter((subscription) => orderId === undefined || subscription.orderId === orderId)
      .filter((subscription) => partnerId === null || subscription.partnerId === partnerId)
      .map((subscription) => subscriptions.view(subscription));
    const isWhole = orderId === undefined && partnerId === null;
    return collection(items, isWhole ? `/customers/${customer.id}/subscriptions` : undefined);
  });

  api.define('any', 'GET', '/v1/customers/:customerId/subscriptions/customTermEndDates', (request) => {
    const customer = findCustomer(request, parts);
    const duration = request.query.get('term_duration')?.toUpperCase() ?? '';
    if (monthsOfTerm(duration) === 0) throw invalidInput('The parameter term_duration must be P1M, P1Y or P3Y.');
    const latestAt = lastDayOfTerm(clock.now(), duration);
    const print = (atMs: number): string => printSecond(atMs).replace('Z', '');
    const monthEndAt = monthEndUpTo(latestAt);
    const items: object[] = [];
    if (monthEndAt + DAY_MS > clock.now()) {
      items.push({ allowedCustomTermEndDateType: 'calendarMonthAligned', allowedCustomTermEndDate: print(monthEndAt) });
    }
    for (const endAt of new Set(coterminous(customer, state).map(({ lastDayAt }) => lastDayAt))) {
      if (endAt > latestAt) continue;
      items.push({
        allowedCustomTermEndDateType: 'subscriptionAligned',
        cotermSubscriptionIds: coterminous(customer, state)
          .filter(({ lastDayAt }) => lastDayAt === endAt)
          .map(({ id }) => id),
        allowedCustomTermEndDate: print(endAt),
      });
    }
    return collection(items, `/customers/${customer.id}/subscriptions/customTermEndDates?${request.query.toString()}`);
  });

  api.define('any', 'GET', '/v1/customers/:customerId/subscriptions/:subscriptionId', (request) =>
    ok(subscriptions.view(findSubscription(request, findCustomer(request, parts), parts))),
  );

  api.define('any', 'PATCH', '/v1/customers/:customerId/subscriptions/:subscriptionId', (request) => update(request));

  api.define('user', 'GET', '/v1/customers/:customerId/subscriptions/:subscriptionId/provisioningstatus', (request) => {
    const subscription = findSubscription(request, findCustomer(request, parts), parts);
    const { productId, skuId, quantity, lastDayAt, updatePending } = subscription;
    return ok({
      skuId: catalog.findSku(productId, skuId)?.provisioningId ?? skuId,
      status: updatePending ? 'pending' : 'success',
      quantity,
      endDate: printSecond(lastDayAt),
      attributes: { objectType: 'SubscriptionProvisioningStatus' },
    });
  });

  for (const name of ['activationlinks', 'addons']) {
    api.define('any', 'GET', `/v1/customers/:customerId/subscriptions/:subscriptionId/${name}`, (request) => {
      const { id, customerId } = findSubscription(request, findCustomer(request, parts), parts);
      return collection([], `/customers/${customerId}/subscriptions/${id}/${name}`);
    });
  }

  function update(request: Request): Reply {
    const customer = findCustomer(request, parts);
    const subscription = findSubscription(request, customer, parts);
    const wanted = readUpdate(request.fields(), subscription);
    const changed = changes.check(subscription, wanted, customer);
    if (switches.patchDelayMs === 0) {
      changes.apply(subscription, wanted, changed, request.cause);
      return ok(subscriptions.view(subscription));
    }
    subscription.updatePending = true;
    schedule.at(clock.now() + switches.patchDelayMs, () => {
      subscription.updatePending = false;
      if (subscription.status !== 'deleted') changes.apply(subscription, wanted, changed, request.cause);
    });
    return { status: 202, headers: { Location: `/customers/${customer.id}/subscriptions/${subscription.id}` } };
  }
}
