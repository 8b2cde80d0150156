import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { whyOf } from '../../src/workflows/ops/standing.ts';
import { administratorOf } from '../emulator/partner-center/directory-roles.ts';
import { createWorld, type World } from '../support/world.ts';

const STEP_MS = 60_000;
const HOUR_MS = 3_600_000;
const ENTERED = 'Kx4!example-only';
const SHOP = { DNS_PREFIX: 'hafenkontor-shop', REGION: 'germanywestcentral', ADMIN_PASSWORD: ENTERED };

const IMAGE = { azurePublisher: 'aurora-linux', azureOffer: 'hardened-server', azureSku: '22-04-gen2' };

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
});
afterEach(() => vi.useRealTimers());
afterAll(() => world.close());

const settle = (id: number, looks = 300) => world.settle(id, { atLeastMs: STEP_MS, looks });
/** Looks until it waits for a person, and on: only what somebody does ends that. */
async function standsForAPerson(id: number): Promise<void> {
  const isStanding = async () => (await world.records.get(id))?.state === 'needs-attention';
  for (let looks = 0; looks < 100 && !(await isStanding()); looks += 1) await settle(id, 1);
  await settle(id, 3);
}
const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const books = () => world.emulators.arm.books();
const machines = () =>
  world.emulators.arm.resources().filter(({ type }) => type === 'Microsoft.Compute/virtualMachines');

interface Wanted {
  buyer?: number;
  parameters?: Record<string, string>;
  type?: 'TRIAL';
}

function order(plan: number, { buyer = 1302, parameters, type }: Wanted = {}): number {
  const entered = parameters ?? (plan === 2301 ? SHOP : { DNS_PREFIX: 'officine-web' });
  return world.emulators.cloudesire.placeOrder({
    plan,
    buyer,
    parameters: entered,
    ...(type ? { type } : { paid: true }),
  });
}

async function deployed(plan: number, wanted: Wanted = {}): Promise<number> {
  const id = order(plan, wanted);
  await settle(id);
  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  return id;
}

async function recordOf(id: number) {
  const record = await world.records.get(id);
  if (!record) throw new Error(`nothing is recorded of ${id}`);
  return record;
}

/** Seen from outside: nothing of the order is left in Azure. */
function expectNothingLeft(id: number): void {
  expect(world.emulators.arm.leftovers({ group: `cloudesire-${id}` })).toEqual([]);
  expect(world.emulators.arm.leftovers({ tag: 'cloudesire-subscription', value: String(id) })).toEqual([]);
}

describe('a template', () => {
  it('is deployed with what the customer entered, and handed over with its address', async () => {
    const id = await deployed(2301);

    expect(shown(id).endpoints).toMatchObject([
      {
        endpoint: 'https://hafenkontor-shop.germanywestcentral.cloudapp.azure.com',
        category: 'APP',
        description: 'Your application',
      },
    ]);
    expect(shown(id).instructions.en).toContain('Your environment in Microsoft Azure is ready.');
    expect(books().deployments).toHaveLength(1);
    expect(world.alerts).toEqual([]);
  });

  it('tells operations what it creates, by what it is for', async () => {
    const id = await deployed(2301);

    expect((await recordOf(id)).fulfillment?.azure?.architecture).toMatchObject({
      application: ['Microsoft.Compute/virtualMachines'],
      data: expect.arrayContaining(['Microsoft.DBforPostgreSQL/flexibleServers']),
      network: expect.arrayContaining(['Microsoft.Network/virtualNetworks']),
    });
  });

  it('leaves no secret in Redis, in the log, or in the history of deployments', async () => {
    const id = await deployed(2301);

    const { arm, entra } = world.emulators;
    const secrets = [...arm.secrets(), ...entra.secrets(), ENTERED].filter((secret) => secret.length > 3);
    expect(secrets.length).toBeGreaterThan(5);
    const history = JSON.stringify(world.emulators.arm.deploymentHistory());
    for (const text of [world.logged(), await world.stored(), history])
      expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    expect(history).toContain(`cloudesire-${id}-1`);
  });

  it('that lacks what the order needs costs nothing at Microsoft, and waits for operations', async () => {
    world.emulators.cloudesire.putPlanMetadata(2301, { template: 'https://elsewhere.example/a.json' });
    const id = order(2301);

    await settle(id, 5);

    expect(await recordOf(id)).toMatchObject({
      state: 'needs-attention',
      lastError: {
        code: 'template.address-refused',
        message: expect.stringMatching(
          /Add elsewhere\.example to ARM_TEMPLATE_HOSTS and restart the service .* See template in the metadata of plan 2301 \(/,
        ),
      },
    });
    expect(shown(id).deploymentStatus).toBe('PENDING');
    expect(world.emulators.partnerCenter.books().entries.map(({ what }) => what)).not.toContain('customer created');
  });

  it('of which a gateway answered once with a page of its own wakes nobody', async () => {
    world.emulators.faults.inject({
      server: 'templates',
      kind: 'status',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>We will be back soon.</html>',
    });
    const id = order(2301);

    await world.look(id);

    expect((await recordOf(id)).fulfillment?.azure?.template).toBeDefined();
    expect(world.alerts).toEqual([]);
  });

  it('keeps to the content that it was ordered with', async () => {
    const id = order(2301);
    await world.look(id);
    const pinned = (await recordOf(id)).fulfillment?.azure?.template;
    world.emulators.templates.publish({ path: '/two-tier/azuredeploy.json', content: 'something else' });

    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await recordOf(id)).fulfillment?.azure?.template).toBe(pinned);
  });
});

