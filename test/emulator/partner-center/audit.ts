import type { Clock } from '../core/clock.ts';
import type { Api } from './api.ts';
import type { Books, Entry, Happening } from './books.ts';
import { DAY_MS } from './calendar.ts';
import type { State } from './model.ts';
import { invalidInput } from './refusals.ts';
import { collection } from './replies.ts';

const HISTORY_MS = 90 * DAY_MS;
const DEFAULT_SPAN_MS = 30 * DAY_MS;

const RECORDED: Partial<Record<Happening, { resourceType: string; operationType: string }>> = {
  'customer created': { resourceType: 'customer', operationType: 'add_customer' },
  'agreement created': { resourceType: 'agreement', operationType: 'create_agreement' },
  'order placed': { resourceType: 'order', operationType: 'create_order' },
  'order cancelled': { resourceType: 'order', operationType: 'update_order' },
  'subscription changed': { resourceType: 'subscription', operationType: 'update_subscription' },
  'subscription transitioned': { resourceType: 'subscription', operationType: 'upgrade_subscription' },
  'budget changed': { resourceType: 'spending_limit', operationType: 'update_customer_spending_budget' },
};

const OWN_FACTS = new Set(['seq', 'at', 'what', 'by', 'requestId', 'correlationId']);

/**
 * `GET /v1/auditrecords`: what the partner did, through the API or in the portal, within the last 90 days. Renewals and
 * other doings of Microsoft are not in it.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-record-of-partner-center-activity-by-user
 */
export function defineAudit(parts: {
  api: Api;
  clock: Clock;
  state: State;
  books: Books;
  partnerTenantId: string;
  userPrincipalName: string;
}): void {
  const { api, clock, state, books, partnerTenantId, userPrincipalName } = parts;

  api.define('any', 'GET', '/v1/auditrecords', ({ query, token }) => {
    const now = clock.now();
    const startAt = readDate(query.get('startDate')) ?? now - DEFAULT_SPAN_MS;
    const endAt = readDate(query.get('endDate')) ?? now;
    if (startAt < now - HISTORY_MS - DAY_MS) throw invalidInput('The startDate is more than 90 days ago.');
    const matches = readFilter(query.get('filter'));
    const records = books
      .entries()
      .filter(({ by }) => by === 'partner' || by === 'admin')
      .filter(({ at }) => Date.parse(at) >= startAt && Date.parse(at) < endAt + DAY_MS)
      .map((entry) => viewRecord(entry, token.clientId))
      .filter((record) => record !== undefined && matches(record));
    return collection(records, `/auditrecords?${query.toString()}`);
  });

  function viewRecord(entry: Entry, applicationId: string): Record<string, unknown> | undefined {
    const recorded = RECORDED[entry.what];
    if (recorded === undefined) return undefined;
    const customerId = String(entry.customerId);
    const { before, after } = describe(entry);
    const operation = recorded.operationType.replaceAll('_', '');
    return {
      id: `${partnerTenantId}_${customerId}_${operation}_${entry.seq}`,
      partnerId: partnerTenantId,
      customerId,
      customerName: state.customers.get(customerId)?.companyName ?? '',
      userPrincipalName,
      applicationId,
      ...recorded,
      ...(before === undefined ? {} : { resourceOldValue: JSON.stringify(before) }),
      resourceNewValue: JSON.stringify(after),
      operationDate: entry.at,
      operationStatus: 'succeeded',
      customizedData:
        typeof entry.subscriptionId === 'string' ? [{ key: 'SubscriptionId', value: entry.subscriptionId }] : [],
      attributes: { objectType: 'AuditRecord' },
    };
  }
}

/** The resource before and after, as records print it: PascalCase, and of a change only what differs. */
function describe(entry: Entry): { before?: object; after: object } {
  if (!Array.isArray(entry.changes)) {
    const facts = Object.entries(entry).filter(([name]) => !OWN_FACTS.has(name));
    return { after: Object.fromEntries(facts.map(([name, value]) => [toPascalCase(name), value])) };
  }
  const changes = entry.changes as { property: string; before: unknown; after: unknown }[];
  const pick = (side: 'before' | 'after'): object => ({
    Id: entry.subscriptionId,
    ...Object.fromEntries(changes.map((change) => [toPascalCase(change.property), change[side]])),
  });
  return { before: pick('before'), after: pick('after') };
}

function toPascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function readDate(text: string | null): number | undefined {
  if (text === null) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw invalidInput('The date is not valid.');
  return at;
}

function readFilter(text: string | null): (record: Record<string, unknown>) => boolean {
  if (text === null) return () => true;
  let filter: { Field?: unknown; Value?: unknown };
  try {
    filter = JSON.parse(text) as typeof filter;
  } catch {
    throw invalidInput('The filter is not valid JSON.');
  }
  const lower = (given: unknown): string => (typeof given === 'string' ? given.toLowerCase() : '');
  const value = lower(filter.Value);
  switch (lower(filter.Field)) {
    case 'companyname':
      return ({ customerName }) => String(customerName).toLowerCase().includes(value);
    case 'customerid':
      return ({ customerId }) => customerId === value;
    case 'resourcetype':
      return ({ resourceType }) => resourceType === value;
    default:
      throw invalidInput('The field of the filter is not one that audit records can be searched by.');
  }
}
