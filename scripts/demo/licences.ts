// The licences of the demo: two are bought, delivered and ended, step by step; a third one lives a whole life while more than a year passes.
import { printDay } from './narrator.ts';
import { DAY_MS, type Stage, WITHIN_MS } from './stage.ts';

const YEARLY_BASIC = 2103;
const YEARLY_PREMIUM = 2104;
const OVER = new Set(['deleted', 'disabled', 'expired']);

/** A licence as Microsoft shows and bills it. */
interface Licence {
  id: string;
  friendlyName: string;
  offerName: string;
  quantity: number;
  billedSeats: number;
  status: string;
  isTrial: boolean;
  autoRenewEnabled: boolean;
  commitmentEndDate: string;
  cancellationAllowedUntilDate?: string;
  scheduledActions?: { actionType: string; instructions?: { quantity: number } }[];
}

/** Seats on a day: what the marketplace sells, what Microsoft bills, and with how many it will renew. */
interface Balance {
  at: number;
  what: string;
  sold: number;
  billed: number;
  renewsWith: number | undefined;
}

export interface LicenceStory {
  /** The companies that buy. */
  companies: Set<string>;
  /** How many licences have been ordered so far. */
  count(): number;
  /** One customer has a card on file, the other one pays later; months pass; both leave. */
  sellTwo(): Promise<void>;
  /** A trial that becomes a year, grows, shrinks, falls behind with its payments, moves up, is renewed and leaves. */
  liveThrough(): Promise<void>;
  /** Reads the books, and holds them against what was promised. */
  summarize(): void;
}