describe('what the customer entered', () => {
  it('is refused with the name of the parameter when it cannot be used, before anything is asked of Microsoft', async () => {
    const id = order(2301, { parameters: { ...SHOP, DNS_PREFIX: 'No dots. please' } });

    await settle(id, 5);

    expect(shown(id)).toMatchObject({ deploymentStatus: 'FAILED' });
    expect(shown(id).instructions.it).toContain('"DNS_PREFIX"');
    expect(world.emulators.partnerCenter.books().entries.map(({ what }) => what)).not.toContain('customer created');
  });

  it('is refused with the regions that there are when Azure does not have the chosen one', async () => {
    const id = order(2301, { parameters: { ...SHOP, REGION: 'Atlantis' } });

    await settle(id);

    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions.en).toMatch(/"REGION": possible values are .*germanywestcentral/);
    expect(books().groups).toEqual([]);
    world.emulators.cloudesire.changeParameters(id, { REGION: 'Italy North' });
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('in a region that Azure does not have is found out although Azure throttles the list of its regions', async () => {
    world.emulators.faults.inject({ server: 'arm', path: '/locations', kind: 'status', status: 429, times: 2 });
    const id = order(2301, { parameters: { ...SHOP, REGION: 'Atlantis' } });

    await settle(id);

    expect(shown(id).instructions.en).toMatch(/"REGION": possible values are .*germanywestcentral/);
    expect(books().groups).toEqual([]);
  });

  it('is delivered by itself once it was corrected', async () => {
    const id = order(2301, { parameters: { ...SHOP, DNS_PREFIX: 'No dots. please' } });
    await settle(id, 5);

    world.emulators.cloudesire.changeParameters(id, { DNS_PREFIX: 'hafenkontor' });
    await settle(id);

    expect(shown(id)).toMatchObject({ deploymentStatus: 'DEPLOYED' });
  });
});

it('what the customer changes during a deployment is deployed after it', async () => {
  world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
  const id = order(2301);
  for (let looks = 0; looks < 60 && books().deployments.length === 0; looks += 1) await settle(id, 1);

  world.emulators.cloudesire.changeParameters(id, { ADMIN_PASSWORD: 'Another4!example' });
  await settle(id);
  await settle(id);

  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  expect(books().deployments).toHaveLength(2);
});

describe('a machine of the Azure Marketplace', () => {
  it('is deployed with accepted terms and a password that was made for it, handed over once and kept nowhere', async () => {
    const id = await deployed(2201);

    const password = shown(id).credentials.find(({ key }) => key === 'Admin password')?.value ?? '';
    expect(password).toHaveLength(24);
    expect(books().terms).toHaveLength(1);
    expect(machines()).toHaveLength(1);
    for (const text of [world.logged(), await world.stored(), JSON.stringify(world.emulators.arm.deploymentHistory())])
      expect(text).not.toContain(password);
  });

  it('needs no agreement with the publisher to show: the deployment decides', async () => {
    world.emulators.arm.setSwitches({ termsAlwaysLookRefused: ['2021-01-01', '2015-06-01'] });

    await deployed(2201);
  });

  it('waits for operations when Azure does not have the image', async () => {
    world.emulators.arm.removeImage({ publisher: 'aurora-linux', offer: 'hardened-server', sku: '22-04-gen2' });
    const id = order(2201);

    await standsForAPerson(id);

    expect(await recordOf(id)).toMatchObject({ state: 'needs-attention', lastError: { code: 'image.not-available' } });
    expect(shown(id).deploymentStatus).toBe('PENDING');
  });
});

describe('one company', () => {
  it('that orders twice at the same moment gets one Azure plan and one Azure subscription', async () => {
    const ids = [order(2301), order(2201)];
    for (let round = 0; round < 200; round += 1) {
      const outcomes = await Promise.all(ids.map((id) => world.look(id)));
      if (outcomes.every((outcome) => 'done' in outcome)) break;
      await world.pass(STEP_MS);
    }

    expect(ids.map((id) => shown(id).deploymentStatus)).toEqual(['DEPLOYED', 'DEPLOYED']);
    expect(world.emulators.partnerCenter.orders()).toHaveLength(1);
    expect(world.emulators.arm.subscriptions()).toHaveLength(1);
  });

  it('shares its Azure subscription, unless the plan sells one of its own', async () => {
    await deployed(2301);
    world.emulators.cloudesire.putPlanMetadata(2201, { azureSubscription: 'dedicated' });
    const id = await deployed(2201);

    expect(world.emulators.arm.subscriptions().map(({ displayName }) => displayName)).toContain(`cloudesire-${id}`);
    expect(world.emulators.arm.subscriptions()).toHaveLength(2);

    world.emulators.cloudesire.terminate(id);
    await settle(id);
    await world.pass(HOUR_MS);
    const states = world.emulators.arm.subscriptions().map(({ displayName, state }) => `${displayName} ${state}`);
    expect(states).toContain(`cloudesire-${id} Disabled`);
    expect(states.filter((state) => state.endsWith('Enabled'))).toHaveLength(1);
  });
});

describe('what a customer had, and somebody has ended', () => {
  it.each(['repeat', 'refuse'] as const)(
    'an Azure plan is bought anew with the next order, where a second checkout of a cart is answered by "%s"',
    async (checkoutDialect) => {
      world.emulators.partnerCenter.setSwitches({ checkoutDialect });
      const first = await deployed(2201);
      world.emulators.cloudesire.terminate(first);
      await settle(first);
      const { planId = '' } = (await recordOf(first)).fulfillment?.azure ?? {};
      world.emulators.partnerCenter.cancelByHand(planId);

      const second = order(2201);
      await settle(second, 100);
      if (checkoutDialect === 'refuse') {
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR_MS });
        await settle(second);
      }

      expect(shown(second).deploymentStatus).toBe('DEPLOYED');
      const next = (await recordOf(second)).fulfillment?.azure?.planId;
      expect([planId, next]).toEqual([expect.stringMatching(/^\S+$/), expect.stringMatching(/^\S+$/)]);
      expect(next).not.toBe(planId);
      expect(world.emulators.partnerCenter.orders()).toHaveLength(2);
    },
  );

  it('an Azure plan is known as ended by its id, in whatever case Microsoft writes that', async () => {
    const first = await deployed(2201);
    world.emulators.cloudesire.terminate(first);
    await settle(first);
    const { planId = '' } = (await recordOf(first)).fulfillment?.azure ?? {};
    world.emulators.partnerCenter.cancelByHand(planId);
    world.emulators.faults.watch(({ server, method, path }) => {
      if (server !== 'partner-center' || method !== 'GET' || !path.endsWith('/orders')) return undefined;
      const items = JSON.stringify(world.emulators.partnerCenter.orders()).replaceAll(planId, planId.toUpperCase());
      return { kind: 'status', status: 200, body: { items: JSON.parse(items) } };
    });
    onTestFinished(() => world.emulators.faults.watch(() => undefined));
    // What a look has found out is asked anew by the next one.
    world.emulators.faults.inject({ server: 'partner-center', method: 'POST', path: '/carts$', kind: 'reset-before' });

    const second = order(2201);
    await settle(second, 100);

    expect(shown(second).deploymentStatus).toBe('DEPLOYED');
    expect(world.emulators.partnerCenter.books().carts).toHaveLength(2);
  });

  it('a shared Azure subscription is made anew with the next order, also where it was made anew before', async () => {
    for (let round = 0; round < 2; round += 1) {
      const id = await deployed(2201);
      world.emulators.cloudesire.terminate(id);
      await settle(id);
      const { subscriptionId = '' } = (await recordOf(id)).fulfillment?.azure ?? {};
      world.emulators.arm.setSubscriptionState({ subscription: subscriptionId, to: 'Disabled' });
    }

    await deployed(2201);
    const states = world.emulators.arm.subscriptions().map(({ state }) => state);
    expect(states).toEqual(['Disabled', 'Disabled', 'Enabled']);
  });
});

