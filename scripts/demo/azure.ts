// The Azure products of the demo: a template, a machine of the Azure Marketplace and our own template of three tiers are ordered, handed over,
// used, suspended, changed and ended; then Azure's books are read and held against what was promised.
import { readFileSync } from 'node:fs';
import { DAY_MS, type Stage, WITHIN_MS } from './stage.ts';

const STACK_PLAN = 2301;
const TIERS_PLAN = 2302;
const MACHINE_PLAN = 2201;
const LARGER_MACHINE_PLAN = 2202;
const NEW_COMPANY = 515;
const NEW_BUYER = 1305;
/** Their company is a customer of Microsoft since it bought a licence. */
const KNOWN_BUYER = 1302;
const LARGER_SIZE = 'Standard_D2s_v5';
const THREE_TIERS = new URL('../../templates/three-tier.json', import.meta.url);
const ORDER_TAG = 'cloudesire-subscription';
const HOUR_MS = 3_600_000;
const NAMES_WIDTH = 18;
const SECRET = /password|key/i;

/** A resource as Azure shows it. */
interface Resource {
  id: string;
  type: string;
  name: string;
  power: string | null;
  properties?: { hardwareProfile?: { vmSize?: string } };
}

interface Order {
  id: number;
  title: string;
  /** What it has cost in all, when the marketplace asked last. */
  cost: number;
}

export interface AzureStory {
  /** The companies that buy. */
  companies: Set<string>;
  /** One company buys a template and a machine, another one a template in an Azure subscription of its own. */
  buy(): Promise<void>;
  /** Costs come up, one is not paid for in time, another one grows. */
  use(): Promise<void>;
  /** All of them leave. */
  leave(): Promise<void>;
  /** Reads the books, and holds them against what was promised. */
  summarize(): void;
}

