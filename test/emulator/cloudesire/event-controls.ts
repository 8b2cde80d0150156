import { type Attempt, signEvent } from './event-transport.ts';
import type { EventRecord, Events, EventType } from './events.ts';
import { idOf } from './model.ts';
import { refusal } from './refusal.ts';
import type { State } from './state.ts';

/** Who is to hear of events. What is left out stays as it is; `null` removes it. */
export interface EventSettings {
  /** Address of the vendor company, and the secret its events are signed with. */
  endpoint?: string | null;
  secret?: string | null;
  /** Further addresses by kind of CSP product, all with one secret. */
  products?: Partial<Record<'license' | 'azure' | 'arm', string | string[] | null>>;
  productSecret?: string | null;
  /** Addresses of the platform, which hear of every entity. */
  platform?: Array<{ url: string; secret?: string }>;
}

/** An event made by hand. Without `body` one is made of `entity`, `id`, `type` and now. */
export interface RawEvent {
  endpoint?: string;
  body?: unknown;
  entity?: string;
  id?: number | string;
  type?: string;
  /** `good` signs with the vendor's secret, `bad` with another one, `none` not at all; any other text is sent as it is. */
  signature?: string;
}

/** An event with the story of its delivery; instants are ISO texts in virtual time. */
export interface EventState extends Omit<EventRecord, 'date' | 'nextRetryAt'> {
  date: string;
  nextRetryAt: string;
}

const STUB_ID = 999_999;
const VENDOR = 40;

export type EventControls = Omit<ReturnType<typeof createEventControls>, 'restoreDeliveryTarget'>;