describe('the customer', () => {
  it('has no access in Azure unless the plan sells it, and reads so', async () => {
    const id = await deployed(2201);

    expect(shown(id).instructions.en).toContain('The environment is administered for you.');
    expect(rolesOfUsers()).toEqual([]);
  });

  it('gets the access that the plan sells, for their own order only', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { azureAccess: 'reader' });
    const id = await deployed(2201);

    const { customerId = '' } = (await recordOf(id)).fulfillment ?? {};
    expect(rolesOfUsers()).toEqual([
      `${administratorOf(customerId)} acdd72a7-3385-48ef-bd42-f606fba81ae7 cloudesire-${id}`,
    ]);
    expect(shown(id).instructions.it).toContain('possono vedere questo ambiente');
  });

  it('gets it by the administrators whom there are when it is given', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { ...IMAGE, azureAccess: 'reader' });
    const gone = { id: '00000000-0000-4000-8000-0000000000aa', userPrincipalName: 'gone@example.com' };
    const members = {
      kind: 'replace',
      status: 200,
      path: '/usermembers',
      body: { items: [gone], totalCount: 1 },
    } as const;
    world.emulators.faults.inject({ server: 'partner-center', ...members });
    const error = { code: 'PrincipalNotFound', message: 'Principal does not exist in the directory.' };
    // The connector's own role comes first.
    const unknown = { method: 'PUT', path: '/roleAssignments/', status: 400, body: { error }, skip: 1 } as const;
    world.emulators.faults.inject({ server: 'arm', kind: 'status', ...unknown });

    const { customerId = '' } = (await recordOf(await deployed(2201))).fulfillment ?? {};
    expect(rolesOfUsers()).toEqual([expect.stringContaining(administratorOf(customerId))]);
  });

  it.each([
    ['owner', 'none', []],
    ['none', 'reader', ['acdd72a7-3385-48ef-bd42-f606fba81ae7']],
    ['owner', 'reader', ['acdd72a7-3385-48ef-bd42-f606fba81ae7']],
  ])('has what the plan sells that they have changed to: from %s to %s', async (before, after, roles) => {
    world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
    world.emulators.cloudesire.putPlan(2202, { name: 'Large' }, 2201);
    world.emulators.cloudesire.putPlanMetadata(2201, { ...IMAGE, azureAccess: before });
    world.emulators.cloudesire.putPlanMetadata(2202, { ...IMAGE, azureAccess: after });
    const id = await deployed(2201);

    world.emulators.cloudesire.changePlan(id, 2202, { paid: true });
    await settle(id);

    expect(rolesOfUsers().map((text) => text.split(' ')[1])).toEqual(roles);
    expect((await recordOf(id)).fulfillment?.azure?.access).toBe(after === 'none' ? undefined : after);
  });

  it('loses it with an Azure subscription of their own', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { azureAccess: 'owner', azureSubscription: 'dedicated' });
    const id = await deployed(2201);
    expect(rolesOfUsers()).toHaveLength(1);

    world.emulators.cloudesire.terminate(id);
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(rolesOfUsers()).toEqual([]);
  });
});

/** Principal, role and the end of the scope of each role that a person has. */
function rolesOfUsers(): string[] {
  return world.emulators.arm
    .roleAssignments()
    .filter(({ principalType }) => principalType === 'User')
    .map(
      ({ principalId, roleDefinitionId, scope }) =>
        `${principalId} ${roleDefinitionId.split('/').at(-1)} ${scope.split('/').at(-1)}`,
    );
}

it('a consent that the customer gave by hand is enough', async () => {
  world.emulators.faults.inject({
    server: 'partner-center',
    kind: 'status',
    path: 'applicationconsents',
    status: 403,
    body: { code: 900159, description: 'No relationship.' },
    times: 1_000,
  });
  const id = order(2201);
  await standsForAPerson(id);
  expect((await recordOf(id)).state).toBe('needs-attention');

  const { clientId } = world.emulators.entra.credentials();
  const tenant = (await recordOf(id)).fulfillment?.customerId ?? '';
  world.emulators.entra.consent({ tenant, clientId, apis: ['797f4846-ba00-4fd7-ba43-dac1f8f63013'] });
  await settle(id);

  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
});

describe('the budget of a customer', () => {
  it('is raised to what the plan names, and never lowered', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { azureBudget: '250' });
    world.emulators.cloudesire.putPlanMetadata(2301, { azureBudget: '100' });
    await deployed(2201);
    await deployed(2301);

    const changes = world.emulators.partnerCenter.books().entries.filter(({ what }) => what === 'budget changed');
    expect(changes.map(({ amount }) => amount)).toEqual([250]);
  });
});

describe('the consent of the partner', () => {
  it('without a second factor is told in one sentence with the way out, and the order goes on once it was renewed', async () => {
    world.emulators.entra.setMfa(false);
    const id = order(2301);
    await standsForAPerson(id);

    const { state, lastError } = await recordOf(id);
    expect(state).toBe('needs-attention');
    expect(lastError?.code).toMatch(/mfa/);
    expect(lastError?.message).toContain('PARTNER_CENTER_REFRESH_TOKEN');
    expect(shown(id).deploymentStatus).toBe('PENDING');

    world.emulators.entra.setMfa(true);
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });
});

