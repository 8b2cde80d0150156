import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

/* Microsoft demands the Customer Agreement anew, for what is in service: the customer is asked, and what they wanted goes on. */

const DAY_MS = 86_400_000;
const LINK = 'https://cdn.partner.microsoft.com/mca/?attestationid=';
const KNOWLEDGE = /^Microsoft to know of the Customer Agreement that was accepted at 20/;
/** Microsoft's four hours, a fifteenth of them: long beside what looks take, on a slow machine too. */
const PACE = { POLL_EVERY_MS: '1000' };
const KNOWN_WITHIN_MS = 960_000;
const WAITS = /^the customer to accept the Microsoft Customer Agreement at https:/;

let world: World;

beforeAll(async () => {
  world = await createWorld(PACE);
});

beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  world.emulators.partnerCenter.setSwitches({ transitionDelayMs: 2_000 });
  world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
});

afterAll(() => world.close());

afterEach(() => {
  laterMs = 0;
  vi.restoreAllMocks();
});

const realNow = Date.now;
let laterMs = 0;

/** It is so much later for the connector, once more with each call. */
function laterBy(ms: number): void {
  laterMs += ms;
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + laterMs);
}

const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const recorded = async (id: number) => (await world.records.get(id))!;
const links = (id: number) => shown(id).endpoints.map(({ endpoint }) => endpoint);
const partnerSubscription = () => ({ ...world.emulators.partnerCenter.subscriptions()[0]! }) as Record<string, unknown>;
const changes = () =>
  world.emulators.partnerCenter
    .books()
    .entries.filter(({ what, by }) => what === 'subscription changed' && by === 'partner');

async function sell({ licenses = 10, type = 'NORMAL' as 'NORMAL' | 'TRIAL' } = {}): Promise<number> {
  const id = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses, paid: true, type });
  await world.settle(id);
  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  return id;
}

/** From now on Microsoft wants a newer agreement accepted, and the customer has not done so yet. */
async function demandAgreement(id: number): Promise<void> {
  world.emulators.partnerCenter.acceptAllAttestations(false);
  world.emulators.partnerCenter.requireReacceptance((await recorded(id)).fulfillment?.customerId ?? '');
}

/** The same for changes for which Microsoft does not say whether they need it. */
async function refuse(id: number, rule: { method: string; path: string }): Promise<void> {
  await demandAgreement(id);
  const body = { code: 13605, description: 'No Microsoft Customer Agreement was found', data: [], source: 'PartnerFD' };
  world.emulators.faults.inject({ server: 'partner-center', ...rule, kind: 'status', status: 403, body, times: 1_000 });
}

async function accept(id: number): Promise<void> {
  world.emulators.faults.clear();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  await world.settle(id);
}

/** Parked: the customer has the link beside the way in, and a text in both languages; nothing fails and nobody is alarmed. */
async function expectAsked(id: number, en: RegExp, it: RegExp): Promise<void> {
  expect(await recorded(id)).toMatchObject({ state: 'waiting', waitingFor: expect.stringMatching(WAITS) });
  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  expect(links(id)[0]).toContain(LINK);
  expect(links(id)).toContain('https://admin.microsoft.com/');
  expect(shown(id).instructions?.en).toMatch(en);
  expect(shown(id).instructions?.it).toMatch(it);
  expect(world.alerts).toEqual([]);
}

/** All is done, and the customer is asked for nothing any more. */
async function expectDone(id: number): Promise<void> {
  expect((await recorded(id)).state).toBe('done');
  expect(links(id).join()).not.toContain(LINK);
  expect(links(id)).toContain('https://admin.microsoft.com/');
  expect(shown(id).instructions?.en).toContain('licences');
  expect(shown(id).instructions?.en).not.toMatch(/agreement/i);
  expect(world.alerts).toEqual([]);
}

const CHECKOUT = { method: 'POST', path: '/checkout$' };
const refusal = {
  code: 13605,
  description: 'No Microsoft Customer Agreement was found',
  data: [],
  source: 'PartnerFD',
};

function refuseCheckouts(times: number): void {
  const rule = { server: 'partner-center', ...CHECKOUT, kind: 'status', status: 403, body: refusal, times } as const;
  world.emulators.faults.inject(rule);
}

const buy = () => world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
const calls = (method: string, path: RegExp) =>
  world.emulators.calls().filter((one) => one.method === method && path.test(one.path));