/** Returns the controls of event notifications: where they go, and everything that can go wrong with them. */
export function createEventControls(parts: { state: State; events: Events; now: () => number }) {
  const { state, events, now } = parts;
  let deliveryTarget: { endpoint: string; secret?: string } | undefined;

  function vendor() {
    const company = state.companies.get(VENDOR);
    if (company === undefined) throw new Error('The vendor company is gone.');
    return company;
  }

  function defaultEndpoint(): string {
    const productEndpoints = [...state.products.values()].flatMap(({ syndicationEndpoints }) => syndicationEndpoints);
    const endpoint = vendor().syndicationEndpoint ?? productEndpoints[0] ?? state.platformEndpoints[0]?.url;
    if (endpoint === undefined) throw refusal(409, 'No endpoint is configured for events');
    return endpoint;
  }

  function configureEvents(settings: EventSettings): void {
    const company = vendor();
    if (settings.endpoint === null) delete company.syndicationEndpoint;
    else if (settings.endpoint !== undefined) company.syndicationEndpoint = validUrl(settings.endpoint);
    if (settings.secret === null) delete company.notificationSecretToken;
    else if (settings.secret !== undefined) company.notificationSecretToken = settings.secret;

    for (const product of state.products.values()) {
      const wanted = product.cspProductType === undefined ? undefined : settings.products?.[product.cspProductType];
      if (wanted !== undefined) product.syndicationEndpoints = (wanted === null ? [] : [wanted].flat()).map(validUrl);
      if (settings.productSecret === null) delete product.notificationSecretToken;
      else if (settings.productSecret !== undefined) product.notificationSecretToken = settings.productSecret;
    }
    if (settings.platform !== undefined) {
      state.platformEndpoints = settings.platform.map(({ url, ...rest }) => ({ url: validUrl(url), ...rest }));
    }
  }

  return {
    configureEvents,

    restoreDeliveryTarget: (): void => {
      if (deliveryTarget !== undefined) configureEvents(deliveryTarget);
    },

    /** Sends events to this one address from now on, each fact once. The only setting that outlives a reset. */
    setDeliveryTarget(target: { endpoint: string; secret?: string }): void {
      configureEvents({ ...target, products: { license: null, azure: null, arm: null }, platform: [] });
      deliveryTarget = target;
    },

    /** Sends a test event as the product page does, by default about a subscription that does not exist. Returns its id. */
    sendTestEvent({
      subscription = STUB_ID,
      type = 'CREATED',
      endpoint = defaultEndpoint(),
    }: {
      subscription?: number;
      type?: EventType;
      endpoint?: string;
    } = {}): number {
      const product = state.subscriptions.get(subscription)?.product ?? [...state.products.keys()][0];
      const isProducts = [...state.products.values()].some((known) => known.syndicationEndpoints.includes(endpoint));
      const fact = { entity: 'Subscription', id: subscription, type } as const;
      return events.create(
        { ...fact, ...(product === undefined ? {} : { product }) },
        { recipient: isProducts ? 'PRODUCT' : 'COMPANY', endpoint },
      ).id;
    },

    /** Sends one request made by hand and returns how it was answered. It is neither recorded nor repeated. */
    sendEvent(raw: RawEvent = {}): Promise<Attempt> {
      const { endpoint = defaultEndpoint(), signature = 'good', entity = 'Subscription', id = STUB_ID } = raw;
      const date = `${new Date(now()).toISOString().slice(0, 19)}Z`;
      const entityUrl = `${entity.charAt(0).toLowerCase()}${entity.slice(1)}/${id}`;
      const made = { date, entity, entityUrl, id: String(id), type: raw.type ?? 'MODIFIED' };
      const body = typeof raw.body === 'string' ? raw.body : JSON.stringify(raw.body ?? made);
      const secret = vendor().notificationSecretToken ?? '';
      const value = { good: signEvent(body, secret), bad: signEvent(body, `${secret}-wrong`), none: undefined };
      const signed = signature in value ? value[signature as keyof typeof value] : signature;
      return events.sendRaw({ endpoint, body, ...(signed === undefined ? {} : { signature: signed }) });
    },

    /** Sends a recorded event again, byte for byte, as many times as wanted. */
    async repeatEvent(eventId: number, times = 1): Promise<Attempt[]> {
      const attempts: Attempt[] = [];
      for (let sent = 0; sent < times; sent += 1) attempts.push(await events.repeat(eventId));
      return attempts;
    },

    holdEvents: (): void => events.hold(),

    /** Sends what was held, one after the other, in the order of events or in the reverse one. */
    releaseEvents: ({ order = 'sent' }: { order?: 'sent' | 'reversed' } = {}): Promise<void> => events.release(order),

    /** Lets the next so many notifications get lost; the platform takes them for delivered. */
    dropEvents: (count: number): void => events.drop(count),

    /** Tries every undelivered event now and returns how many got through. */
    redeliver: (): Promise<number> => events.redeliver(),

    /** Resolves when no notification is queued or on its way. */
    whenEventsIdle: (): Promise<void> => events.idle(),

    events: (): EventState[] =>
      events.list().map((event) => ({
        ...structuredClone(event),
        date: new Date(event.date).toISOString(),
        nextRetryAt: new Date(event.nextRetryAt).toISOString(),
      })),

    /** Sets the addresses that are asked to validate orders and for parameter values. */
    configureCallbacks(urls: {
      orderValidationUrls?: string[];
      parameterValuesUrl?: string;
      parameter?: string;
    }): void {
      for (const product of state.products.values()) {
        if (urls.orderValidationUrls !== undefined) {
          product.orderValidationUrls = urls.orderValidationUrls.map(validUrl);
        }
        for (const reference of product.configurationParameters) {
          const parameter = state.configurationParameters.get(idOf(reference));
          if (parameter === undefined || parameter.code !== (urls.parameter ?? 'REGION')) continue;
          if (urls.parameterValuesUrl !== undefined) parameter.externalValuesUrl = validUrl(urls.parameterValuesUrl);
        }
      }
    },
  };
}

function validUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw refusal(400, `${url} is not an http or https address`);
  return url;
}