describe('a template that cannot be deployed', () => {
  /** An order whose template Azure refuses to deploy. */
  async function refused(template: string): Promise<number> {
    const flawed = template.replaceAll('Network/networkSecurityGroups', 'Network/networkSecurityGroupz');
    world.emulators.templates.publish({ path: TEMPLATE_PATH, content: JSON.parse(flawed) });
    const id = order(2301);
    await standsForAPerson(id);
    expect((await recordOf(id)).state).toBe('needs-attention');
    return id;
  }
  const readTemplate = async () => (await fetch(templateAddress())).text();

  it('is replaced by the corrected one at `retry`', async () => {
    const good = await readTemplate();
    const id = await refused(good);

    world.emulators.templates.publish({ path: TEMPLATE_PATH, content: JSON.parse(good) });
    await world.records.askRetry(id);
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('says that another `retry` is needed where the one at its address has a flaw', async () => {
    const good = await readTemplate();
    const id = await refused(good);
    const { cure } = (await recordOf(id)).lastError ?? {};
    expect(cure).toBe('retry');

    world.emulators.templates.publish({ path: TEMPLATE_PATH, content: { ...JSON.parse(good), resources: 'none' } });
    await world.records.askRetry(id);
    await world.look(id);
    expect((await recordOf(id)).lastError).toMatchObject({ code: 'template.malformed', cure: 'retry' });
  });

  it.each([
    ['the template host', 'templates', 'azuredeploy'],
    ['the marketplace', 'cloudesire', 'product'],
    ['Azure', 'arm', '/validate'],
  ] as const)('is replaced for good, also when %s fails for a moment at the `retry`', async (_who, server, path) => {
    const good = await readTemplate();
    const id = await refused(good);

    // The corrected one needs a provider more.
    const vault = { type: 'Microsoft.KeyVault/vaults', apiVersion: '2023-07-01', name: 'corrected' };
    const place = { location: '[resourceGroup().location]', properties: {} };
    const corrected = JSON.parse(good) as { resources: object[] };
    corrected.resources.push({ ...vault, ...place });
    world.emulators.templates.publish({ path: TEMPLATE_PATH, content: corrected });
    world.emulators.faults.inject({ server, kind: 'status', path, status: 503, body: {} });
    await world.records.askRetry(id);
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.emulators.arm.resources().map(({ type }) => type)).toContain(vault.type);
    const group = world.emulators.arm.groups().find(({ name }) => name === `cloudesire-${id}`);
    expect(group?.tags).toMatchObject({ 'cloudesire-template': (await recordOf(id)).fulfillment?.azure?.template });
  });
});

const TEMPLATE_PATH = '/two-tier/azuredeploy.json';
const templateAddress = () => new URL(TEMPLATE_PATH, world.emulators.templates.url);

describe('what a person does because of an error carries the order on:', () => {
  /** Looks until it stands still for a reason. */
  async function standsFor(code: string, id: number): Promise<number> {
    for (let looks = 0; looks < 60 && (await world.records.get(id))?.lastError?.code !== code; looks += 1)
      await settle(id, 1);
    expect((await recordOf(id)).lastError?.code).toBe(code);
    return id;
  }
  async function isDelivered(id: number): Promise<void> {
    await settle(id, 60);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  }

  it('an alias that failed and is deleted has the Azure subscription created again', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { azureSubscription: 'dedicated' });
    world.emulators.arm.failAliases({ times: 1 });
    const id = await standsFor('azure-subscription.not-created', order(2201));

    world.emulators.arm.deleteAliasByHand({ alias: `cloudesire-${id}` });
    await isDelivered(id);
    const own = world.emulators.arm.subscriptions().filter(({ displayName }) => displayName === `cloudesire-${id}`);
    expect(own).toHaveLength(1);
  });

  it('a segment that is corrected at the plan is the one in which the Azure plan is bought', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { ...IMAGE, segment: 'education' });
    const id = await standsFor('azure-plan.not-sold', order(2201));

    world.emulators.cloudesire.putPlanMetadata(2201, { ...IMAGE, segment: 'commercial' });
    await isDelivered(id);
    expect(world.emulators.partnerCenter.orders()).toHaveLength(1);
  });

  it('another region in the settings is the one in which the image is looked for', async () => {
    const image = world.emulators.arm.images().find(({ sku }) => sku === IMAGE.azureSku);
    if (image) world.emulators.arm.putImage({ ...image, locations: ['italynorth'] });
    const id = await standsFor('image.not-available', order(2201));

    world.restart({ AZURE_LOCATION: 'italynorth' });
    onTestFinished(() => world.restart());
    await isDelivered(id);
    expect(machines()).toMatchObject([{ location: 'italynorth' }]);
  });

  it('a template that Azure refuses only when it is to be deployed is replaced at `retry`', async () => {
    const error = { code: 'InvalidTemplate', message: 'The template is not valid.' };
    const refusal = { method: 'PUT', path: '/deployments/', kind: 'status', status: 400, body: { error } } as const;
    world.emulators.faults.inject({ server: 'arm', ...refusal, times: 1_000 });
    const id = await standsFor('arm.InvalidTemplate', order(2301));
    const { lastError, fulfillment } = await recordOf(id);
    expect(lastError?.cure).toBe('retry');

    world.emulators.faults.clear();
    await publishAnew(['Standard_B2s']);
    await world.records.askRetry(id);
    await isDelivered(id);
    const templates = [fulfillment, (await recordOf(id)).fulfillment].map((known) => known?.azure?.template);
    expect(templates).toEqual([expect.any(String), expect.any(String)]);
    expect(templates[1]).not.toBe(templates[0]);
  });

  it('a template that fits the plan as it was changed meanwhile is taken up at `retry`', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(false);
    const id = order(2301);
    await settle(id, 5);
    const { state, fulfillment } = await recordOf(id);
    expect([state, fulfillment?.azure?.template]).toEqual(['waiting', expect.any(String)]);
    world.emulators.cloudesire.putPlanMetadata(2301, { template: templateAddress().href, vmSize: 'Standard_D4s_v5' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await standsFor('template.parameter-unfit', id);
    expect((await recordOf(id)).lastError).toMatchObject({
      cure: 'retry',
      message: expect.stringContaining('plan 2301'),
    });

    await publishAnew(['Standard_B2s', 'Standard_D4s_v5']);
    await world.records.askRetry(id);
    await isDelivered(id);
    expect(JSON.stringify(machines())).toContain('Standard_D4s_v5');
  });

  it('a role that somebody has given by hand is enough where the partner may give none', async () => {
    const first = order(2201);
    await isDelivered(first);
    const error = { code: 'AuthorizationFailed', message: 'The client has no authorization.' };
    const refusal = { server: 'arm', kind: 'status', status: 403, body: { error } } as const;
    world.emulators.faults.inject({ ...refusal, method: 'PUT', path: '/roleAssignments/', times: 1_000 });
    // What another order of the customer has brought does not show yet.
    world.emulators.faults.inject({ ...refusal, method: 'GET', path: '/subscriptions/[^/]*\\?' });

    await isDelivered(order(2301));
  });

  it('a plan that is taken back before it was deployed leaves nothing of its template', async () => {
    world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
    const template = (await (await fetch(templateAddress())).json()) as object;
    world.emulators.templates.publish({ path: '/other.json', content: { ...template, contentVersion: '2.0.0.0' } });
    world.emulators.cloudesire.putPlan(2302, { name: 'Large' }, 2301);
    world.emulators.cloudesire.putPlanMetadata(2301, { template: templateAddress().href });
    world.emulators.cloudesire.putPlanMetadata(2302, { template: new URL('/other.json', templateAddress()).href });
    const id = order(2301);
    await isDelivered(id);
    const { template: before } = (await recordOf(id)).fulfillment?.azure ?? {};
    const error = { code: 'PropertyChangeNotAllowed', message: 'It is fixed.' };
    const refusal = { path: '/whatIf', kind: 'status', status: 400, body: { error } } as const;
    world.emulators.faults.inject({ server: 'arm', ...refusal, times: 1_000 });
    world.emulators.cloudesire.changePlan(id, 2302, { paid: true });
    await standsFor('azure.PropertyChangeNotAllowed', id);
    world.emulators.faults.clear();

    world.emulators.cloudesire.changePlan(id, 2301, { paid: true });
    await settle(id);
    expect(await recordOf(id)).toMatchObject({ state: 'done', fulfillment: { azure: { template: before } } });
  });

  it('a group that is cleared away after a failure is made again at `retry`, for another region too', async () => {
    world.emulators.arm.failResource({ kind: 'nested-details', resource: 'flexibleServers' });
    const id = await standsFor('azure.RegionNotSupportedForZoneRedundantHA', order(2301));
    world.emulators.cloudesire.changeParameters(id, { REGION: 'italynorth' });
    await standsFor('azure.InvalidResourceLocation', id);
    expect((await recordOf(id)).lastError?.cure).toBe('retry');

    world.emulators.arm.deleteGroupByHand({ group: `cloudesire-${id}` });
    await world.records.askRetry(id);
    await isDelivered(id);
    expect(machines()).toMatchObject([{ location: 'italynorth' }]);
  });

  async function publishAnew(allowedValues: string[]): Promise<void> {
    const template = (await (await fetch(templateAddress())).json()) as { parameters: { vmSize: object } };
    Object.assign(template.parameters.vmSize, { allowedValues });
    world.emulators.templates.publish({ path: TEMPLATE_PATH, content: template });
  }
});

