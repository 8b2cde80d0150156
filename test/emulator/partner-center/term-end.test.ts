import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from './calendar.ts';
import { type Body, type PartnerClient, startPartnerClient } from './partner-client.ts';

const CANCEL_AT_END = { scheduleType: 'TermEnd', actionType: 'Cancel' };
const TRIAL = { offer: 'CFQ7TTC0XA11:0003', quantity: 25, billingCycle: 'none', termDuration: 'P1M' };

describe('the end of a term', () => {
  let client: PartnerClient;
  let customerId: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    customerId = (await client.createCustomer()).customerId;
    await client.acceptAgreement(customerId);
  });
  afterEach(() => client.stop());

  const read = (id: string) => client.read(customerId, id);
  const change = (id: string, changes: object) => client.change(customerId, id, changes);
  const buyMonthly = () => client.buy(customerId, { quantity: 10, termDuration: 'P1M' });
  const goTo = (instant: string) => client.clock.advance(Date.parse(instant) - client.clock.now());

  async function scheduled(quantity: number, termDuration = 'P1M'): Promise<object> {
    const [productId, skuId, availabilityId] = (await client.itemId('CFQ7TTC0XA11:0001')).split(':');
    return { product: { productId, skuId, availabilityId, billingCycle: 'monthly', termDuration }, quantity };
  }

  it('is the last minute of its last day: until then nothing happens', async () => {
    const { id, commitmentEndDate } = await buyMonthly();
    expect(commitmentEndDate).toBe('2026-09-30T00:00:00Z');
    await goTo('2026-09-30T23:59:58Z');
    expect((await read(id)).commitmentEndDate).toBe('2026-09-30T00:00:00Z');
    await goTo('2026-10-01T00:00:00Z');
    const renewed = await read(id);
    expect(renewed).toMatchObject({
      id,
      status: 'active',
      quantity: 10,
      effectiveStartDate: '2026-10-01T00:00:00.0000000Z',
      commitmentEndDate: '2026-10-31T00:00:00Z',
      cancellationAllowedUntilDate: '2026-10-08T00:00:00.0000000Z',
      refundableQuantity: { totalQuantity: 10 },
    });
    expect((await change(id, { status: 'deleted' })).status).toBe(200);
  });

  it('renews every month for a year, with its seats billed throughout', async () => {
    const { id } = await buyMonthly();
    await client.clock.advance(365 * DAY_MS);
    expect(await read(id)).toMatchObject({ status: 'active', commitmentEndDate: '2027-09-30T00:00:00Z' });
    const renewals = client.emulator.books().entries.filter(({ what }) => what === 'subscription renewed');
    expect(renewals).toHaveLength(12);
    expect(client.emulator.billed(id)).toBe(10);
  });

  it('brings the seats and term that were scheduled for it', async () => {
    const { id } = await buyMonthly();
    await change(id, { scheduledNextTermInstructions: await scheduled(6, 'P1Y') });
    await goTo('2026-10-01T00:00:00Z');
    const renewed = await read(id);
    expect(renewed).toMatchObject({ quantity: 6, termDuration: 'P1Y', commitmentEndDate: '2027-09-30T00:00:00Z' });
    expect(renewed).not.toHaveProperty('scheduledNextTermInstructions');
    expect(client.emulator.billed(id)).toBe(6);
    expect(client.emulator.billed(id, Date.parse('2026-09-30T12:00:00Z'))).toBe(10);
  });

  it('ends service and billing when the cancellation was scheduled, in the status of the dialect', async () => {
    const ids = [(await buyMonthly()).id, (await buyMonthly()).id];
    for (const id of ids) await change(id, { autoRenewEnabled: false, scheduledActions: [CANCEL_AT_END] });
    await goTo('2026-10-01T00:00:00Z');
    expect((await read(ids[0]!)).status).toBe('disabled');
    expect(client.emulator.billed(ids[0]!)).toBe(0);
    expect(await change(ids[0]!, { status: 'active' })).toMatchObject({ status: 400, body: { code: 900279 } });
    await client.clock.advance(90 * DAY_MS);
    expect((await read(ids[0]!)).status).toBe('deleted');
  });

  it('moves to extended service term, and goes on being billed, when nobody chose', async () => {
    const { id } = await client.buy(customerId, { quantity: 10 });
    await change(id, { autoRenewEnabled: false });
    await goTo('2027-09-01T00:00:00Z');
    expect(await read(id)).toMatchObject({
      status: 'active',
      termDuration: 'P1M',
      commitmentEndDate: '2027-09-30T00:00:00Z',
      EMULATED_extendedServiceTerm: true,
    });
    await goTo('2027-11-15T00:00:00Z');
    expect(client.emulator.billed(id)).toBe(10);
    expect((await change(id, { status: 'deleted' })).status).toBe(200);
    expect(client.emulator.billed(id)).toBe(0);
  });

  it('ends without a choice where that is switched so, and always did before May 2026', async () => {
    const { id } = await buyMonthly();
    await change(id, { autoRenewEnabled: false });
    client.emulator.setSwitches({ withoutChoice: 'end' });
    await goTo('2026-10-01T00:00:00Z');
    expect((await read(id)).status).toBe('expired');

    client.emulator.setSwitches({ withoutChoice: 'extend', endOfTermDialect: '2023' });
    const other = await buyMonthly();
    await change(other.id, { autoRenewEnabled: false });
    await goTo('2026-11-01T00:00:00Z');
    expect((await read(other.id)).status).toBe('expired');
    await client.clock.advance(30 * DAY_MS);
    expect((await read(other.id)).status).toBe('disabled');
    await client.clock.advance(90 * DAY_MS);
    expect((await read(other.id)).status).toBe('deleted');
  });

  it('disables what was suspended, and keeps it for 120 days', async () => {
    const { id } = await buyMonthly();
    await change(id, { status: 'suspended' });
    await goTo('2026-10-01T00:00:00Z');
    expect((await read(id)).status).toBe('disabled');
    expect(client.emulator.billed(id)).toBe(0);
    await client.clock.advance(119 * DAY_MS);
    expect((await read(id)).status).toBe('disabled');
    await client.clock.advance(DAY_MS);
    expect((await read(id)).status).toBe('deleted');
  });

  it('is read-only while a renewal waits in its queue', async () => {
    client.emulator.setSwitches({ renewalQueueMs: 6 * HOUR_MS });
    const { id } = await buyMonthly();
    await goTo('2026-10-01T01:00:00Z');
    expect(await change(id, { quantity: 11 })).toMatchObject({ status: 409, body: { code: 900278 } });
    expect(await change(id, { status: 'deleted' })).toMatchObject({ status: 409, body: { code: 900278 } });
    expect(await change(id, { autoRenewEnabled: false })).toMatchObject({ status: 400, body: { code: 900280 } });
    expect(await change(id, { status: 'suspended' })).toMatchObject({ status: 400, body: { code: 900280 } });
    await goTo('2026-10-01T06:00:00Z');
    expect(await read(id)).toMatchObject({
      commitmentEndDate: '2026-10-31T00:00:00Z',
      cancellationAllowedUntilDate: '2026-10-08T06:00:00.0000000Z',
    });
    expect((await change(id, { quantity: 11 })).status).toBe(200);
  });

  it('turns a trial into its paid equivalent, with a window of its own', async () => {
    const trial = await client.buy(customerId, TRIAL);
    expect(trial.scheduledNextTermInstructions).toMatchObject({
      product: { skuId: '0001', termDuration: 'P1Y' },
      quantity: 25,
    });
    await goTo('2026-10-01T00:00:00Z');
    expect(await read(trial.id)).toMatchObject({
      isTrial: false,
      status: 'active',
      quantity: 25,
      termDuration: 'P1Y',
      billingCycle: 'monthly',
      commitmentEndDate: '2027-09-30T00:00:00Z',
      refundableQuantity: { totalQuantity: 25 },
    });
    expect(client.emulator.billed(trial.id)).toBe(25);
  });

  it('turns a trial into fewer seats when that was scheduled', async () => {
    const trial = await client.buy(customerId, TRIAL);
    expect((await change(trial.id, { scheduledNextTermInstructions: await scheduled(6) })).status).toBe(200);
    await goTo('2026-10-01T00:00:00Z');
    expect(await read(trial.id)).toMatchObject({ isTrial: false, quantity: 6, termDuration: 'P1M' });
  });

  it('lets a trial expire with auto-renew off, the only thing that can be changed of it', async () => {
    const trial = await client.buy(customerId, TRIAL);
    expect(await change(trial.id, { quantity: 30 })).toMatchObject({ status: 400, body: { code: 800095 } });
    expect(await change(trial.id, { status: 'suspended' })).toMatchObject({ status: 400, body: { code: 800096 } });
    expect(await change(trial.id, { status: 'deleted' })).toMatchObject({ status: 400, body: { code: 800096 } });
    const off: Body = { autoRenewEnabled: false, scheduledNextTermInstructions: null };
    expect(await change(trial.id, off)).toMatchObject({ status: 200, body: { scheduledNextTermInstructions: null } });
    await goTo('2026-10-01T00:00:00Z');
    expect((await read(trial.id)).status).toBe('expired');
    expect(client.emulator.billed(trial.id)).toBe(0);
  });
});
