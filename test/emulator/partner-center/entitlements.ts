import type { Api, Request } from './api.ts';
import type { Azure, AzureParts } from './azure.ts';
import { textOf } from './body.ts';
import { MINUTE_MS } from './calendar.ts';
import { findCustomer } from './customers.ts';
import { isGuid } from './identifiers.ts';
import type { Entitlement } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import { collection, linkTo, ok } from './replies.ts';
import type { Schedule } from './schedule.ts';
import { findSubscription } from './subscription-operations.ts';
import type { Switches } from './switches.ts';

const REGISTRATION_MS = MINUTE_MS;
const ENTITLEMENTS = '/v1/customers/:customerId/subscriptions/:subscriptionId/azureEntitlements';

export interface EntitlementParts extends AzureParts {
  api: Api;
  azure: Pick<Azure, 'setStatus'>;
  switches: Switches;
  schedule: Schedule;
  partnerTenantId: string;
}

/**
 * Reading, cancelling and reactivating Azure subscriptions, and enabling a plan for reservations. Both changes show some
 * time after their answer.
 *
 * @see https://learn.microsoft.com/partner-center/developer/cancel-an-azure-subscription
 * @see https://learn.microsoft.com/partner-center/developer/reactivate-an-azure-subscription
 */
export function defineEntitlements(parts: EntitlementParts): void {
  const { api, azure, clock, state, switches, books, schedule } = parts;

  api.define('any', 'GET', ENTITLEMENTS, (request) => {
    const plan = findSubscription(request, findCustomer(request, parts), parts);
    const items = [...state.entitlements.values()].filter(({ planId }) => planId === plan.id);
    return collection(items.map(viewEntitlement));
  });

  api.define('any', 'GET', `${ENTITLEMENTS}/:entitlementId`, (request) => ok(viewSingle(findEntitlement(request))));

  api.define('any', 'POST', `${ENTITLEMENTS}/:entitlementId/cancel`, (request) => {
    const entitlement = findEntitlement(request);
    const reason = textOf(request.fields(), 'cancellationReason');
    if (reason === undefined) throw invalidInput('The field cancellationReason is required.');
    if (reason.toLowerCase() !== 'compromise') {
      throw refusal(400, 900307, `Cancellation reason '${reason}' is invalid.`);
    }
    const reply = ok(viewSingle(entitlement));
    books.write('entitlement cancelled', request.cause, factsOf(entitlement));
    schedule.at(clock.now() + switches.entitlementCancelDelayMs, () => azure.setStatus(entitlement, 'inactive'));
    return reply;
  });

  api.define('any', 'POST', `${ENTITLEMENTS}/:entitlementId/reactivate`, (request) => {
    const entitlement = findEntitlement(request);
    books.write('entitlement reactivated', request.cause, factsOf(entitlement));
    schedule.at(clock.now() + switches.entitlementReactivateDelayMs, () => azure.setStatus(entitlement, 'active'));
    return { status: 202 };
  });

  api.define('any', 'POST', '/v1/customers/:customerId/subscriptions/:subscriptionId/registrations', (request) => {
    const plan = findSubscription(request, findCustomer(request, parts), parts);
    plan.registrationStartedAt ??= clock.now();
    const Location = `/customers/${plan.customerId}/subscriptions/${plan.id}/registrationstatus`;
    return { status: 202, headers: { Location } };
  });

  api.define('any', 'GET', '/v1/customers/:customerId/subscriptions/:subscriptionId/registrationstatus', (request) => {
    const { id, registrationStartedAt } = findSubscription(request, findCustomer(request, parts), parts);
    const isDone = registrationStartedAt !== undefined && registrationStartedAt + REGISTRATION_MS <= clock.now();
    const status = registrationStartedAt === undefined ? 'NotRegistered' : isDone ? 'registered' : 'registering';
    return ok({ subscriptionId: id, status, attributes: { objectType: 'SubscriptionRegistrationStatus' } });
  });

  function findEntitlement(request: Request): Entitlement {
    const plan = findSubscription(request, findCustomer(request, parts), parts);
    const id = request.params.entitlementId!;
    if (!isGuid(id)) throw invalidInput(`Azure entitlement ID ${id} should have GUID format.`);
    const entitlement = state.entitlements.get(id.toLowerCase());
    if (entitlement === undefined || entitlement.planId !== plan.id) {
      throw refusal(404, 800111, `Azure entitlement with ID ${id} isn't found.`);
    }
    return entitlement;
  }
}

function viewEntitlement({ id, friendlyName, status, planId }: Entitlement): object {
  return { id, friendlyName, status, subscriptionId: planId };
}

function viewSingle(entitlement: Entitlement): object {
  const { customerId, planId, id } = entitlement;
  const self = linkTo(`/customers/${customerId}/subscriptions/${planId}/azureEntitlements/${id}`);
  return { ...viewEntitlement(entitlement), links: { self } };
}

function factsOf({ id: entitlementId, planId, customerId }: Entitlement): Record<string, string> {
  return { entitlementId, planId, customerId };
}