describe('a deployment that fails', () => {
  it('tells the innermost cause, and goes on at `retry` without a second machine', async () => {
    world.emulators.arm.failResource({ kind: 'nested-details', resource: 'flexibleServers' });
    const id = order(2301);
    await standsForAPerson(id);

    const { state, lastError } = await recordOf(id);
    expect(state).toBe('needs-attention');
    expect(lastError?.message).toContain('flexibleServers');
    expect(lastError?.code).not.toContain('DeploymentFailed');
    expect(lastError?.cure).toBe('retry');
    expect(shown(id).deploymentStatus).toBe('PENDING');

    await world.records.askRetry(id);
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(machines()).toHaveLength(1);
    expect(books().deployments).toHaveLength(2);
  });

  it('tells no secret that Azure repeats in its text', async () => {
    const echo = [ENTERED, encodeURIComponent(ENTERED), Buffer.from(ENTERED).toString('base64')];
    const error = {
      code: 'InvalidParameter',
      message: `The value ${echo.join(' or ')} of adminPassword is not allowed.`,
    };
    world.emulators.arm.failResource({ kind: 'internal', resource: 'virtualMachines', at: 'operation', error });
    const id = order(2301);

    await standsForAPerson(id);

    const { lastError } = await recordOf(id);
    expect(lastError?.message).toMatch(/The value \*\*\* or \*\*\* or \*\*\*\S* of adminPassword/);
    for (const text of [world.logged(), await world.stored()])
      for (const form of echo) expect(text).not.toContain(form);
  });

  it('for lack of capacity is made again by itself, an hour later', async () => {
    const id = await lackingCapacity();
    expect(await recordOf(id)).toMatchObject({
      state: 'waiting',
      waitingFor: expect.stringMatching(
        /^Azure to have capacity in westeurope for another try, number 2 of 6 \(if none succeeds a person is told\), at [-\d]{10} \d\d:\d\d UTC: Deployment \S+ failed: SkuNotAvailable.* Where that lasts, sell another vmSize, or another region while nothing of the order is deployed; look tries at once$/s,
      ),
    });
    expect(whyOf(await recordOf(id), undefined)).not.toMatch(/\.\.|tried again/);
    // Events and sweeps have looks made, which neither end the hour nor use up what is tried by itself.
    await settle(id, 8);
    expect(books().deployments).toHaveLength(1);

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR_MS });
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(books().deployments).toHaveLength(2);
    expect(world.alerts).toEqual([]);
  });

  it('for lack of capacity, which the check before tells, is waited for alike, and nothing is written', async () => {
    world.emulators.arm.failResource({ kind: 'capacity', at: 'preflight', resource: 'virtualMachines', times: 1_000 });
    const id = order(2201);
    const isChecked = async () => (await world.records.get(id))?.step === 'have deployment 1 checked';
    for (let looks = 0; looks < 60 && !(await isChecked()); looks += 1) await settle(id, 1);
    expect(await recordOf(id)).toMatchObject({
      state: 'waiting',
      attempts: 0,
      waitingFor: expect.stringMatching(
        /^Azure to have capacity in westeurope, asked for every hour: .* failed: SkuNotAvailable.* Where that lasts, sell another vmSize, or another region while nothing of the order is deployed; look tries at once$/s,
      ),
    });
    expect(whyOf(await recordOf(id), undefined)).not.toMatch(/\.\.|tried again/);
    expect(books().created).toEqual([]);

    world.emulators.arm.clearFailures();
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.alerts).toEqual([]);
  });

  it.each([
    ['a look', () => world.records.askLook],
    ['a retry', () => world.records.askRetry],
  ])('for lack of capacity is made again at once when operations ask for %s', async (_what, ask) => {
    const id = await lackingCapacity();
    expect(books().deployments).toHaveLength(1);

    await ask()(id);
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('for lack of capacity is made again at once with what the customer entered meanwhile', async () => {
    const id = await lackingCapacity();

    world.emulators.cloudesire.changeParameters(id, { DNS_PREFIX: 'officine-nuove' });
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it.each(['quota', 'policy'] as const)(
    'for a reason of the customer (%s) is refused before anything is written',
    async (kind) => {
      world.emulators.arm.failResource({ kind, resource: 'virtualMachines', times: 1_000 });
      const id = order(2201);

      await standsForAPerson(id);

      expect(await recordOf(id)).toMatchObject({ state: 'needs-attention' });
      expect(books().created).toEqual([]);
      world.emulators.arm.clearFailures();
      await settle(id);
      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    },
  );

  it('because the name is taken asks the customer for another one', async () => {
    await deployed(2301);
    const id = order(2301, { buyer: 1301 });

    await settle(id);

    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions.en).toContain('already used by somebody else');
    const told = (await world.timeline.read(id)).find(({ kind }) => kind === 'report');
    expect(told).toMatchObject({ sent: shown(id).instructions.en, parameter: 'DNS_PREFIX' });
    world.emulators.cloudesire.changeParameters(id, { DNS_PREFIX: 'another-shop' });
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });
});

/** An order of which a deployment has just failed, since Azure had no machine for it. */
async function lackingCapacity(): Promise<number> {
  world.emulators.arm.failResource({ kind: 'capacity', resource: 'virtualMachines' });
  const id = order(2201);
  const isPausing = async () => (await world.records.get(id))?.step === 'pause after deployment 1';
  for (let looks = 0; looks < 60 && !(await isPausing()); looks += 1) await settle(id, 1);
  expect(await isPausing()).toBe(true);
  return id;
}

interface ShownDeployment {
  properties: { provisioningState: string };
}

describe('in service', () => {
  it('a suspension stops what runs, and only that runs again afterwards', async () => {
    const id = await deployed(2301);
    const [machine] = machines();
    const database = world.emulators.arm
      .resources()
      .find(({ type }) => type === 'Microsoft.DBforPostgreSQL/flexibleServers');
    world.emulators.arm.powerByHand({ resource: String(database?.id), action: 'stop' });

    world.emulators.cloudesire.stop(id);
    await settle(id);
    expect((await recordOf(id)).fulfillment?.suspended?.ran).toEqual([machine?.id]);
    expect(powerOf(machine?.id)).toBe('deallocated');

    world.emulators.cloudesire.resume(id);
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(powerOf(machine?.id)).toBe('running');
    expect(powerOf(database?.id)).toBe('stopped');
  });

  it('a payment that comes while it is still being suspended gives everything back', async () => {
    const id = await deployed(2301);
    world.emulators.cloudesire.stop(id);
    await world.look(id);
    await world.look(id);

    world.emulators.cloudesire.resume(id);
    await settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    for (const resource of stoppable()) expect(powerOf(resource)).toBe('running');
    expect((await recordOf(id)).fulfillment?.suspended).toBeUndefined();
  });

  it('a payment that is missed again while it comes back stops everything again', async () => {
    const id = await deployed(2301);
    world.emulators.cloudesire.stop(id);
    await settle(id);
    world.emulators.cloudesire.resume(id);
    await world.look(id);
    await world.look(id);

    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await settle(id);

    for (const resource of stoppable()) expect(powerOf(resource)).toMatch(/^(stopped|deallocated)$/);
    world.emulators.cloudesire.overrideStatus(id, 'DEPLOYED');
    await settle(id);
    for (const resource of stoppable()) expect(powerOf(resource)).toBe('running');
  });

  describe('while a change is being deployed', () => {
    /** The last deployment of an order in service, as soon as it has begun. */
    async function changing(plan: number, change: (id: number) => void): Promise<number> {
      world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
      const id = await deployed(plan);
      world.emulators.arm.setSwitches({ deploymentTakesMs: 10 * STEP_MS });
      change(id);
      for (let looks = 0; looks < 20 && books().deployments.length < 2; looks += 1) await settle(id, 1);
      expect(underWay(id)).toBe(1);
      return id;
    }
    /** How many of its deployments have not ended. */
    function underWay(id: number): number {
      const history = world.emulators.arm.deploymentHistory({ group: `cloudesire-${id}` }) as ShownDeployment[];
      return history.filter(({ properties }) => /^(accepted|running)$/i.test(properties.provisioningState)).length;
    }
    const enterPassword = (id: number) =>
      world.emulators.cloudesire.changeParameters(id, { ADMIN_PASSWORD: 'Another4!example' });

    it('a suspension waits for its end, so that nothing comes up afterwards', async () => {
      const id = await changing(2301, enterPassword);
      const machine = machines()[0];

      world.emulators.cloudesire.stop(id);
      await settle(id, 2);
      expect((await recordOf(id)).waitingFor).toContain(`cloudesire-${id}-2`);
      expect(powerOf(machine?.id)).toBe('running');

      await settle(id);
      expect(underWay(id)).toBe(0);
      for (const resource of stoppable()) expect(powerOf(resource)).toMatch(/^(stopped|deallocated)$/);

      world.emulators.cloudesire.resume(id);
      await settle(id);
      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
      for (const resource of stoppable()) expect(powerOf(resource)).toBe('running');
    });

    it('a plan that is taken back meanwhile is deployed back', async () => {
      world.emulators.cloudesire.putPlan(2202, { name: 'Large' }, 2201);
      world.emulators.cloudesire.putPlanMetadata(2202, { ...IMAGE, vmSize: 'Standard_D4s_v5' });
      const id = await changing(2201, (order) => world.emulators.cloudesire.changePlan(order, 2202, { paid: true }));
      world.emulators.cloudesire.changePlan(id, 2201, { paid: true });
      await settle(id);
      expect(machines()).toHaveLength(1);
      expect(JSON.stringify(machines())).not.toContain('Standard_D4s_v5');
      expect((await recordOf(id)).fulfillment).toMatchObject({ settled: { planId: 2201 } });
      expect((await recordOf(id)).state).toBe('done');
    });

    it('what the customer enters and takes back meanwhile is deployed back', async () => {
      const id = await changing(2301, enterPassword);
      world.emulators.cloudesire.changeParameters(id, { ADMIN_PASSWORD: ENTERED });
      await settle(id);
      expect(books().deployments).toHaveLength(3);
      const { state, fulfillment } = await recordOf(id);
      expect({ state, configuration: fulfillment?.settled?.configuration }).toEqual({
        state: 'done',
        configuration: expect.stringMatching(/\.\S+$/),
      });
    });

    it('the next change waits for its end', async () => {
      world.emulators.cloudesire.putPlan(2302, { name: 'Large' }, 2301);
      const address = String(templateAddress());
      world.emulators.cloudesire.putPlanMetadata(2302, { template: address, vmSize: 'Standard_D2s_v5' });
      const id = await changing(2301, enterPassword);

      world.emulators.cloudesire.changePlan(id, 2302, { paid: true });
      for (let looks = 0; looks < 40 && books().deployments.length < 3; looks += 1) {
        await settle(id, 1);
        expect(underWay(id)).toBeLessThan(2);
      }
      await settle(id);

      expect(books().deployments).toHaveLength(3);
      expect(JSON.stringify(machines())).toContain('Standard_D2s_v5');
    });

    it('the end stops it and leaves nothing behind', async () => {
      const id = await changing(2301, enterPassword);

      world.emulators.cloudesire.terminate(id);
      await settle(id);

      expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
      expectNothingLeft(id);
    });
  });

  it('what a change leaves behind is told to operations, for it costs on', async () => {
    world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
    const id = await deployed(2301);

    world.emulators.cloudesire.changeParameters(id, { DNS_PREFIX: 'hafenkontor-neu' });
    await settle(id);

    expect(shown(id).endpoints[0]?.endpoint).toBe('https://hafenkontor-neu.germanywestcentral.cloudapp.azure.com');
    expect(world.alerts).toEqual(['azure.left-behind']);
    expect(world.logged()).toMatch(/hafenkontor-shop/);
    const told = (await world.timeline.read(id)).find(({ code }) => code === 'azure.left-behind');
    expect(told?.text).toMatch(/hafenkontor-shop/);
    expect((await recordOf(id)).fulfillment?.azure?.leftBehind).toContainEqual(
      expect.stringMatching(/hafenkontor-shop/),
    );

    world.emulators.cloudesire.terminate(id);
    await settle(id);
    expect((await recordOf(id)).fulfillment?.azure?.leftBehind).toEqual([]);
  });

  it('other parameters are deployed into what is there', async () => {
    world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
    const id = await deployed(2301);

    world.emulators.cloudesire.changeParameters(id, { ADMIN_PASSWORD: 'Another4!example' });
    await settle(id);

    expect(machines()).toHaveLength(1);
    expect(books().deployments).toHaveLength(2);
    await settle(id);
    expect(books().deployments).toHaveLength(2);
  });

  it('other parameters leave it in its region, whatever is set for new orders, and with its image, of which there is a newer version', async () => {
    const id = await deployed(2201);
    world.restart({ AZURE_LOCATION: 'italynorth' });
    onTestFinished(() => world.restart());
    const image = world.emulators.arm.images().find(({ sku }) => sku === IMAGE.azureSku);
    if (image) world.emulators.arm.putImage({ ...image, versions: [...image.versions, '22.04.20991201'] });

    world.emulators.cloudesire.changeParameters(id, { DNS_PREFIX: 'officine-nuove' });
    await settle(id);

    expect((await recordOf(id)).lastError).toBeUndefined();
    expect(books().deployments).toHaveLength(2);
    expect(machines()).toMatchObject([{ location: 'westeurope' }]);
  });

  it('another plan gives the machine another size', async () => {
    world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
    world.emulators.cloudesire.putPlan(2202, { name: 'Large' }, 2201);
    world.emulators.cloudesire.putPlanMetadata(2202, { ...IMAGE, vmSize: 'Standard_D4s_v5' });
    const id = await deployed(2201);

    world.emulators.cloudesire.changePlan(id, 2202, { paid: true });
    await settle(id);

    expect(JSON.stringify(machines()[0])).toContain('Standard_D4s_v5');
    expect((await recordOf(id)).fulfillment?.settled?.planId).toBe(2202);
    expect(machines()).toHaveLength(1);
  });

  it('other parameters are deployed with the plan that is paid, while another one is not', async () => {
    world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
    world.emulators.cloudesire.putPlan(2302, { name: 'Large' }, 2301);
    world.emulators.cloudesire.putPlanMetadata(2302, {
      template: String(templateAddress()),
      vmSize: 'Standard_D8s_v5',
    });
    const id = await deployed(2301);

    world.emulators.cloudesire.changePlan(id, 2302, { paid: false });
    world.emulators.cloudesire.changeParameters(id, { ADMIN_PASSWORD: 'Another4!example' });
    // The plan goes on waiting for its payment.
    await settle(id, 40);

    expect(books().deployments).toHaveLength(2);
    expect(machines()).not.toEqual([]);
    expect(JSON.stringify(machines())).not.toContain('Standard_D8s_v5');
  });

  it('a renewal asks nothing of Azure', async () => {
    const id = await deployed(2301);
    const before = books().entries.length;

    world.emulators.cloudesire.renew(id, { paid: true });
    await settle(id);

    expect(books().entries).toHaveLength(before);
    expect((await recordOf(id)).state).toBe('done');
  });

  it('a suspension that comes while it is deployed anew stops that as well, and payment brings it back', async () => {
    const id = await deployed(2201);
    world.emulators.arm.deleteGroupByHand({ group: `cloudesire-${id}` });
    await settle(id, 3);
    expect((await recordOf(id)).lastError?.code).toBe('partner-subscription.ended');
    await world.records.askRetry(id);
    while (!/deployment \d ended/.test((await recordOf(id)).step ?? '')) {
      await world.look(id);
      await world.pass(1_000);
    }
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await settle(id);
    expect(machines().map(({ power }) => power)).toEqual(['deallocated']);

    world.emulators.cloudesire.overrideStatus(id, 'PENDING');
    await settle(id);
    expect(machines().map(({ power }) => power)).toEqual(['running']);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await recordOf(id)).state).toBe('done');
  });

  it.each(['PENDING', 'DEPLOYED'] as const)(
    'a suspension that comes before anything of it is made anew asks for no second word, and payment (%s) brings it',
    async (status) => {
      const id = await deployed(2201);
      world.emulators.arm.deleteGroupByHand({ group: `cloudesire-${id}` });
      await settle(id, 3);
      await world.records.askRetry(id);
      world.emulators.faults.inject({ server: 'arm', method: 'PUT', path: '/resourcegroups/', kind: 'reset-before' });
      await world.look(id);
      expect((await recordOf(id)).state).toBe('retrying');

      world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
      await settle(id);
      expect((await recordOf(id)).state).toBe('idle');
      expect(machines()).toEqual([]);
      world.emulators.cloudesire.overrideStatus(id, status);
      await settle(id);

      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
      expect((await recordOf(id)).state).toBe('done');
      expect(machines().map(({ power }) => power)).toEqual(['running']);
      expect(world.alerts).toEqual(['partner-subscription.ended']);
    },
  );

  it('a suspension finds nothing to stop where somebody has deleted the group', async () => {
    const id = await deployed(2201);
    world.emulators.arm.deleteGroupByHand({ group: `cloudesire-${id}` });
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await settle(id, 5);
    expect(await recordOf(id)).toMatchObject({ state: 'idle', fulfillment: { suspended: { ran: [] } } });
  });

  it('a group that somebody deleted in Azure is told, and made again only on the word of a person', async () => {
    const id = await deployed(2201);
    world.emulators.arm.deleteGroupByHand({ group: `cloudesire-${id}` });

    await settle(id, 3);
    expect(await recordOf(id)).toMatchObject({ state: 'needs-attention' });
    expect(books().deployments).toHaveLength(1);

    await world.records.askRetry(id);
    await settle(id);
    expect(machines()).toHaveLength(1);
    expect((await recordOf(id)).state).toBe('done');
  });

  describe('what is made again on the word of a person', () => {
    async function deleted(status: 'DEPLOYED' | 'STOPPED' = 'DEPLOYED'): Promise<number> {
      world.emulators.arm.setSwitches({ whatIfTakesMs: 0 });
      const id = await deployed(2201);
      world.emulators.cloudesire.overrideStatus(id, status);
      await settle(id);
      world.emulators.arm.deleteGroupByHand({ group: `cloudesire-${id}` });
      world.emulators.cloudesire.overrideStatus(id, 'DEPLOYED');
      await settle(id, 3);
      expect((await recordOf(id)).state).toBe('needs-attention');
      await world.records.askRetry(id);
      return id;
    }

    it('follows the plan that was changed while it was being deployed', async () => {
      world.emulators.cloudesire.putPlan(2202, { name: 'Large' }, 2201);
      world.emulators.cloudesire.putPlanMetadata(2202, { ...IMAGE, vmSize: 'Standard_D4s_v5' });
      const id = await deleted();
      for (let looks = 0; looks < 60 && books().deployments.length < 2; looks += 1) await settle(id, 1);

      world.emulators.cloudesire.changePlan(id, 2202, { paid: true });
      await settle(id);

      expect(JSON.stringify(machines())).toContain('Standard_D4s_v5');
      expect((await recordOf(id)).fulfillment?.settled?.planId).toBe(2202);
    });

    it('is deployed once where it was gone while the customer did not pay', async () => {
      const id = await deleted('STOPPED');
      await settle(id);

      const { state, fulfillment } = await recordOf(id);
      expect(state).toBe('done');
      expect(fulfillment?.suspended).toBeUndefined();
      expect(books().deployments).toHaveLength(2);
    });
  });
});

