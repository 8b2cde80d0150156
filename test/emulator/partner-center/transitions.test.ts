import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from './calendar.ts';
import { type Answer, type PartnerClient, startPartnerClient } from './partner-client.ts';

const PREMIUM = 'CFQ7TTC0XC33:0001';

describe('a transition', () => {
  let client: PartnerClient;
  let customerId: string;
  let id: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    customerId = (await client.createCustomer()).customerId;
    await client.acceptAgreement(customerId);
    id = (await client.buy(customerId, { quantity: 12 })).id;
  });
  afterEach(() => client.stop());

  const read = (subscriptionId = id) => client.read(customerId, subscriptionId);
  const path = (name: string, subscriptionId = id) =>
    `/v1/customers/${customerId}/subscriptions/${subscriptionId}/${name}`;

  async function upgrade(fields: object = {}, subscriptionId = id): Promise<Answer> {
    const toCatalogItemId = await client.itemId(PREMIUM);
    const body = { toCatalogItemId, quantity: 12, transitionType: 'transition_only', ...fields };
    return client.call('POST', path('transitions', subscriptionId), { body });
  }

  it('of all seats keeps the id and the end of the term', async () => {
    const { items } = await client.get(path('transitionEligibilities?eligibilityType=immediate'));
    expect(items).toMatchObject([
      { catalogItemId: await client.itemId(PREMIUM), eligibilities: [{ isEligible: true }] },
    ]);
    const before = await read();
    const { status, body } = await upgrade();
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { toSubscriptionId: id, events: [{ status: 'Started' }] },
    });
    expect(await client.change(customerId, id, { quantity: 13 })).toMatchObject({
      status: 409,
      body: { code: 900278 },
    });
    await client.clock.advance(MINUTE_MS);
    const history = await client.get(path(`transitions?operationId=${body.operationId}`));
    expect(history.items[0].events.map((event: { status: string }) => event.status)).toEqual(['Started', 'Completed']);
    expect(await read()).toMatchObject({
      offerName: 'Sample Workspace Premium',
      quantity: 12,
      commitmentEndDate: before.commitmentEndDate,
    });
  });

  it('can be made to fail, and changes nothing then', async () => {
    client.emulator.setSwitches({ transitionOutcome: 'fail' });
    const before = await read();
    const { body } = await upgrade();
    await client.clock.advance(MINUTE_MS);
    const history = await client.get(path(`transitions?operationId=${body.operationId}`));
    expect(history.items[0].events.at(-1)).toMatchObject({ status: 'Failed', errors: [{ code: 3 }] });
    expect(await read()).toMatchObject({ offerId: before.offerId, quantity: 12, status: 'active' });
  });

  it.each([
    ['new-id', 'active'],
    ['new-id-former-ends-first', 'deleted'],
  ] as const)(
    'of all seats ends in another subscription where the switch says so (%s)',
    async (fullTransition, status) => {
      client.emulator.setSwitches({ fullTransition });
      const { body } = await upgrade();
      expect(body.toSubscriptionId).toMatch(/^[0-9a-f-]{36}$/);
      expect(body.toSubscriptionId).not.toBe(id);
      expect(await read()).toMatchObject({ status });
      await client.clock.advance(MINUTE_MS);
      expect(await read()).toMatchObject({ status: 'deleted' });
      expect(await read(body.toSubscriptionId)).toMatchObject({
        status: 'active',
        quantity: 12,
        autoRenewEnabled: true,
        offerName: 'Sample Workspace Premium',
      });
    },
  );

  it('leads down at the renewal, and to a longer term of the same SKU, only where the switches say so', async () => {
    const offered = async (type: string, of = id) =>
      (await client.get(path(`transitionEligibilities?eligibilityType=${type}`, of))).items.map(
        ({ catalogItemId }: { catalogItemId: string }) => catalogItemId.split(':').slice(0, 2).join(':'),
      );
    expect(await offered('immediate')).toEqual([PREMIUM]);
    client.emulator.setSwitches({ sameSkuEligible: true, scheduledDowngrades: true });
    expect(await offered('immediate')).toEqual([PREMIUM, 'CFQ7TTC0XA11:0001']);
    await upgrade();
    await client.clock.advance(MINUTE_MS);
    expect(await offered('immediate')).toEqual([PREMIUM]);
    expect(await offered('scheduled')).toEqual([PREMIUM, 'CFQ7TTC0XA11:0001']);
  });

  it('of some seats makes a second subscription that ends with the first', async () => {
    const { body } = await upgrade({ quantity: 4 });
    expect(body.toSubscriptionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.toSubscriptionId).not.toBe(id);
    await client.clock.advance(MINUTE_MS);
    const [source, created] = [await read(), await read(body.toSubscriptionId)];
    expect(source.quantity).toBe(8);
    expect(created).toMatchObject({
      quantity: 4,
      commitmentEndDate: source.commitmentEndDate,
      cancellationAllowedUntilDate: source.cancellationAllowedUntilDate,
    });
    expect(client.emulator.billed(id) + client.emulator.billed(created.id)).toBe(12);
  });

  it('into an existing subscription adds the seats there, unless that one is new, ends early or is no match', async () => {
    const target = await client.buy(customerId, { offer: PREMIUM, quantity: 5 });
    const into = { toSubscriptionId: target.id };
    expect(await upgrade(into)).toMatchObject({ status: 400, body: { code: 900259 } });
    await client.clock.advance(8 * DAY_MS);
    expect((await upgrade(into)).status).toBe(200);
    await client.clock.advance(MINUTE_MS);
    expect((await read(target.id)).quantity).toBe(17);
    expect((await read()).status).toBe('deleted');

    const third = (await client.buy(customerId, { quantity: 2 })).id;
    expect(await upgrade({ ...into, quantity: 2 }, third)).toMatchObject({ status: 400, body: { code: 900261 } });
    client.emulator.cancelByHand(target.id);
    expect(await upgrade({ ...into, quantity: 2 }, third)).toMatchObject({ status: 400, body: { code: 900258 } });
  });

  it('goes upwards only, in SKU and in term', async () => {
    expect(await upgrade({ termDuration: 'P1M' })).toMatchObject({ status: 400, body: { code: 900267 } });
    const sameSku = { toCatalogItemId: await client.itemId('CFQ7TTC0XA11:0001') };
    expect(await upgrade({ ...sameSku, termDuration: 'P1M' })).toMatchObject({ status: 400, body: { code: 800122 } });
    expect((await upgrade({ ...sameSku, termDuration: 'P3Y' })).status).toBe(200);
    await client.clock.advance(MINUTE_MS);
    expect(await read()).toMatchObject({ termDuration: 'P3Y', commitmentEndDate: '2029-08-31T00:00:00Z' });
    const premium = await client.buy(customerId, { offer: PREMIUM });
    const down = { ...sameSku, quantity: 1 };
    expect(await upgrade(down, premium.id)).toMatchObject({ status: 400, body: { code: 900236 } });
    expect(await client.get(path('transitionEligibilities', premium.id))).toMatchObject({ totalCount: 0, items: [] });
  });

  it('opens no new window for cancelling, a longer term included', async () => {
    await client.clock.advance(7 * DAY_MS);
    const toCatalogItemId = await client.itemId('CFQ7TTC0XA11:0001');
    expect((await upgrade({ toCatalogItemId, termDuration: 'P3Y' })).status).toBe(200);
    await client.clock.advance(MINUTE_MS);
    const late = await client.change(customerId, id, { status: 'deleted' });
    expect(late).toMatchObject({ status: 400, body: { code: 900117 } });
  });

  it('of a trial makes it paid at once, with at least 25 seats', async () => {
    const trialLine = { offer: 'CFQ7TTC0XA11:0003', quantity: 25, billingCycle: 'none', termDuration: 'P1M' };
    client.emulator.cancelByHand(id);
    const trial = await client.buy(customerId, trialLine);
    const toCatalogItemId = await client.itemId('CFQ7TTC0XA11:0001');
    expect(await upgrade({ toCatalogItemId, quantity: 24 }, trial.id)).toMatchObject({
      status: 400,
      body: { code: 2002 },
    });
    expect(await upgrade({ toCatalogItemId, quantity: 30, termDuration: 'P1M' }, trial.id)).toMatchObject({
      status: 400,
      body: { code: 900268 },
    });
    expect((await upgrade({ toCatalogItemId, quantity: 30 }, trial.id)).status).toBe(200);
    await client.clock.advance(MINUTE_MS);
    expect(await read(trial.id)).toMatchObject({
      isTrial: false,
      quantity: 30,
      termDuration: 'P1Y',
      billingCycle: 'monthly',
    });
    expect(client.emulator.billed(trial.id)).toBe(30);
  });

  it('can list its history, and hide its target, in the other spelling', async () => {
    client.emulator.setSwitches({ transitionHistoryKey: 'transition', transitionTargetInReply: false });
    expect((await upgrade()).body).not.toHaveProperty('toSubscriptionId');
    expect((await client.get(path('transitions'))).transition[0].toSubscriptionId).toBe(id);
  });
});
