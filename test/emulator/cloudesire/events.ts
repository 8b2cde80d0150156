import { STATUS_CODES } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { type Attempt, signEvent, type Transport } from './event-transport.ts';
import { idOf } from './model.ts';
import { notFound } from './refusal.ts';
import type { State } from './state.ts';
import type { Switches } from './switches.ts';
import { writeDate } from './wire-form.ts';

export type EventType = 'CREATED' | 'MODIFIED' | 'DELETED';
export type Recipient = 'PLATFORM' | 'COMPANY' | 'PRODUCT';

export interface EventTarget {
  recipient: Recipient;
  endpoint: string;
}

/** Something that happened to a resource and that others are told of. */
export interface Fact {
  entity: 'Subscription' | 'Invoice' | 'ProductVersion' | 'User';
  id: number;
  type: EventType;
  /** Whose endpoints hear of it, for a subscription. */
  product?: number;
  metadata?: Record<string, unknown>;
}

export interface EventAttempt {
  at: string;
  status?: number;
  error?: string;
  durationMs: number;
}

/** One notification to one endpoint, with the story of its delivery. Instants are virtual. */
export interface EventRecord {
  id: number;
  entityName: string;
  entityId: number;
  type: EventType;
  recipient: Recipient;
  date: number;
  endpoint: string;
  product?: number;
  body: string;
  notified: boolean;
  /** Lost on the way by order of a test: counts as delivered, and the connector never hears of it. */
  dropped: boolean;
  held: boolean;
  lastError?: string;
  nextRetryAt: number;
  attempts: EventAttempt[];
}

export interface Events {
  emit(fact: Fact): void;
  /** Sends one event to one endpoint, as `POST /event` and the test button of a product do. */
  create(fact: Fact, target: EventTarget): EventRecord;
  /** Sends bytes as they are, once, with any signature; nothing is recorded and nothing repeated. */
  sendRaw(request: { endpoint: string; body: string; signature?: string }): Promise<Attempt>;
  /** Sends a recorded event once more, byte for byte; its record stays as it is. */
  repeat(eventId: number): Promise<Attempt>;
  list(): EventRecord[];
  remove(matches: (event: EventRecord) => boolean): number;
  hold(): void;
  release(order: 'sent' | 'reversed'): Promise<void>;
  drop(count: number): void;
  redeliver(): Promise<number>;
  /** Resolves when no event is queued or on its way; those that wait for a later retry do not count. */
  idle(): Promise<void>;
  reset(): void;
}

/**
 * Returns the event notifications of the marketplace.
 *
 * Each fact goes to the platform's endpoints, and those about subscriptions also to the vendor company's and the
 * product's. 204 and 200 end the delivery; 429 is repeated when its `Retry-After` says so, everything else with growing
 * delays in virtual time. Facts without an endpoint to hear them leave no event.
 *
 * @see https://docs.cloudesire.com/docs/event-notification.html
 */