describe('the agreement, accepted for an order', () => {
  it('and not known at Microsoft yet is waited for: one link, one cart, and pauses that grow', async () => {
    refuseCheckouts(6);
    const id = buy();
    const pauses: number[] = [];
    for (let look = 0; look < 30 && shown(id).deploymentStatus !== 'DEPLOYED'; look += 1) {
      const outcome = await world.look(id);
      if (!('againInMs' in outcome)) break;
      if (KNOWLEDGE.test((await recorded(id)).waitingFor ?? '')) {
        pauses.push(outcome.againInMs);
        laterBy(outcome.againInMs);
      }
      await world.pass(Math.max(500, outcome.againInMs));
    }
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(pauses).toHaveLength(6);
    expect(pauses[0]).toBeGreaterThan(3_000);
    expect(pauses.at(-1)).toBeGreaterThan(2 * pauses[0]!);
    expect(calls('POST', /enhanced$/)).toHaveLength(1);
    expect(calls('POST', /\/carts$/)).toHaveLength(1);
    expect(new Set(calls('POST', /checkout$/).map(({ requestId }) => requestId)).size).toBe(7);
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);
    expect(world.alerts).toEqual([]);
  });

  it('and never known at Microsoft is told to operations after hours; once cured the order goes on by itself', async () => {
    refuseCheckouts(1_000);
    const id = buy();
    await world.settle(id, { looks: 8 });
    expect((await recorded(id)).state).toBe('waiting');
    laterBy(KNOWN_WITHIN_MS);
    await world.look(id);
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'agreement.not-recognised' },
    });
    expect(shown(id).deploymentStatus).toBe('PENDING');
    expect(calls('POST', /enhanced$/)).toHaveLength(1);
    world.emulators.faults.clear();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(calls('POST', /\/carts$/)).toHaveLength(1);
  });

  it('carts that come to nothing again and again are told to operations, and retry makes new ones', async () => {
    world.emulators.faults.inject({
      server: 'partner-center',
      ...CHECKOUT,
      kind: 'status',
      status: 404,
      body: { ...refusal, code: 800008 },
      times: 5,
    });
    const id = buy();
    await world.settle(id, { looks: 12 });
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention', lastError: { code: 'order.impossible' } });
    await world.records.askRetry(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);
  });
});