function stoppable(): unknown[] {
  const found = world.emulators.arm.resources().filter(({ power }) => power !== null);
  expect(found).not.toEqual([]);
  return found.map(({ id }) => id);
}

function powerOf(id: unknown): unknown {
  return world.emulators.arm.powerHistory({ resource: String(id) }).at(-1)?.state;
}

describe('an Azure subscription that Azure does not know any more', () => {
  function vanish(id: string): void {
    const body = { error: { code: 'SubscriptionNotFound', message: `The subscription '${id}' could not be found.` } };
    world.emulators.faults.watch(({ server, path }) =>
      server === 'arm' && path.startsWith(`/subscriptions/${id}`) ? { kind: 'status', status: 404, body } : undefined,
    );
    onTestFinished(() => world.emulators.faults.watch(() => undefined));
  }
  const showAgain = () => world.emulators.faults.watch(() => undefined);
  const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  const moments = {
    'is delivered': async () => {
      world.emulators.arm.setSwitches({ deploymentTakesMs: HOUR_MS });
      const id = order(2201);
      for (let looks = 0; looks < 100 && books().deployments.length === 0; looks += 1) await settle(id, 1);
      return id;
    },
    'is suspended': async () => {
      const id = await deployed(2201);
      world.emulators.cloudesire.stop(id);
      return id;
    },
    'is ended': async () => {
      const id = await deployed(2201);
      world.emulators.cloudesire.terminate(id);
      return id;
    },
  };

  it.each(Object.entries(moments))(
    'while an order %s is told by its id, not before an hour has passed',
    async (_, begin) => {
      const id = await begin();
      const { azure, customerId = '' } = (await recordOf(id)).fulfillment ?? {};
      vanish(azure?.subscriptionId ?? '');
      await settle(id, 2);
      later(HOUR_MS - STEP_MS);
      await settle(id, 2);
      expect((await recordOf(id)).state).not.toBe('needs-attention');
      expect(world.alerts).toEqual([]);

      // A new subscription is waited for in peace before the hour begins.
      later(2 * HOUR_MS);
      await settle(id, 2);
      const { lastError, state } = await recordOf(id);
      expect({ state, code: lastError?.code }).toEqual({
        state: 'needs-attention',
        code: 'azure-subscription.unseen',
      });
      for (const part of [azure?.subscriptionId, customerId, id]) expect(lastError?.message).toContain(String(part));
      expect(world.alerts).toEqual(['azure-subscription.unseen']);

      showAgain();
      await settle(id);
      expect((await recordOf(id)).state).toMatch(/^(done|idle)$/);
      expect((await recordOf(id)).fulfillment?.azure?.unseenSince).toBeUndefined();
      expect(books().deployments).toHaveLength(1);
    },
  );

  it('for a moment at a time wakes nobody, however often', async () => {
    const id = await moments['is delivered']();
    const { subscriptionId = '' } = (await recordOf(id)).fulfillment?.azure ?? {};
    for (let time = 0; time < 3; time += 1) {
      vanish(subscriptionId);
      await settle(id, 1);
      showAgain();
      await settle(id, 1);
      later(HOUR_MS);
    }
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.alerts).toEqual([]);
  });

  it('in service is told by its id after a day', async () => {
    const id = await deployed(2201);
    const { subscriptionId = '' } = (await recordOf(id)).fulfillment?.azure ?? {};
    vanish(subscriptionId);
    await world.look(id);
    later(24 * HOUR_MS);
    await world.look(id);
    expect((await recordOf(id)).lastError).toMatchObject({
      code: 'partner-subscription.unseen',
      message: expect.stringContaining(subscriptionId),
    });
  });
});