export function createLicenceStory(stage: Stage): LicenceStory {
  const { emulators, promise, beginNextPeriod, say, chapter, until, untilState, read, look } = stage;
  const { cloudesire, partnerCenter, clock } = emulators;
  /** What was ordered, by subscription. */
  const titles = new Map<number, string>();
  const balances: Balance[] = [];

  return { companies: new Set(['512', '513', '514']), count: () => titles.size, sellTwo, liveThrough, summarize };

  /** The first story: one customer has a card on file, the other one pays later; months pass; both leave. */
  async function sellTwo(): Promise<void> {
    cloudesire.putPlan(YEARLY_BASIC, { name: 'Business Basic, yearly', minimumDuration: 12, billingPeriod: 1 }, 2101);
    const monthly = cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    follow(monthly, '10 seats, month by month, card on file');
    const yearly = cloudesire.placeOrder({ plan: YEARLY_BASIC, buyer: 1302, licenses: 4 });
    follow(yearly, '4 seats for a year, to be paid by invoice');

    await untilState(monthly, 'waiting');
    chapter('the customer accepts the Microsoft Customer Agreement');
    partnerCenter.acceptAllAttestations(true);
    await cloudesire.whenStatus(monthly, 'DEPLOYED', WITHIN_MS);
    await untilState(monthly, 'done');

    await untilState(yearly, 'idle');
    chapter('the invoice of the second order is paid');
    cloudesire.pay(yearly);
    await cloudesire.whenStatus(yearly, 'DEPLOYED', WITHIN_MS);
    await untilState(yearly, 'done');

    await clock.advance(2 * DAY_MS);
    chapter('two days later the first customer changes their mind; Microsoft still takes it back');
    cloudesire.terminate(monthly);
    await cloudesire.whenStatus(monthly, 'UNDEPLOYED', WITHIN_MS);
    await untilState(monthly, 'done');

    for (let month = 1; month <= 3; month += 1) {
      await beginNextPeriod(yearly);
      cloudesire.pay(yearly);
    }
    chapter(
      'three paid months later the second one leaves; its year is bound at Microsoft, so it must end with the term',
    );
    cloudesire.terminate(yearly);
    await cloudesire.whenStatus(yearly, 'UNDEPLOYED', WITHIN_MS);
    await untilState(yearly, 'done');
    const exposure = (await read(yearly))?.fulfillment?.exposure;
    say(
      yearly,
      `  listed for operations: Microsoft charges ${exposure?.seats} seats, the last day is ${printDay(exposure?.until ?? NaN)}`,
    );
  }

  /** The second story: a trial that becomes a year, grows, shrinks, falls behind with its payments, moves up, is renewed and leaves. */
  async function liveThrough(): Promise<void> {
    cloudesire.putPlan(YEARLY_PREMIUM, { name: 'Premium, yearly', minimumDuration: 12, billingPeriod: 1 }, 2102);
    cloudesire.putCompany(514, {
      name: 'Bergmann Optik GmbH',
      taxCode: 'DE234567891',
      address: {
        id: 9108,
        country: 'Deutschland',
        city: 'Jena',
        address: 'Carl-Zeiss-Platz 3',
        zipCode: '07743',
        countryCode: 'DE',
      },
      phoneNumber: '+49 3641 555 010',
      emailAddress: 'einkauf@bergmann-optik.example',
      language: 'de',
    });
    cloudesire.putBuyer(1304, {
      name: 'Lena',
      surname: 'Bergmann',
      email: 'lena.bergmann@bergmann-optik.example',
      language: 'de',
      company: { url: 'userCompany/514' },
    });

    chapter('a third customer starts a trial; it is delivered at once, for there is nothing to pay');
    const parameters = { MICROSOFT_DOMAIN: 'bergmannoptik' };
    const id = cloudesire.placeOrder({ plan: YEARLY_BASIC, buyer: 1304, type: 'TRIAL', parameters });
    follow(id, 'a trial with the 25 seats that Microsoft gives to each, which will become a year');
    await untilAtMicrosoft(id, { status: 'active', isTrial: true });
    balance(id, 'on trial');

    await clock.advance(28 * DAY_MS);
    chapter('two days before the trial ends the customer takes the licence for a year, to be paid month by month');
    cloudesire.convertTrial(id);
    await untilState(id, 'idle');
    say(id, 'the invoice is paid');
    cloudesire.pay(id);
    await untilAtMicrosoft(id, { isTrial: false, quantity: 25 });
    balance(id, 'taken for a year');

    await beginNextPeriod(
      id,
      'a month is paid, and the company grows to 30; Microsoft adds seats at once, but not before they are paid',
    );
    await payPeriod(id);
    cloudesire.changeQuantity(id, 30);
    await untilState(id, 'idle');
    say(id, 'the invoice for five more seats is paid');
    cloudesire.pay(id);
    await untilAtMicrosoft(id, { quantity: 30 });
    balance(id, 'five more seats');

    chapter('months pass, and each is paid; at Microsoft a year is bought, so nothing is to be done there');
    await payPeriods(id, 3);

    chapter('ten people leave; the customer wants 20 seats, which the marketplace grants from its next month on');
    cloudesire.changeQuantity(id, 20);
    await beginNextPeriod(id, 'that month begins; Microsoft takes no seats back before its year is over');
    await payPeriod(id);
    await untilAtMicrosoft(id, { quantity: 30, renewsWith: 20 });
    say(id, `the customer reads: "${cloudesire.subscription(id).instructions.en?.split('\n')[0]}"`);
    balance(id, 'ten seats fewer');

    await beginNextPeriod(id, 'an invoice that nobody pays; after five days the marketplace suspends the subscription');
    await clock.advance(5 * DAY_MS);
    await cloudesire.whenStatus(id, 'STOPPED', WITHIN_MS);
    await untilAtMicrosoft(id, { status: 'suspended' }, 'idle');
    say(id, `nobody can sign in, the data stay, and Microsoft goes on billing ${licenceOf(id).billedSeats} seats`);

    await clock.advance(DAY_MS);
    chapter('a day later the customer pays; everything comes back, the renewal with 20 seats included');
    cloudesire.pay(id);
    await cloudesire.whenStatus(id, 'DEPLOYED', WITHIN_MS);
    await untilAtMicrosoft(id, { status: 'active', autoRenewEnabled: true, renewsWith: 20 });
    balance(id, 'suspended and resumed');

    await beginNextPeriod(
      id,
      'the customer moves up to the premium plan; Microsoft moves the licence at once, without a new order',
    );
    await payPeriod(id);
    const { offerName, commitmentEndDate } = licenceOf(id);
    cloudesire.changePlan(id, YEARLY_PREMIUM);
    await untilState(id, 'idle');
    say(id, 'the invoice for the difference is paid');
    cloudesire.pay(id);
    await until('the premium plan at Microsoft', () => licenceOf(id).offerName !== offerName);
    await untilAtMicrosoft(id, { quantity: 30, renewsWith: 20 });
    say(id, `at Microsoft: ${offerName} has become ${licenceOf(id).offerName}`);
    balance(id, 'on the premium plan');

    chapter('the rest of the year passes, and each month is paid');
    const renewalAt = Date.parse(commitmentEndDate) + DAY_MS;
    await payPeriods(id, Infinity, renewalAt);

    await clock.advance(renewalAt + DAY_MS / 4 - clock.now());
    chapter("Microsoft's year is over; it has renewed by itself, with the seats that were on order");
    await look(id);
    await until('the renewal seen by the connector', async () => {
      const seen = (await read(id))?.fulfillment?.commitmentEndDate ?? commitmentEndDate;
      return Date.parse(seen) > renewalAt;
    });
    await untilAtMicrosoft(id, { status: 'active', autoRenewEnabled: true, quantity: 20 });
    const renewed = licenceOf(id);
    say(id, `at Microsoft: ${renewed.quantity} seats, bought until ${printDay(renewed.commitmentEndDate)}`);
    balance(id, 'renewed');

    const { endAt = clock.now() } = cloudesire.subscription(id);
    chapter(
      'the year of the marketplace is over too: it renews, and sends the first invoice of the second year',
      endAt,
    );
    await clock.advance(Math.max(0, endAt - clock.now()));
    await until('the renewal in the marketplace', () => (cloudesire.subscription(id).endAt ?? 0) > endAt);
    await untilAtMicrosoft(id, { quantity: 20, autoRenewEnabled: true });

    chapter('the customer leaves instead of paying; Microsoft renewed less than a week ago and still takes it back');
    say(id, `at Microsoft: can be cancelled until ${printDay(renewed.cancellationAllowedUntilDate ?? NaN)}`);
    cloudesire.terminate(id);
    await cloudesire.whenStatus(id, 'UNDEPLOYED', WITHIN_MS);
    await untilAtMicrosoft(id, { status: 'deleted' });
    balance(id, 'left');
  }

  /** The customer pays, and the connector looks at it. */
  async function payPeriod(id: number): Promise<void> {
    const { seq } = emulators.calls().at(-1)!;
    cloudesire.pay(id);
    await until('a look at the paid period', () => hasLookedSince(seq, id));
    await untilAtMicrosoft(id, {});
  }

  /** Lets so many periods begin and be paid, or those that begin before an instant. */
  async function payPeriods(id: number, atMost: number, before = Infinity): Promise<void> {
    const writesBefore = countWrites();
    let paid = 0;
    while (paid < atMost && (cloudesire.subscription(id).nextBillingAt ?? Infinity) < before) {
      await beginNextPeriod(id);
      await payPeriod(id);
      paid += 1;
      say(id, `${printDay(clock.now())}: the invoice of the month is paid`);
    }
    const writes = countWrites() - writesBefore;
    promise(`${paid} monthly payments caused ${writes || 'no'} changes at Microsoft`, writes === 0);
    balance(id, `${paid} months paid`);
  }

  /** Whether the connector has read the subscription after a call, and then what Microsoft has of it. */
  function hasLookedSince(seq: number, id: number): boolean {
    const reads = emulators.calls().filter((call) => call.method === 'GET' && call.seq > seq);
    const read = reads.find(({ server, path }) => server === 'cloudesire' && path.endsWith(`/subscription/${id}`));
    const licence = licenceOf(id).id;
    return (
      read !== undefined && reads.some((call) => call.seq > read.seq && call.path.endsWith(`/subscriptions/${licence}`))
    );
  }

  /** Calls so far that were to change something at Microsoft. */
  function countWrites(): number {
    const reads = ['GET', 'HEAD'];
    return emulators.calls().filter(({ server, method }) => server === 'partner-center' && !reads.includes(method))
      .length;
  }

  type Wanted = Pick<Licence, 'status' | 'isTrial' | 'quantity' | 'autoRenewEnabled'> & { renewsWith: number };

  /** Resolves once Microsoft shows this, and the connector rests: in this state, with nothing new to tell. */
  async function untilAtMicrosoft(id: number, wanted: Partial<Wanted>, state = 'done'): Promise<void> {
    let told = 0;
    await until(`${id} at Microsoft ${JSON.stringify(wanted)}, ${state} here`, async () => {
      const view = await read(id);
      const rests = view?.state === state && view.timeline.length === told;
      told = view?.timeline.length ?? 0;
      const found = licencesOf(id)[0];
      const shown = found && { ...found, renewsWith: renewsWith(found) };
      return rests && Object.entries(wanted).every(([fact, value]) => shown?.[fact as keyof Wanted] === value);
    });
  }

  function licencesOf(id: number): Licence[] {
    const all = partnerCenter.subscriptions() as unknown as Licence[];
    return all.filter(({ friendlyName }) => friendlyName === `Cloudesire ${id}`);
  }

  function licenceOf(id: number): Licence {
    const [found, ...others] = licencesOf(id);
    if (!found || others.length > 0)
      throw new Error(`Microsoft has ${others.length + (found ? 1 : 0)} licences of ${id}.`);
    return found;
  }

  /** Seats of the next term; undefined where it does not renew. */
  function renewsWith({ autoRenewEnabled, quantity, scheduledActions = [] }: Licence): number | undefined {
    const renewal = scheduledActions.find(({ actionType }) => actionType === 'RenewToNewTerm');
    return autoRenewEnabled ? (renewal?.instructions?.quantity ?? quantity) : undefined;
  }

  /** Seats that the marketplace charges for. */
  function seatsSold(id: number): number {
    const { deploymentStatus, type, licenses = 0 } = cloudesire.subscription(id);
    return deploymentStatus === 'UNDEPLOYED' || type === 'TRIAL' ? 0 : licenses;
  }

  function balance(id: number, what: string): void {
    const licence = licenceOf(id);
    balances.push({
      at: clock.now(),
      what,
      sold: seatsSold(id),
      billed: licence.billedSeats,
      renewsWith: renewsWith(licence),
    });
  }

  function summarize(): void {
    const { entries } = partnerCenter.books();
    const ids = [...titles.keys()];
    chapter('in the books: licences');
    for (const [id, title] of titles) {
      const { deploymentStatus, endpoints } = cloudesire.subscription(id);
      const { quantity, status } = licenceOf(id);
      say(id, title);
      say('', `  marketplace: ${deploymentStatus}, ${endpoints.length} addresses handed over`);
      say('', `  Microsoft: ${quantity} seats, ${status}; ${describeBilling(id)}`);
    }
    say('', `Seats sold to the customer of ${ids.at(-1)}, and billed by Microsoft:`);
    for (const { at, what, sold, billed, renewsWith: next } of balances) {
      const seats = `sold ${String(sold).padStart(2)}, billed ${String(billed).padStart(2)}`;
      const renewal = next === undefined || next === billed ? '' : `, ${next} from the renewal on`;
      say('', `  ${printDay(at).padStart(17)}: ${seats}${renewal} (${what})`);
    }

    const sold = ids.reduce((sum, id) => sum + seatsSold(id), 0);
    const billed = ids.reduce((sum, id) => sum + licenceOf(id).billedSeats, 0);
    say('', 'As promised?');
    promise(
      'on every day above Microsoft billed the seats that were sold, or will from the renewal on',
      ids.every((id) => licenceOf(id).quantity === cloudesire.subscription(id).licenses) && balances.every(isInBalance),
    );
    promise(
      'every subscription is over, in the marketplace and at Microsoft, and none slipped into an extended term',
      ids.every((id) => cloudesire.subscription(id).deploymentStatus === 'UNDEPLOYED') &&
        ids.every((id) => OVER.has(licenceOf(id).status)) &&
        !entries.some(({ what }) => what === 'subscription extended'),
    );
    promise(`seats sold now: ${sold}; seats billed now: ${billed}`, sold === billed);
  }

  function follow(id: number, title: string): void {
    titles.set(id, title);
    stage.follow(id, title);
  }

  /** Up to when Microsoft has charged for a licence, as its books say. */
  function describeBilling(id: number): string {
    const { entries } = partnerCenter.books();
    const own = entries.filter(({ subscriptionId }) => subscriptionId === licenceOf(id).id);
    const lastCharged = own.findLastIndex(({ billedSeats }) => Number(billedSeats) > 0);
    const next = own[lastCharged + 1];
    return next ? `no longer charged from ${printDay(next.at)}` : 'still charged';
  }

  function isInBalance({ sold, billed, renewsWith: next }: Balance): boolean {
    return sold === billed || sold === next;
  }
}
