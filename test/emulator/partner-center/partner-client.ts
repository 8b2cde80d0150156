import { randomUUID } from 'node:crypto';
import { type Clock, createClock } from '../core/clock.ts';
import { createFaults, type Faults } from '../core/faults.ts';
import { createTokens, type Token, type Tokens } from '../core/tokens.ts';
import { createPartnerCenterEmulator, type PartnerCenterEmulator } from './emulator.ts';
import type { Switches } from './switches.ts';

const START_AT = Date.parse('2026-09-01T09:10:00Z');
export const CUSTOMER_TEMPLATE = {
  CompanyProfile: { Domain: 'panificioaurora.onmicrosoft.com' },
  BillingProfile: {
    Culture: 'it-IT',
    Email: 'giulia.ferri@panificio-aurora.example',
    Language: 'it',
    CompanyName: 'Panificio Aurora S.r.l.',
    DefaultAddress: {
      FirstName: 'Giulia',
      LastName: 'Ferri',
      AddressLine1: "Via dell'Esempio 12",
      City: 'Milano',
      State: 'MI',
      PostalCode: '20121',
      Country: 'IT',
      PhoneNumber: '0255501234',
    },
  },
};

// biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every shape
export type Body = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
}

export interface CallOptions {
  as?: 'app' | 'user' | 'nobody';
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A partner's program, as tests play it: over HTTP, with tokens as Entra ID issues them. */
export interface PartnerClient {
  emulator: PartnerCenterEmulator;
  clock: Clock;
  faults: Faults;
  tokens: Tokens;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  get(path: string, options?: CallOptions): Promise<Body>;
  createCustomer(domain?: string): Promise<{ customerId: string; password: string }>;
  acceptAgreement(customerId: string): Promise<void>;
  /** The catalog item id of an offer `product:sku` as it is now. */
  itemId(offer: string, segment?: string): Promise<string>;
  createCart(customerId: string, lines: object[]): Promise<Answer>;
  checkOut(customerId: string, cartId: string, headers?: Record<string, string>): Promise<Answer>;
  /** Buys one line for a customer and returns the provisioned subscription. */
  buy(customerId: string, line: BuyOptions): Promise<Body>;
  read(customerId: string, subscriptionId: string): Promise<Body>;
  /** Reads the subscription, changes what is given, and writes it back as a whole. */
  change(customerId: string, subscriptionId: string, changes: object): Promise<Answer>;
  stop(): Promise<void>;
}

export interface BuyOptions {
  offer?: string;
  quantity?: number;
  billingCycle?: string;
  termDuration?: string;
  friendlyName?: string;
  [field: string]: unknown;
}

/** Starts a Partner Center of its own at 2026-09-01 09:10 UTC and a client for it. */
export async function startPartnerClient(switches: Partial<Switches> = {}): Promise<PartnerClient> {
  const clock = createClock(START_AT);
  const faults = createFaults();
  const tokens = createTokens(clock);
  const emulator = createPartnerCenterEmulator({ clock, faults, tokens });
  emulator.setSwitches({ checkoutTakesMs: 0, ...switches });
  await emulator.server.listen({ port: 0 });

  function issue(kind: Token['kind']): string {
    const facts = { audience: 'https://api.partnercenter.microsoft.com', tenant: 'partner', clientId: randomUUID() };
    return tokens.issue({ ...facts, kind, mfa: kind === 'user', expiresAt: clock.now() + 3_600_000 }).value;
  }

  async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { as = 'app', token, body, headers = {} } = options;
    const bearer = token ?? (as === 'nobody' ? undefined : issue(as));
    const response = await fetch(emulator.url + path, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  async function expectStatus(promise: Promise<Answer>, status: number): Promise<Body> {
    const answer = await promise;
    if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  const client: PartnerClient = {
    emulator,
    clock,
    faults,
    tokens,
    call,
    get: (path, options) => expectStatus(call('GET', path, options), 200),

    async createCustomer(domain = 'panificioaurora.onmicrosoft.com') {
      const body = { ...CUSTOMER_TEMPLATE, CompanyProfile: { Domain: domain } };
      const customer = await expectStatus(call('POST', '/v1/customers', { body }), 201);
      return { customerId: customer.id, password: customer.userCredentials.password };
    },

    async acceptAgreement(customerId) {
      const signatory = {
        country: 'IT',
        language: 'it-IT',
        companyName: 'Panificio Aurora S.r.l.',
        signatoryFirstName: 'Giulia',
        signatoryLastName: 'Ferri',
        signatoryEmail: 'giulia.ferri@panificio-aurora.example',
      };
      const { attestationId } = await expectStatus(call('POST', '/v1/attestations/enhanced', { body: signatory }), 201);
      emulator.acceptAttestation(attestationId);
      const body = { attestationId, type: 'MicrosoftCustomerAgreement' };
      await expectStatus(call('POST', `/v1/customers/${customerId}/agreements`, { body }), 201);
    },

    async itemId(offer, segment = 'commercial') {
      const [productId, skuId] = offer.split(':');
      const query = `country=IT&targetSegment=${segment}`;
      const list = await client.get(`/v1/products/${productId}/skus/${skuId}/availabilities?${query}`);
      return list.items[0].catalogItemId;
    },

    createCart(customerId, lines) {
      const lineItems = lines.map((line, id) => ({ id, ...line }));
      const body = { PartnerOnRecordAttestationAccepted: true, lineItems };
      return call('POST', `/v1/customers/${customerId}/carts`, { body });
    },

    checkOut(customerId, cartId, headers = {}) {
      return call('POST', `/v1/customers/${customerId}/carts/${cartId}/checkout`, { headers });
    },

    async buy(customerId, options) {
      const { offer = 'CFQ7TTC0XA11:0001', ...rest } = options;
      const isPlan = offer.startsWith('DZH318Z0BPS6');
      const terms = isPlan ? { billingCycle: 'one_time' } : { billingCycle: 'monthly', termDuration: 'P1Y' };
      const line = { catalogItemId: await client.itemId(offer), quantity: 1, ...terms, ...rest };
      const cart = await expectStatus(client.createCart(customerId, [line]), 201);
      const { orders } = await expectStatus(client.checkOut(customerId, cart.id), 201);
      await clock.advance(emulator.switches().orderDelayMs + 1_000);
      const order = await client.get(`/v1/customers/${customerId}/orders/${orders[0].id}`);
      return client.read(customerId, order.lineItems[0].subscriptionId);
    },

    read: (customerId, subscriptionId) => client.get(`/v1/customers/${customerId}/subscriptions/${subscriptionId}`),

    async change(customerId, subscriptionId, changes) {
      const subscription = await client.read(customerId, subscriptionId);
      const body = { ...subscription, ...changes };
      return call('PATCH', `/v1/customers/${customerId}/subscriptions/${subscriptionId}`, { body });
    },

    async stop() {
      clock.stop();
      await emulator.server.close();
    },
  };
  return client;
}