describe('an order that the marketplace no longer shows', () => {
  const hide = (id: number) =>
    world.emulators.faults.inject({
      server: 'cloudesire',
      path: `/subscription/${id}\\?`,
      kind: 'status',
      status: 404,
      body: {},
      times: 1_000,
    });

  it('is left as it is while something of it may run in Azure, and operations are told once', async () => {
    const id = await deployed(2201);
    hide(id);
    for (let looks = 0; looks < 3; looks += 1) await world.look(id);

    expect(await recordOf(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'subscription.vanished' },
    });
    expect(world.alerts).toEqual(['subscription.vanished']);
    expect(machines()).toHaveLength(1);
  });

  it('is done when it was ended before', async () => {
    const id = await deployed(2201);
    world.emulators.cloudesire.terminate(id);
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    hide(id);

    expect(await world.look(id)).toEqual({ done: true });
    expect(world.alerts).toEqual([]);
  });
});

describe('its end', () => {
  it.each([2201, 2301] as const)('leaves nothing of plan %s behind in Azure', async (plan) => {
    const id = await deployed(plan);

    world.emulators.cloudesire.terminate(id);
    await settle(id);

    expect(shown(id)).toMatchObject({ deploymentStatus: 'UNDEPLOYED' });
    expectNothingLeft(id);
    expect((await recordOf(id)).fulfillment?.endedAt).toBeDefined();
  });

  it('waits for a lock that somebody has put there, and says so', async () => {
    const id = await deployed(2201);
    const group = world.emulators.arm.groups().find(({ name }) => name === `cloudesire-${id}`);
    world.emulators.arm.lock({ scope: String(group?.id) });

    world.emulators.cloudesire.terminate(id);
    await settle(id, 10);
    expect(await recordOf(id)).toMatchObject({ state: 'needs-attention', lastError: { code: 'arm.ScopeLocked' } });
    expect(shown(id).deploymentStatus).toBe('UNDEPLOY_SENT');

    world.emulators.arm.unlock({ scope: String(group?.id) });
    await settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expectNothingLeft(id);
  });

  it('after any number of looks of its deployment leaves nothing behind', async () => {
    for (let looks = 1; ; looks += 4) {
      await world.reset();
      world.emulators.partnerCenter.acceptAllAttestations(true);
      const id = order(2301);
      await settle(id, looks);
      const isDelivered = shown(id).deploymentStatus === 'DEPLOYED';

      world.emulators.cloudesire.terminate(id);
      await settle(id);

      expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
      expectNothingLeft(id);
      if (isDelivered) break;
    }
  });

  describe('with an Azure subscription of its own', () => {
    const enough = 40;
    const alias = () => world.emulators.arm.aliases()[0];
    /** What has just come about when the customer terminates. */
    const moments: Record<string, () => boolean> = {
      'the subscription is asked for': () => alias() !== undefined,
      'the subscription is there': () => alias()?.state === 'Succeeded',
      'the connector has its role': () =>
        world.emulators.arm.roleAssignments().some(({ principalType }) => principalType === 'ServicePrincipal'),
      'a deployment runs': () => books().deployments.length > 0,
    };

    it.each(Object.keys(moments))('ends it, also as soon as %s', async (moment) => {
      world.emulators.arm.setSwitches({ subscriptionVisibleAfterMs: 3 * STEP_MS, roleEffectiveAfterMs: 3 * STEP_MS });
      world.emulators.cloudesire.putPlanMetadata(2301, { azureSubscription: 'dedicated' });
      const id = order(2301);
      for (let looks = 0; looks < enough && !moments[moment]?.(); looks += 1) await settle(id, 1);
      expect(moments[moment]?.()).toBe(true);

      world.emulators.cloudesire.terminate(id);
      await settle(id);

      expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
      expectNothingLeft(id);
      await expectOwnSubscriptionEnded(id);
    });

    it('waits for one that was asked for and does not show yet', async () => {
      // It is waited for during a number of polls, which a slow machine must not use up.
      world.restart({ POLL_EVERY_MS: '1000' });
      onTestFinished(() => world.restart());
      world.emulators.cloudesire.putPlanMetadata(2301, { azureSubscription: 'dedicated' });
      const id = order(2301);
      for (let looks = 0; looks < enough && !alias(); looks += 1) await settle(id, 1);
      const error = { code: 'NotFound', message: 'Subscription alias not found.' };
      const hidden = { method: 'GET', path: 'aliases', status: 404, body: { error }, times: 3 };
      world.emulators.faults.inject({ server: 'arm', kind: 'status', ...hidden });

      world.emulators.cloudesire.terminate(id);
      await settle(id);

      expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
      await expectOwnSubscriptionEnded(id);
    });
  });
});