export function createAzureStory(stage: Stage): AzureStory {
  const { emulators, service, endpointSecret, promise, read, say, chapter, until, untilState } = stage;
  const { cloudesire, partnerCenter, arm, templates, clock } = emulators;
  const orders: Order[] = [];
  let stack: Order;
  let machine: Order;
  let tiers: Order;
  let ownSubscription: string | undefined;
  let costAfterEnd: ((order: Order) => number) | undefined;

  return { companies: new Set(['513', '515']), buy, use, leave, summarize };

  async function buy(): Promise<void> {
    welcome();
    chapter('a company that Microsoft does not know yet orders a web stack, which a template describes');
    stack = place('a web stack of two tiers, by a template', {
      plan: STACK_PLAN,
      buyer: NEW_BUYER,
      parameters: { DNS_PREFIX: 'vela-blu-shop', REGION: 'italynorth', ADMIN_PASSWORD: 'Lk7!only-for-the-demo' },
    });
    await untilDelivered(stack);

    chapter(
      'it orders a machine of the Azure Marketplace as well; customer, Azure plan and subscription are there already',
    );
    machine = place('a machine of the Azure Marketplace', {
      plan: MACHINE_PLAN,
      buyer: NEW_BUYER,
      parameters: { DNS_PREFIX: 'vela-blu-files' },
    });
    await untilDelivered(machine);

    sellThreeTiers();
    chapter(
      'the customer of the licence for a year orders three tiers, in an Azure subscription of its own, where it may look',
    );
    tiers = place('three tiers in a subscription of their own, by templates/three-tier.json; to be paid by invoice', {
      plan: TIERS_PLAN,
      buyer: KNOWN_BUYER,
      paid: false,
      parameters: {
        DNS_PREFIX: 'hafenkontor-fleet',
        REGION: 'germanywestcentral',
        ADMIN_PASSWORD: 'Rt5!only-for-the-demo',
      },
    });
    await untilState(tiers.id, 'idle');
    say(tiers.id, 'the invoice is paid');
    cloudesire.pay(tiers.id);
    await untilDelivered(tiers);
    promise(
      'the machines and the database of the three tiers run',
      machinesOf(tiers).length === 2 &&
        runningOf(tiers).length === 3 &&
        machinesOf(tiers).every(({ power }) => power === 'running'),
    );
    const readers = arm.roleAssignments().filter(({ principalType }) => principalType === 'User');
    promise(
      'the administrator of the tenant may look at the three tiers in the portal, and at nothing else',
      readers.length === 1 && readers[0]?.scope === `/subscriptions/${azureOf(tiers)}`,
    );
    promise(
      'the two orders of one company share an Azure subscription, the third has another one',
      azureOf(stack) === azureOf(machine) && azureOf(stack) !== azureOf(tiers),
    );
  }

  async function use(): Promise<void> {
    chapter('ten days pass, and the marketplace asks what has been used, to charge for it');
    const perDay = await passDays(10);
    for (const order of orders)
      say(order.id, `GET /usage/…/azure-cost: ${euro(order.cost)}, which is ${euro(perDay(order))} a day`);
    promise(
      'each of them has cost something',
      orders.every(({ cost }) => cost > 0),
    );
    await suspendAndResume(perDay(tiers));
    await enlarge();
  }

  async function suspendAndResume(costOfDay: number): Promise<void> {
    chapter('somebody stops one of the machines of the three tiers by hand');
    arm.powerByHand({ resource: machinesOf(tiers)[1]!.id, action: 'deallocate' });
    const ranBefore = runningOf(tiers);
    say(tiers.id, `runs now: ${ranBefore.join(', ')}`);

    const { nextBillingAt = clock.now() } = cloudesire.subscription(tiers.id);
    chapter('a month is over; two pay by card, the invoice of the third is not paid', nextBillingAt);
    await passDays((nextBillingAt - clock.now()) / DAY_MS + 5);
    await stage.meanwhile(async () => {
      await cloudesire.whenStatus(tiers.id, 'STOPPED', WITHIN_MS);
      await until('the three tiers stopped', () => runningOf(tiers).length === 0);
      await untilState(tiers.id, 'idle');
    });
    const perDay = await passDays(2);
    promise(
      `nothing of it runs; disks and addresses cost on, ${euro(perDay(tiers))} a day instead of ${euro(costOfDay)}`,
      runningOf(tiers).length === 0 && perDay(tiers) < costOfDay / 3,
    );

    chapter('two days later the customer pays; what ran before runs again');
    cloudesire.pay(tiers.id);
    await stage.meanwhile(async () => {
      await cloudesire.whenStatus(tiers.id, 'DEPLOYED', WITHIN_MS);
      await until('the three tiers in service again', () => runningOf(tiers).length >= ranBefore.length);
      await untilState(tiers.id, 'done');
    });
    say(tiers.id, `runs now: ${runningOf(tiers).join(', ')}`);
    promise('what ran before the suspension runs after it, and nothing else', isSame(runningOf(tiers), ranBefore));
  }

  async function enlarge(): Promise<void> {
    const before = sizeOf(machine);
    chapter('the machine becomes larger: another plan, which is the same image in another size; it is paid by card');
    await stage.meanwhile(async () => {
      cloudesire.changePlan(machine.id, LARGER_MACHINE_PLAN);
      await until(`the machine in size ${LARGER_SIZE}`, () => sizeOf(machine) === LARGER_SIZE);
      await untilState(machine.id, 'done');
    });
    say(machine.id, `in Azure: ${before} has become ${sizeOf(machine)}`);
    promise('it is the same machine, in service', runningOf(machine).length === 1 && machinesOf(machine).length === 1);
  }

  async function leave(): Promise<void> {
    await passDays(3);
    chapter('all of them are terminated');
    ownSubscription = azureOf(tiers);
    await stage.meanwhile(async () => {
      for (const { id } of orders) cloudesire.terminate(id);
      for (const { id } of orders) {
        await cloudesire.whenStatus(id, 'UNDEPLOYED', WITHIN_MS);
        await untilState(id, 'done');
      }
    });
    // What ran on the day of the end is known only now.
    await passDays(1);
    costAfterEnd = await passDays(2);
  }

  function summarize(): void {
    const { created } = arm.books();
    chapter('in the books: Azure');
    for (const { id, title, cost } of orders) {
      const { deploymentStatus, endpoints } = cloudesire.subscription(id);
      const made = created.filter(({ group }) => group === groupOf(id)).length;
      say(id, title);
      say('', `  marketplace: ${deploymentStatus}, ${count(endpoints.length, 'address', 'addresses')} handed over`);
      say('', `  Azure: ${made} resources made, ${leftOf(id).length || 'none'} left; ${euro(cost)} in all`);
    }
    say('', 'As promised?');
    const plans = azurePlans();
    const buyers = new Set(plans.map(({ customerId }) => customerId)).size;
    promise(
      `one Azure plan for each of ${buyers} companies, whatever they ordered: ${plans.length}`,
      plans.length === 2 && buyers === 2,
    );
    const subscriptions = arm.subscriptions();
    const own = subscriptions.find(({ id }) => id === ownSubscription);
    promise(
      `one Azure subscription with each plan, and one for the order that wanted its own: ${subscriptions.length}; that one is ${own?.state.toLowerCase()}`,
      subscriptions.length === 3 && own !== undefined && own.state !== 'Enabled',
    );
    promise(
      'every order is over, and nothing is left of it in Azure',
      orders.every(({ id }) => cloudesire.subscription(id).deploymentStatus === 'UNDEPLOYED') &&
        orders.every(({ id }) => leftOf(id).length === 0),
    );
    promise(
      'the administrator may no longer look there',
      !arm.roleAssignments().some(({ principalType }) => principalType === 'User'),
    );
    promise(
      'nothing costs any more',
      orders.every((order) => order.cost > 0 && costAfterEnd?.(order) === 0),
    );
  }

  /** A company and a person who have bought nothing yet. */
  function welcome(): void {
    cloudesire.putCompany(NEW_COMPANY, {
      name: 'Vela Blu S.r.l.',
      taxCode: 'IT03467210104',
      address: {
        id: 9109,
        country: 'Italia',
        city: 'Genova',
        address: 'Calata Gadda 11',
        zipCode: '16128',
        state: 'GE',
        countryCode: 'IT',
      },
      phoneNumber: '+39 010 555 0190',
      emailAddress: 'acquisti@velablu.example',
      language: 'it',
    });
    cloudesire.putBuyer(NEW_BUYER, {
      name: 'Marta',
      surname: 'Costa',
      email: 'marta.costa@velablu.example',
      language: 'it',
      company: { url: `userCompany/${NEW_COMPANY}` },
    });
    cloudesire.putPlan(LARGER_MACHINE_PLAN, { name: 'Larger machine', price: 160 }, MACHINE_PLAN);
    cloudesire.putPlanMetadata(LARGER_MACHINE_PLAN, {
      azurePublisher: 'aurora-linux',
      azureOffer: 'hardened-server',
      azureSku: '22-04-gen2',
      vmSize: LARGER_SIZE,
    });
  }

  /** Publishes our template, and a plan that names it. */
  function sellThreeTiers(): void {
    const address = templates.publish({ path: '/shop/three-tier.json', content: readFileSync(THREE_TIERS, 'utf8') });
    cloudesire.putPlan(TIERS_PLAN, { name: 'Three tiers', price: 390 }, STACK_PLAN);
    cloudesire.putPlanMetadata(TIERS_PLAN, {
      template: address,
      azureSubscription: 'dedicated',
      azureAccess: 'reader',
    });
  }

  function place(
    title: string,
    order: { plan: number; buyer: number; parameters: Record<string, string>; paid?: boolean },
  ): Order {
    const id = cloudesire.placeOrder({ paid: true, ...order });
    const placed = { id, title, cost: 0 };
    orders.push(placed);
    stage.follow(id, title);
    return placed;
  }

  /** Shows what the customer gets, and what is there. */
  async function untilDelivered({ id }: Order): Promise<void> {
    await stage.meanwhile(() => untilState(id, 'done'));
    const { endpoints, credentials } = cloudesire.subscription(id);
    say(id, 'the customer gets');
    for (const { endpoint, description } of endpoints)
      say('', `  ${(description ?? '').padEnd(NAMES_WIDTH)} ${endpoint}`);
    for (const { key, value } of credentials)
      say('', `  ${key.padEnd(NAMES_WIDTH)} ${SECRET.test(key) ? '••••••••' : value}`);
    say(id, `in Azure: ${resourcesOf(id).length} resources in the group ${groupOf(id)}`);
    const { architecture = {} } = (await read(id))?.fulfillment?.azure ?? {};
    for (const [role, types] of Object.entries(architecture))
      say('', `  ${role.padEnd(NAMES_WIDTH)} ${types.map((type) => type.slice(type.indexOf('/') + 1)).join(', ')}`);
  }

  /** Lets days pass, and returns what each order has cost on a day of them. The marketplace asks before each month ends, too. */
  async function passDays(days: number): Promise<(order: Order) => number> {
    const before = new Map(orders.map((order) => [order, order.cost]));
    for (const untilAt = clock.now() + days * DAY_MS; clock.now() < untilAt; ) {
      await clock.advance(Math.min(untilAt, nextMonthEnd(clock.now())) - clock.now());
      for (const order of orders) order.cost = await readCost(order.id);
    }
    return (order) => (order.cost - (before.get(order) ?? 0)) / days;
  }

  /** Asks as the marketplace does. Where the connector may not ask Microsoft at the moment it tells what it knows; then it is asked again. */
  async function readCost(id: number): Promise<number> {
    const url = `${service.url}/usage/${endpointSecret}/azure-cost`;
    let cost = NaN;
    await until(`what ${id} costs`, async () => {
      const { seq = 0 } = emulators.calls().at(-1) ?? {};
      const { status, body } = await cloudesire.readMetric({ url, subscription: id });
      const { value } = (body ?? {}) as { value?: number };
      if (status !== 200 || value === undefined) throw new Error(`The cost of ${id} was answered with ${status}.`);
      cost = value;
      return emulators.calls().some((call) => call.seq > seq && call.path.includes('/resourceusagerecords'));
    });
    return cost;
  }

  function azurePlans(): { customerId: string }[] {
    return partnerCenter.subscriptions().filter(({ kind }) => kind === 'plan');
  }

  function resourcesOf(id: number): Resource[] {
    const all = arm.resources() as unknown as Resource[];
    return all.filter((resource) => resource.id.includes(`/resourceGroups/${groupOf(id)}/`));
  }

  function machinesOf({ id }: Order): Resource[] {
    return resourcesOf(id).filter(({ type }) => type === 'Microsoft.Compute/virtualMachines');
  }

  function runningOf({ id }: Order): string[] {
    return resourcesOf(id)
      .filter(({ power }) => power === 'running')
      .map(({ name }) => name)
      .sort();
  }

  function sizeOf(order: Order): string | undefined {
    return machinesOf(order)[0]?.properties?.hardwareProfile?.vmSize;
  }

  /** The Azure subscription that an order was deployed into. */
  function azureOf({ id }: Order): string | undefined {
    return resourcesOf(id)[0]?.id.split('/')[2];
  }

  /** What Azure still has of an order, wherever it lies. */
  function leftOf(id: number): string[] {
    const found = [...arm.leftovers({ group: groupOf(id) }), ...arm.leftovers({ tag: ORDER_TAG, value: String(id) })];
    return [...new Set(found)];
  }
}

function groupOf(id: number): string {
  return `cloudesire-${id}`;
}

function count(number: number, one: string, more: string): string {
  return `${number} ${number === 1 ? one : more}`;
}

/** Up to when the costs of a month can be asked for, with an hour to spare. */
function nextMonthEnd(at: number): number {
  const day = new Date(at);
  const [end, following] = [1, 2].map(
    (months) => Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + months, 1) - HOUR_MS,
  );
  return end! > at ? end! : following!;
}

function euro(amount: number): string {
  return `EUR ${amount.toFixed(2)}`;
}

function isSame(some: string[], others: string[]): boolean {
  return some.join() === others.join();
}