describe('the agreement, demanded anew', () => {
  it('parks more seats: the customer gets link and text, keeps what they have, and the seats come by themselves', async () => {
    const id = await sell();
    await demandAgreement(id);
    world.emulators.cloudesire.changeQuantity(id, 14, { paid: true });
    await world.settle(id, { looks: 8 });
    await expectAsked(id, /before it changes your subscription/, /prima di modificare il tuo abbonamento/);
    expect(partnerSubscription()).toMatchObject({ quantity: 10, status: 'active', autoRenewEnabled: true });

    await accept(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 14, autoRenewEnabled: true });
    expect(changes()).toHaveLength(1);
    await expectDone(id);
  });

  it('parks fewer seats', async () => {
    const id = await sell();
    await demandAgreement(id);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 6 });
    await world.settle(id, { looks: 8 });
    await expectAsked(id, /before it changes your subscription/, /prima di modificare/);
    await accept(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 6 });
    await expectDone(id);
  });

  it('parks another plan for days, in which what is for sale gets other identifiers, and it comes all the same', async () => {
    world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
    const id = await sell();
    await refuse(id, { method: 'POST', path: '/transitions$' });
    world.emulators.cloudesire.changePlan(id, 2102, { paid: true });
    await world.settle(id, { looks: 8 });
    await expectAsked(id, /before it changes your subscription/, /prima di modificare/);
    expect(String(partnerSubscription().offerId)).toMatch(/^CFQ7TTC0XA11:0001:/);

    await world.emulators.clock.advance(3 * DAY_MS);
    await accept(id);
    expect(String(partnerSubscription().offerId)).toMatch(/^CFQ7TTC0XC33:0001:/);
    await expectDone(id);
  });

  it('parks the licence that follows a trial', async () => {
    const id = await sell({ type: 'TRIAL' });
    await refuse(id, { method: 'PATCH', path: '/subscriptions/' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id, { looks: 8 });
    await expectAsked(id, /before it changes your subscription/, /prima di modificare/);
    await accept(id);
    await expectDone(id);
    await world.emulators.clock.advance(32 * DAY_MS);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, quantity: 4 });
  });

  it('parks the renewal', async () => {
    const id = await sell();
    const { partnerSubscriptionId = '' } = (await recorded(id)).fulfillment ?? {};
    world.emulators.partnerCenter.setAutoRenewByHand(partnerSubscriptionId, false);
    await refuse(id, { method: 'PATCH', path: '/subscriptions/' });
    await world.settle(id, { looks: 8 });
    await expectAsked(
      id,
      /before your subscription can be renewed/,
      /prima che il tuo abbonamento possa essere rinnovato/,
    );
    await accept(id);
    expect(partnerSubscription()).toMatchObject({ autoRenewEnabled: true });
    await expectDone(id);
  });

  it('parks the return of a suspended licence, and the customer is told that it waits for them', async () => {
    const id = await sell();
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    await refuse(id, { method: 'PATCH', path: '/subscriptions/' });
    world.emulators.cloudesire.resume(id);
    await world.settle(id, { looks: 8 });
    await expectAsked(id, /before your licences can be used again/, /prima che le tue licenze tornino utilizzabili/);
    await accept(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active', autoRenewEnabled: true });
    await expectDone(id);
  });

  it('is asked for once for all subscriptions of the company, whichever link is used', async () => {
    const ids = [await sell(), await sell()];
    await demandAgreement(ids[0]!);
    for (const id of ids) world.emulators.cloudesire.changeQuantity(id, 14, { paid: true });
    for (const id of ids) await world.settle(id, { looks: 8 });
    const [, second] = ids as [number, number];
    world.emulators.partnerCenter.acceptAttestation(new URL(links(second)[0]!).searchParams.get('attestationid') ?? '');
    for (const id of ids.reverse()) {
      await world.settle(id);
      await expectDone(id);
    }
    const seats = world.emulators.partnerCenter.subscriptions().map((one) => (one as { quantity?: number }).quantity);
    expect(seats).toEqual([14, 14]);
  });

  it('is asked for no more once the customer has taken the change back', async () => {
    const id = await sell();
    await demandAgreement(id);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 14 });
    await world.settle(id, { looks: 8 });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 10 });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 10 });
    await expectDone(id);
  });

  it('does not make the customer forget what is on order for the renewal', async () => {
    const id = await sell();
    for (let month = 0; month < 3; month += 1) await world.emulators.clock.advance(10 * DAY_MS);
    await refuse(id, { method: 'PATCH', path: '/subscriptions/' });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 1 });
    await world.settle(id, { looks: 8 });
    await expectAsked(id, /before it changes your subscription/, /prima di modificare/);
    await accept(id);
    expect(shown(id).instructions?.en).toMatch(/go on with one licence from its next renewal/);
    expect(shown(id).instructions?.it).toMatch(/proseguirà con una licenza dal prossimo rinnovo/);
    await expectDone(id);
  });

  it('that Microsoft does not know of at once is waited for with growing pauses, without a second link, then told to operations, and asked for anew on retry', async () => {
    const id = await sell();
    await refuse(id, { method: 'PATCH', path: '/subscriptions/' });
    world.emulators.cloudesire.changeQuantity(id, 14, { paid: true });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id, { looks: 8 });
    expect(await recorded(id)).toMatchObject({ state: 'waiting', waitingFor: expect.stringMatching(KNOWLEDGE) });
    expect(shown(id).instructions?.en).toMatch(/nothing is left for you to do/);
    expect(world.emulators.partnerCenter.attestations()).toHaveLength(2);
    expect(world.alerts).toEqual([]);

    laterBy(KNOWN_WITHIN_MS);
    await world.look(id);
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'agreement.not-recognised' },
    });
    expect(world.alerts).toEqual(['agreement.not-recognised']);
    expect(world.emulators.partnerCenter.attestations()).toHaveLength(2);

    world.emulators.partnerCenter.acceptAllAttestations(false);
    await world.records.askRetry(id);
    await world.look(id);
    expect(world.emulators.partnerCenter.attestations()).toHaveLength(3);
    expect(await recorded(id)).toMatchObject({ state: 'waiting', waitingFor: expect.stringMatching(WAITS) });
    await accept(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 14 });
    expect((await recorded(id)).state).toBe('done');
    expect(links(id)).toContain('https://admin.microsoft.com/');
    expect(links(id).join()).not.toContain(LINK);
  });

  it('is confirmed by the partner in classic mode, and the customer reads nothing of it', async () => {
    await world.close();
    world = await createWorld({ ...PACE, AGREEMENT_MODE: 'classic' });
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = await sell();
    const before = shown(id).instructions;
    await demandAgreement(id);
    world.emulators.cloudesire.changeQuantity(id, 14, { paid: true });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 14 });
    expect(shown(id).instructions).toEqual(before);
    await expectDone(id);
  });

  it('is confirmed once for an order in classic mode, however late Microsoft knows of it', async () => {
    refuseCheckouts(3);
    const id = buy();
    await world.settle(id, { looks: 5 });
    laterBy(KNOWN_WITHIN_MS / 2);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(calls('POST', /\/agreements$/)).toHaveLength(1);
  });
});
