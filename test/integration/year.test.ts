import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SubscriptionRecord } from '../../src/workflows/record.ts';
import type { SubscriptionState } from '../emulator/cloudesire/buying-controls.ts';
import { addCompany } from '../support/companies.ts';
import { createWorld, type World } from '../support/world.ts';

const DAY_MS = 86_400_000;
const SUBSCRIPTIONS = Number(process.env.YEAR_SUBSCRIPTIONS ?? 16);
const DAYS = Number(process.env.YEAR_DAYS ?? 100);
const SEED = Number(process.env.YEAR_SEED ?? 1);
/** A day of a subscription takes some milliseconds; a slow machine needs much longer. */
const TEST_WITHIN_MS = 50 * (20_000 + SUBSCRIPTIONS * DAYS * 10);

/** What customers do on a day, each with its chance. */
const CHANCES = { more: 0.012, fewer: 0.01, otherPlan: 0.004, terminate: 0.003, pay: 0.35, cancelRenewal: 0.001 };
const PLANS = { monthly: 2101, yearly: 2111, premiumMonthly: 2102, premiumYearly: 2112 };

interface Bought {
  friendlyName?: string;
  status: string;
  quantity: number;
  billedSeats: number;
  isTrial?: boolean;
  commitmentEndDate?: string;
  autoRenewEnabled?: boolean;
  scheduledActions?: { actionType: string; instructions?: { quantity?: number } }[];
  scheduledNextTermInstructions?: { product?: unknown; quantity?: number };
}

let world: World;

beforeAll(async () => {
  world = await createWorld();
  const { cloudesire, partnerCenter } = world.emulators;
  partnerCenter.acceptAllAttestations(true);
  partnerCenter.setSwitches({ transitionDelayMs: 2_000 });
  cloudesire.putPlan(PLANS.yearly, { minimumDuration: 12, billingPeriod: 1 }, PLANS.monthly);
  cloudesire.putPlan(PLANS.premiumYearly, { minimumDuration: 12, billingPeriod: 1 }, PLANS.premiumMonthly);
});

afterAll(() => world.close());

it(
  `${SUBSCRIPTIONS} subscriptions live ${DAYS} days (seed ${SEED}): what Microsoft bills is what was sold, or a rule says why not`,
  async () => {
    const random = seeded(SEED);
    const subscriptions: number[] = [];
    const reasons = new Map<string, number>();
    const violations: string[] = [];

    for (let day = 1; day <= DAYS; day += 1) {
      // Orders come in over the first half of the time; every third one is of a company that has bought before.
      const due = Math.ceil((SUBSCRIPTIONS * Math.min(day, DAYS / 2)) / (DAYS / 2));
      while (subscriptions.length < due) subscriptions.push(order(subscriptions.length, random));
      for (const id of subscriptions) behave(id, random);
      for (const id of await world.sweep()) await world.settle(id);
      await compare(day);
      await world.pass(DAY_MS);
    }
    await lastLooks();

    const books = world.emulators.partnerCenter.books();
    console.info(
      `${subscriptions.length} subscriptions, ${books.orders.length} orders, differences by rule: ${JSON.stringify(Object.fromEntries(reasons))}`,
    );
    expect(violations.slice(0, 20)).toEqual([]);
    expect(books.orders.length).toBeGreaterThan(SUBSCRIPTIONS / 2);

    async function compare(day: number): Promise<void> {
      const bought = (world.emulators.partnerCenter.subscriptions() as unknown as Bought[]).filter(
        ({ friendlyName }) => friendlyName,
      );
      for (const id of subscriptions) {
        const sold = world.emulators.cloudesire.subscription(id);
        const record = await world.records.get(id);
        const ours = bought.filter(({ friendlyName }) => friendlyName === `Cloudesire ${id}`);
        if (ours.length > 1) violations.push(`day ${day}: ${id} was bought ${ours.length} times`);
        const reason = whyDifferent(sold, record, ours[0]);
        if (reason === undefined) continue;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        if (reason.startsWith('NOT'))
          violations.push(`day ${day}: ${id} ${reason} ${describeBoth(sold, record, ours[0])}`);
      }
    }

    async function lastLooks(): Promise<void> {
      for (const id of subscriptions) {
        await world.settle(id);
        const record = await world.records.get(id);
        const hasReason = record?.waitingFor ?? record?.lastError?.code;
        if (record && !['done', 'idle', 'failed'].includes(record.state) && !hasReason)
          violations.push(`${id} is stuck in ${record.state} without a reason`);
        if (record?.state === 'failed') violations.push(`${id} failed: ${record.lastError?.code}`);
      }
    }
  },
  TEST_WITHIN_MS,
);

