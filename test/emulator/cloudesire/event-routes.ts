import type { Api, ApiCall } from './api.ts';
import { isAdministrator, isVendor } from './authentication.ts';
import type { EventRecord, Events, EventType, Fact, Recipient } from './events.ts';
import { page, wholeNumber } from './listing.ts';
import { refTo } from './model.ts';
import { accessDenied, notFound, refusal } from './refusal.ts';
import { isObject } from './reports.ts';
import type { State } from './state.ts';
import type { Switches } from './switches.ts';
import { writeDate } from './wire-form.ts';

const ENTITIES = ['Subscription', 'Invoice', 'ProductVersion', 'User'] as const;
const EVENT_TYPES: readonly EventType[] = ['CREATED', 'MODIFIED', 'DELETED'];
const RECIPIENTS: readonly Recipient[] = ['PLATFORM', 'COMPANY', 'PRODUCT'];

/** Routes of the event list: what was sent to whom and what became of it. No call sends an event again. */
export function addEventRoutes(parts: { api: Api; state: State; switches: Switches; events: Events }): void {
  const { api, state, switches, events } = parts;

  function requireAccess({ user }: ApiCall): void {
    if (isAdministrator(user)) return;
    if (!isVendor(user) || !switches.eventListReadable) throw accessDenied();
  }

  function writeEvent(event: EventRecord): Record<string, unknown> {
    const { id, entityName, entityId } = event;
    const entityUrl = `${entityName.charAt(0).toLowerCase()}${entityName.slice(1)}/${entityId}`;
    const product = event.product === undefined ? undefined : state.products.get(event.product);
    return {
      id,
      self: `event/${id}`,
      entityName,
      entityId,
      notified: event.notified,
      date: new Date(event.date),
      type: event.type,
      recipient: event.recipient,
      payload: {
        id: entityId,
        eventId: id,
        entity: entityName,
        date: writeDate(event.date, switches.dateForm),
        type: event.type,
        entityUrl,
      },
      ...(event.recipient === 'PRODUCT' && product !== undefined ? { product: refTo('product', product.id) } : {}),
      vendor: product?.company,
      lastError: event.lastError,
      entityUrl: { url: entityUrl },
      endpoint: event.endpoint,
      nextRetry: new Date(event.nextRetryAt),
    };
  }

  api.route('GET', '/event', (request) => {
    requireAccess(request);
    const { query } = request.call;
    const type = query.get('type') ?? 'all';
    if (!['all', 'entity', 'true', 'false'].includes(type))
      throw refusal(400, 'The type is all, entity, true or false');
    const entity = query.get('entity');
    const id = wholeNumber(query, 'id');
    const found = events.list().filter((event) => {
      if (type === 'all') return true;
      if (type !== 'entity') return event.notified === (type === 'true');
      return (entity === null || event.entityName === entity) && (id === undefined || event.entityId === id);
    });
    return page(request, found, writeEvent);
  });

  api.route('GET', '/event/annotated', (request) => {
    requireAccess(request);
    return { status: 200, body: ENTITIES };
  });

  api.route('POST', '/event', (request) => {
    requireAccess(request);
    const body = request.body();
    if (!isObject(body)) throw refusal(400, 'The body is not an object');
    const entity = ENTITIES.find((known) => known === body.entityName);
    const type = EVENT_TYPES.find((known) => known === body.type);
    const recipient = RECIPIENTS.find((known) => known === (body.recipient ?? 'COMPANY'));
    const { entityId, endpoint } = body;
    if (entity === undefined || type === undefined || recipient === undefined || typeof entityId !== 'number') {
      throw refusal(400, 'An event has entityName, entityId, type and recipient');
    }
    if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) throw refusal(400, 'An event has an endpoint');
    const product = state.subscriptions.get(entityId)?.product;
    const fact: Fact = { entity, id: entityId, type, ...(product === undefined ? {} : { product }) };
    return { status: 201, body: writeEvent(events.create(fact, { recipient, endpoint })) };
  });

  api.route('DELETE', '/event', (request) => {
    requireAccess(request);
    const which = request.call.query.get('eventType');
    if (which !== null && which !== 'notified' && which !== 'failed') {
      throw refusal(400, 'The eventType is notified or failed');
    }
    events.remove(({ notified }) => which === null || notified === (which === 'notified'));
    return { status: 204 };
  });

  api.route('DELETE', '/event/:eventId', (request) => {
    requireAccess(request);
    const id = Number(request.call.params.eventId);
    if (events.remove((event) => event.id === id && !event.notified) === 0) throw notFound('Event', id);
    return { status: 204 };
  });
}
