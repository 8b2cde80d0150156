import type { Clock } from '../core/clock.ts';
import type { Api } from './api.ts';
import { type Fields, requireText, textOf } from './body.ts';
import { newGuid } from './identifiers.ts';
import type { Entitlement, State } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import { ok } from './replies.ts';
import type { Webhooks } from './webhooks.ts';

const STATUSES = ['Active', 'Resolved', 'Investigating'];
const NEVER = '9999-12-31T23:59:59.9970000';

export interface FraudEvents {
  /** @throws {Error} when there is no such Azure subscription */
  report(entitlementId: string): { eventId: string };
  reset(): void;
}

interface FraudEvent {
  eventId: string;
  entitlement: Entitlement;
  at: number;
  status: string;
  resolvedReason: string;
  resolvedAt?: number;
}

/**
 * Alerts about abuse of Azure subscriptions. Setting their status changes nothing else.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-fraud-events
 * @see https://learn.microsoft.com/partner-center/developer/update-fraud-events-status
 */
export function defineFraudEvents(parts: {
  api: Api;
  clock: Clock;
  state: State;
  webhooks: Pick<Webhooks, 'announce'>;
  partnerTenantId: string;
  userPrincipalName: string;
}): FraudEvents {
  const { api, clock, state, webhooks } = parts;
  let events: FraudEvent[] = [];

  api.define('user', 'GET', '/v1/fraudEvents', ({ query, call }) => {
    const status = query.get('EventStatus') ?? query.get('eventStatus');
    const id = (query.get('SubscriptionId') ?? query.get('subscriptionId'))?.toLowerCase();
    const isNewModel = call.headers['x-neweventsmodel']?.toLowerCase() === 'true';
    const found = events.filter(
      (event) => (status === null || event.status === status) && (id === undefined || event.entitlement.id === id),
    );
    return ok(found.map((event) => viewEvent(event, isNewModel)));
  });

  api.define('user', 'POST', '/v1/fraudEvents/subscription/:azureSubscriptionId/status', ({ params, fields }) => {
    const id = params.azureSubscriptionId!.toLowerCase();
    if (!state.entitlements.has(id)) throw refusal(404, 1000);
    const { eventIds, status, resolvedReason } = readUpdate(fields());
    const changed = events.filter(
      (event) => event.entitlement.id === id && (eventIds.length === 0 || eventIds.includes(event.eventId)),
    );
    for (const event of changed) {
      Object.assign(event, { status, resolvedReason });
      if (status === 'Resolved') event.resolvedAt = clock.now();
    }
    return ok(changed.map((event) => viewEvent(event, true)));
  });

  function viewEvent(event: FraudEvent, isNewModel: boolean): object {
    const { eventId, entitlement, at, status, resolvedReason, resolvedAt } = event;
    const customer = state.customers.get(entitlement.customerId);
    const time = print(at);
    const machine = 'vm-sample-1';
    const group = 'SAMPLE';
    const machinePath = `resourceGroups/${group}/providers/Microsoft.Compute/virtualMachines/${machine}`;
    return {
      eventTime: time,
      eventId,
      partnerTenantId: parts.partnerTenantId,
      partnerFriendlyName: 'Sample Provider',
      customerTenantId: entitlement.customerId,
      customerFriendlyName: customer?.companyName ?? '',
      subscriptionId: entitlement.id,
      subscriptionType: 'modern',
      entityName: machine,
      entityUrl: `/subscriptions/${entitlement.id}/${machinePath}`,
      hitCount: '10',
      catalogOfferId: 'ms-azr-17g',
      eventStatus: status,
      serviceName: 'Virtual Machines',
      resourceName: machine,
      resourceGroupName: group,
      firstOccurrence: time,
      lastOccurrence: time,
      resolvedReason,
      resolvedOn: resolvedAt === undefined ? NEVER : print(resolvedAt),
      resolvedBy: resolvedAt === undefined ? '' : parts.userPrincipalName,
      firstObserved: time,
      lastObserved: time,
      ...(isNewModel ? viewNewFields(entitlement, customer?.country) : {}),
    };
  }

  return {
    report(entitlementId) {
      const entitlement = state.entitlements.get(entitlementId.toLowerCase());
      if (entitlement === undefined) throw new Error(`There is no entitlement ${entitlementId}.`);
      const eventId = `${entitlement.id}_${newGuid()}`;
      events.push({ eventId, entitlement, at: clock.now(), status: 'Active', resolvedReason: 'None' });
      const path = `/v1/fraudEvents?SubscriptionId=${entitlement.id}&EventStatus=Active`;
      webhooks.announce('azure-fraud-event-detected', { path });
      return { eventId };
    },

    reset() {
      events = [];
    },
  };
}

function viewNewFields({ friendlyName }: Entitlement, country: string | undefined): object {
  return {
    eventType: 'NetworkConnectionsToCryptoMiningPools',
    severity: 'Medium',
    confidenceLevel: 'high',
    displayName: 'Connections to mining pools',
    description: 'Sample alert',
    ...(country === undefined ? {} : { country }),
    subscriptionName: friendlyName,
    affectedResources: [],
    additionalDetails: {},
    isTest: 'false',
    activityLogs: '',
  };
}

function readUpdate(fields: Fields): { eventIds: string[]; status: string; resolvedReason: string } {
  const status = requireText(fields, 'eventStatus');
  if (!STATUSES.includes(status)) throw invalidInput(`The EventStatus must be one of ${STATUSES.join(', ')}.`);
  const resolvedReason = textOf(fields, 'resolvedReason') ?? 'None';
  if (!['None', 'Fraud', 'Ignore'].includes(resolvedReason)) throw invalidInput('The ResolvedReason is not valid.');
  const { eventIds } = fields;
  return { eventIds: Array.isArray(eventIds) ? eventIds.map(String) : [], status, resolvedReason };
}

function print(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '');
}