/** A company orders a licence, or tries one. */
function order(index: number, random: () => number): number {
  const { cloudesire } = world.emulators;
  const buyer = 20_000 + (index % 3 === 2 ? index - 1 : index);
  addCompany(world.emulators, buyer);
  // Microsoft gives a company one trial.
  const isTrial = random() < 0.15 && index % 3 === 0;
  const plan = isTrial || random() < 0.5 ? PLANS.monthly : PLANS.yearly;
  return cloudesire.placeOrder({
    plan,
    buyer,
    type: isTrial ? 'TRIAL' : 'NORMAL',
    paid: random() < 0.6,
    ...(!isTrial && { licenses: 1 + Math.floor(random() * 40) }),
  });
}

/** What the customer of a subscription may do on one day. */
function behave(id: number, random: () => number): void {
  const { cloudesire } = world.emulators;
  const { deploymentStatus, type, licenses = 1, plan, invoiceList } = cloudesire.subscription(id);
  const happens = (chance: number): boolean => random() < chance;
  if (invoiceList.some(({ status }) => status === 'UNPAID') && happens(CHANCES.pay)) cloudesire.pay(id);
  if (deploymentStatus === 'STOPPED' || deploymentStatus === 'DEPLOYED') {
    if (happens(CHANCES.terminate)) {
      cloudesire.terminate(id);
      return;
    }
  }
  if (deploymentStatus !== 'DEPLOYED' || type !== 'NORMAL') return;
  if (happens(CHANCES.more)) cloudesire.changeQuantity(id, licenses + 1 + Math.floor(random() * 5));
  else if (licenses > 1 && happens(CHANCES.fewer))
    cloudesire.changeQuantity(id, licenses - 1 - Math.floor(random() * (licenses - 1)));
  else if (happens(CHANCES.otherPlan)) {
    if (plan === PLANS.monthly) cloudesire.changePlan(id, PLANS.premiumMonthly);
    if (plan === PLANS.yearly) cloudesire.changePlan(id, PLANS.premiumYearly);
  } else if (happens(CHANCES.cancelRenewal)) cloudesire.switchAutoRenew(id, false);
}

/** The rules that allow Microsoft to bill other than what the marketplace sells; `NOT …` when none does. */
function whyDifferent(
  sold: SubscriptionState,
  record: SubscriptionRecord | undefined,
  bought: Bought | undefined,
): string | undefined {
  const isSold = sold.deploymentStatus === 'DEPLOYED' || sold.deploymentStatus === 'STOPPED';
  const soldSeats = isSold ? (sold.licenses ?? 0) : 0;
  const billedSeats = bought?.billedSeats ?? 0;
  if (isSold && !bought) return 'NOT delivered';
  const endsWithTerm =
    bought?.status !== 'active' ||
    (bought.autoRenewEnabled === false &&
      (bought.isTrial === true || bought.scheduledActions?.some(({ actionType }) => actionType === 'Cancel') === true));
  if (record?.lastError) return `a person was told: ${record.lastError.code}`;
  if (!isSold && bought && !endsWithTerm) return 'NOT ended';
  if (billedSeats === soldSeats) return undefined;
  if (isSold && (sold.type === 'TRIAL' || bought?.isTrial)) return 'a trial is free';
  if (!isSold) {
    const until = Date.parse(record?.fulfillment?.exposure?.until ?? '');
    return until + DAY_MS > world.emulators.clock.now() ? 'a term that was paid runs out' : 'NOT sold and yet billed';
  }
  if (/\bpay/.test(record?.waitingFor ?? '')) return 'a change waits for its payment';
  if (billedSeats < soldSeats) return 'NOT as many as were sold';
  const next = bought?.scheduledActions?.find(({ actionType }) => actionType === 'RenewToNewTerm')?.instructions;
  if (next?.quantity === soldSeats) return 'fewer seats from the next term on';
  return 'NOT given back';
}

function describeBoth(
  sold: SubscriptionState,
  record: SubscriptionRecord | undefined,
  bought: Bought | undefined,
): string {
  const { deploymentStatus, type, licenses, plan, paid } = sold;
  return JSON.stringify({
    sold: { deploymentStatus, type, licenses, plan, paid },
    record: record && { state: record.state, waitingFor: record.waitingFor, fulfillment: record.fulfillment },
    bought,
  });
}

/** A generator of pseudo-random numbers between 0 and 1 that repeats itself for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