/** What was asked for has been made, and is cancelled. */
async function expectOwnSubscriptionEnded(id: number): Promise<void> {
  await world.pass(HOUR_MS);
  world.emulators.arm.finishOperations();
  const own = world.emulators.arm.subscriptions().filter(({ displayName }) => displayName === `cloudesire-${id}`);
  expect(own.map(({ state }) => state)).toEqual(['Disabled']);
}

describe('a trial', () => {
  it('deploys the same where the plan allows it, and its usage counts from the first payment', async () => {
    world.emulators.cloudesire.putPlanMetadata(2201, { ...IMAGE, partnerCenterTrialOfferId: 'allowed' });
    const id = await deployed(2201, { type: 'TRIAL' });

    world.emulators.cloudesire.convertTrial(id, { paid: true });
    await settle(id);

    const { fulfillment } = await recordOf(id);
    expect(fulfillment?.settled).toMatchObject({ trial: false });
    expect(fulfillment?.azure?.usageSince).toBeDefined();
    expect(machines()).toHaveLength(1);
  });
});

describe('a record that was lost', () => {
  it('is found again by the tag of the resource group, and nothing is deployed a second time', async () => {
    const id = await deployed(2301);
    const before = (await recordOf(id)).fulfillment;

    await world.forget();
    await settle(id);

    const { state, fulfillment } = await recordOf(id);
    expect(state).toBe('done');
    expect(fulfillment?.azure).toMatchObject({
      subscriptionId: before?.azure?.subscriptionId,
      template: before?.azure?.template,
      attempt: 1,
    });
    expect(books().deployments).toHaveLength(1);

    world.emulators.cloudesire.terminate(id);
    await settle(id);
    expectNothingLeft(id);
  });
});