export function createEvents(parts: { clock: Clock; state: State; switches: Switches; transport: Transport }): Events {
  const { clock, state, switches, transport } = parts;
  const records = new Map<number, EventRecord>();
  const retries = new Map<EventRecord, () => void>();
  const waiting: Array<{ event: EventRecord; done: () => void }> = [];
  const pending = new Map<EventRecord, Promise<void>>();
  const whenIdle: Array<() => void> = [];
  let underWay = 0;
  let isHolding = false;
  let toDrop = 0;

  function targetsOf(fact: Fact): EventTarget[] {
    const targets: EventTarget[] = state.platformEndpoints.map(({ url }) => ({ recipient: 'PLATFORM', endpoint: url }));
    const product = fact.product === undefined ? undefined : state.products.get(fact.product);
    if (product === undefined) return targets;
    const endpoint = state.companies.get(idOf(product.company))?.syndicationEndpoint;
    if (endpoint !== undefined) targets.push({ recipient: 'COMPANY', endpoint });
    for (const url of product.syndicationEndpoints) targets.push({ recipient: 'PRODUCT', endpoint: url });
    return targets;
  }

  /** The secret with which events to a target are signed; products stand in for one another when none is named. */
  function secretOf({ recipient, endpoint }: EventTarget, productId: number | undefined): string | undefined {
    const product = state.products.get(productId ?? 0) ?? [...state.products.values()][0];
    switch (recipient) {
      case 'PLATFORM':
        return state.platformEndpoints.find(({ url }) => url === endpoint)?.secret;
      case 'COMPANY':
        return product && state.companies.get(idOf(product.company))?.notificationSecretToken;
      case 'PRODUCT':
        return product?.notificationSecretToken;
    }
  }

  function bodyOf(fact: Fact, eventId: number, at: number): string {
    const date = writeDate(at, switches.dateForm);
    const entityUrl = `${fact.entity.charAt(0).toLowerCase()}${fact.entity.slice(1)}/${fact.id}`;
    const id = switches.eventIdForm === 'string' ? String(fact.id) : fact.id;
    const { entity, type } = fact;
    if (switches.eventExtras === 'absent') return JSON.stringify({ date, entity, entityUrl, id, type });
    const metadata = fact.metadata ?? {};
    return JSON.stringify({ id, eventId, entity, date, type, entityUrl, self: entityUrl, metadata });
  }

  function create(fact: Fact, target: EventTarget): EventRecord {
    const id = state.nextId('event');
    const date = clock.now();
    const event: EventRecord = {
      id,
      entityName: fact.entity,
      entityId: fact.id,
      type: fact.type,
      recipient: target.recipient,
      date,
      endpoint: target.endpoint,
      ...(fact.product === undefined ? {} : { product: fact.product }),
      body: bodyOf(fact, id, date),
      notified: false,
      dropped: false,
      held: false,
      nextRetryAt: date,
      attempts: [],
    };
    records.set(id, event);
    if (toDrop > 0) {
      toDrop -= 1;
      event.dropped = true;
      event.notified = true;
    } else if (isHolding) {
      event.held = true;
    } else {
      void enqueue(event);
    }
    return event;
  }

  /** Resolves after the attempt; an event that is already queued or on its way is not sent beside itself. */
  function enqueue(event: EventRecord): Promise<void> {
    const known = pending.get(event);
    if (known !== undefined) return known;
    const attempt = new Promise<void>((done) => waiting.push({ event, done }));
    pending.set(event, attempt);
    pump();
    return attempt;
  }

  function pump(): void {
    while (underWay < switches.eventConcurrency) {
      const next = waiting.shift();
      if (next === undefined) break;
      underWay += 1;
      void deliver(next.event).finally(() => {
        underWay -= 1;
        pending.delete(next.event);
        next.done();
        pump();
      });
    }
    if (underWay === 0) for (const resolve of whenIdle.splice(0)) resolve();
  }

  function post(endpoint: string, body: string, signature: string | undefined): Promise<Attempt> {
    return transport.send({
      method: 'POST',
      url: endpoint,
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json; charset=utf-8',
        'User-Agent': 'ClouDesire',
        ...(signature === undefined ? {} : { 'CMW-Event-Signature': signature }),
      },
      body,
      timeoutMs: switches.eventTimeoutMs,
    });
  }

  function signatureOf(event: EventRecord): string | undefined {
    const secret = secretOf(event, event.product);
    return secret === undefined ? undefined : signEvent(event.body, secret);
  }

  async function deliver(event: EventRecord): Promise<void> {
    cancelRetry(event);
    if (!isKept(event)) return;
    const at = new Date(clock.now()).toISOString();
    const attempt = await post(event.endpoint, event.body, signatureOf(event));
    const { status, error, durationMs } = attempt;
    event.attempts.push({
      at,
      durationMs,
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
    });
    if (status === 204 || status === 200) {
      event.notified = true;
      return;
    }
    event.lastError = error ?? `${status} ${STATUS_CODES[status ?? 0] ?? ''}`;
    if (isKept(event)) retryLater(event, attempt);
  }

  function isKept(event: EventRecord): boolean {
    return records.get(event.id) === event;
  }

  function cancelRetry(event: EventRecord): void {
    retries.get(event)?.();
    retries.delete(event);
  }

  function retryLater(event: EventRecord, attempt: Attempt): void {
    const wished = attempt.status === 429 ? retryAfterMs(attempt.headers) : undefined;
    const grown = switches.eventRetryFirstMs * switches.eventRetryFactor ** (event.attempts.length - 1);
    const retryAt = clock.now() + (wished ?? Math.min(grown, switches.eventRetryCapMs));
    event.nextRetryAt = retryAt;
    retries.set(
      event,
      clock.at(retryAt, () => {
        if (!isHolding) return enqueue(event);
        event.held = true;
        return undefined;
      }),
    );
  }

  return {
    emit(fact) {
      for (const target of targetsOf(fact)) create(fact, target);
    },
    create,
    sendRaw: ({ endpoint, body, signature }) => post(endpoint, body, signature),

    repeat(eventId) {
      const event = records.get(eventId);
      if (event === undefined) throw notFound('Event', eventId);
      return post(event.endpoint, event.body, signatureOf(event));
    },

    list: () => [...records.values()],

    remove(matches) {
      const removed = [...records.values()].filter(matches);
      for (const event of removed) {
        cancelRetry(event);
        records.delete(event.id);
      }
      return removed.length;
    },

    hold() {
      isHolding = true;
    },

    async release(order) {
      isHolding = false;
      const held = [...records.values()].filter((event) => event.held);
      if (order === 'reversed') held.reverse();
      for (const event of held) event.held = false;
      // One after the other, or the connections would decide about the order.
      for (const event of held) await enqueue(event);
    },

    drop(count) {
      toDrop = count;
    },

    async redeliver() {
      const undelivered = [...records.values()].filter(({ notified, held }) => !notified && !held);
      await Promise.all(undelivered.map((event) => enqueue(event)));
      return undelivered.filter(({ notified }) => notified).length;
    },

    idle() {
      if (underWay === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => whenIdle.push(resolve));
    },

    reset() {
      for (const cancel of retries.values()) cancel();
      retries.clear();
      records.clear();
      isHolding = false;
      toDrop = 0;
    },
  };
}

/** How long a reply wants to be left alone: seconds, or a date that is measured against the reply's own clock. */
function retryAfterMs(headers: Record<string, string>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const until = Date.parse(value);
  if (Number.isNaN(until)) return undefined;
  const from = Date.parse(headers.date ?? '');
  return Math.max(0, until - (Number.isNaN(from) ? Date.now() : from));
}
