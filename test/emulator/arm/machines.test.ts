import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AzureWorld, seededTemplate, startAzureWorld, wrap } from './azure-world.ts';

const GROUP = 'mp-50011';
const HOUR_MS = 3_600_000;
const IMAGE = { publisher: 'aurora-linux', offer: 'hardened-server', plan: '22-04-gen2' };
const fast = { updateIntervalInMs: 1 };

describe('machines from the Marketplace', () => {
  let world: AzureWorld;
  let app: Awaited<ReturnType<AzureWorld['bootstrap']>>;

  beforeEach(async () => {
    world = await startAzureWorld();
    app = await world.bootstrap();
    world.arm.setSwitches({ pollsUntilDone: 1, sendRetryAfter: false });
    await app.resources.resourceGroups.createOrUpdate(GROUP, { location: 'westeurope' });
  });

  afterEach(() => world.close());

  const terms = () =>
    app.marketplace.marketplaceAgreements.get('virtualmachine', IMAGE.publisher, IMAGE.offer, IMAGE.plan);
  const acceptTerms = async (changes: object = { accepted: true }) =>
    app.marketplace.marketplaceAgreements.create('virtualmachine', IMAGE.publisher, IMAGE.offer, IMAGE.plan, {
      ...(await terms()),
      ...changes,
    });
  const deploy = (parameters: Record<string, unknown> = {}, name = 'vm-1') =>
    app.deployments.deployments.createOrUpdate(
      GROUP,
      name,
      {
        properties: {
          mode: 'Incremental',
          template: seededTemplate('marketplace-vm'),
          parameters: wrap({
            vmName: 'server1',
            imagePublisher: IMAGE.publisher,
            imageOffer: IMAGE.offer,
            imageSku: IMAGE.plan,
            adminUsername: 'opsadmin',
            adminPasswordOrKey: `ssh-ed25519 ${'B'.repeat(80)}`,
            dnsLabel: 'officine-web',
            dataDiskSizesGb: [64],
            ...parameters,
          }),
        },
      },
      fast,
    );
  const failureOf = async (name = 'vm-1') => {
    for await (const { properties } of app.deployments.deploymentOperations.list(GROUP, name)) {
      if (properties?.provisioningState === 'Failed') return properties.statusMessage?.error;
    }
    return undefined;
  };
  const power = async (vm = 'server1') => {
    const { statuses } = await app.compute.virtualMachines.instanceView(GROUP, vm);
    return statuses?.find(({ code }) => code?.startsWith('PowerState/'))?.code;
  };

  it('are described by their image, which tells whether a plan is needed', async () => {
    const image = (publisher: string, offer: string, sku: string, version = 'latest') =>
      app.compute.virtualMachineImages.get('westeurope', publisher, offer, sku, version);
    expect(await image(IMAGE.publisher, IMAGE.offer, IMAGE.plan)).toMatchObject({
      name: '22.04.20260801',
      plan: { publisher: 'aurora-linux', product: 'hardened-server', name: '22-04-gen2' },
    });
    expect((await image('Canonical', 'ubuntu-24_04-lts', 'server')).plan).toBeUndefined();
    await expect(image('Canonical', 'ubuntu-24_04-lts', 'desktop')).rejects.toMatchObject({ statusCode: 404 });
    const [newest] = await app.compute.virtualMachineImages.list(
      'westeurope',
      IMAGE.publisher,
      IMAGE.offer,
      IMAGE.plan,
      {
        top: 1,
        orderby: 'name desc',
      },
    );
    expect(newest?.name).toBe('22.04.20260801');
  });

  it('are sold after their terms were accepted with the whole object of the reading', async () => {
    expect((await terms()).accepted).toBe(false);
    await expect(deploy()).rejects.toMatchObject({ statusCode: 400, code: 'MarketplacePurchaseEligibilityFailed' });
    await expect(
      app.marketplace.marketplaceAgreements.create('virtualmachine', IMAGE.publisher, IMAGE.offer, IMAGE.plan, {
        publisher: IMAGE.publisher,
        product: IMAGE.offer,
        plan: IMAGE.plan,
        accepted: true,
      }),
    ).rejects.toMatchObject({ statusCode: 404 });
    expect((await acceptTerms()).accepted).toBe(true);
    expect((await deploy()).properties?.outputs).toMatchObject({
      fqdn: { value: 'officine-web.westeurope.cloudapp.azure.com' },
      publicIpAddress: { value: expect.stringMatching(/^20\./) },
    });
    expect(world.arm.books().terms).toMatchObject([
      { plan: '22-04-gen2', by: world.entra.servicePrincipal(world.customerId) },
    ]);
    const disks = world.arm.resources().filter(({ type }) => type === 'Microsoft.Compute/disks');
    expect(disks).toHaveLength(2);
  });

  it('may see the acceptance late, or never in the answers of one api-version', async () => {
    world.arm.setSwitches({ termsEffectiveAfterMs: 60_000, termsAlwaysLookRefused: ['2021-01-01'] });
    expect((await acceptTerms()).accepted).toBe(false);
    await expect(deploy()).rejects.toMatchObject({ code: 'MarketplacePurchaseEligibilityFailed' });
    world.arm.setSwitches({ missingTermsRefusedAt: 'operation' });
    await expect(deploy()).rejects.toThrow();
    expect(await failureOf()).toMatchObject({
      code: 'ResourcePurchaseValidationFailed',
      message: expect.stringContaining('You have not accepted the legal terms'),
    });
    await world.clock.advance(60_000);
    expect((await deploy()).properties?.provisioningState).toBe('Succeeded');
  });

  it('have agreements that are signed, listed and cancelled, or signed in the portal only', async () => {
    const { marketplaceAgreements } = app.marketplace;
    await marketplaceAgreements.sign(IMAGE.publisher, IMAGE.offer, IMAGE.plan);
    expect((await terms()).accepted).toBe(true);
    expect(await marketplaceAgreements.list()).toHaveLength(1);
    await marketplaceAgreements.cancel(IMAGE.publisher, IMAGE.offer, IMAGE.plan);
    expect((await terms()).accepted).toBe(false);
    world.arm.requirePortal(IMAGE);
    await expect(marketplaceAgreements.sign(IMAGE.publisher, IMAGE.offer, IMAGE.plan)).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('through the Azure portal'),
    });
  });

  it('fail without plan, without image, and with a name that somebody has', async () => {
    await acceptTerms();
    await expect(deploy({ planRequired: false })).rejects.toThrow();
    expect(await failureOf()).toMatchObject({ code: 'VMMarketplaceInvalidInput' });
    await expect(deploy({ imageVersion: '1.0.0' }, 'vm-2')).rejects.toThrow();
    expect(await failureOf('vm-2')).toMatchObject({ code: 'ImageNotFound' });
    await deploy({}, 'vm-3');
    await expect(deploy({ vmName: 'server2' }, 'vm-4')).rejects.toThrow();
    expect((await app.deployments.deployments.get(GROUP, 'vm-4')).properties?.error?.details).toMatchObject([
      { code: 'BadRequest', message: expect.stringContaining('DnsRecordInUse') },
    ]);
    world.arm.putImage({ ...world.arm.images()[0]!, refusal: 'Publisher has opted out of the CSP channel' });
    await expect(deploy({ vmName: 'server3', dnsLabel: 'other' }, 'vm-5')).rejects.toMatchObject({
      code: 'MarketplacePurchaseEligibilityFailed',
    });
  });

  it('need sizes and cores that the subscription may use', async () => {
    await acceptTerms();
    const restrictions = async () => {
      for await (const sku of app.compute.resourceSkus.list({ filter: "location eq 'westeurope'" })) {
        if (sku.name === 'Standard_D2s_v5') return sku.restrictions?.map(({ reasonCode }) => reasonCode);
      }
      return undefined;
    };
    expect(await restrictions()).toEqual([]);
    world.arm.restrictSize({ size: 'Standard_D2s_v5', location: 'westeurope' });
    expect(await restrictions()).toEqual(['NotAvailableForSubscription']);
    await expect(deploy()).rejects.toMatchObject({ code: 'InvalidTemplateDeployment' });
    world.arm.allowSize({ size: 'Standard_D2s_v5' });

    world.arm.setQuota({ name: 'standardDSv5Family', limit: 3 });
    await deploy();
    const usages = [];
    for await (const one of app.compute.usage.list('westeurope')) usages.push(one);
    expect(usages.find(({ name }) => name.value === 'standardDSv5Family')).toMatchObject({ limit: 3, currentValue: 2 });
    await expect(deploy({ vmName: 'server2', dnsLabel: 'second' }, 'vm-2')).rejects.toMatchObject({
      code: 'InvalidTemplateDeployment',
    });
  });

  it('cost nothing for computing while they are deallocated, and everything stands in the books', async () => {
    await acceptTerms();
    await deploy();
    expect(await power()).toBe('PowerState/running');
    await world.clock.advance(10 * HOUR_MS);
    await app.compute.virtualMachines.deallocate(GROUP, 'server1', fast);
    expect(await power()).toBe('PowerState/deallocated');
    await world.clock.advance(10 * HOUR_MS);
    const usage = async () => {
      const plan = world.partnerCenter.entitlements()[0]!.planId;
      const path = `/v1/customers/${world.customerId}/subscriptions/${plan}/resourceusagerecords`;
      const { body } = await world.askPartnerCenter('GET', path, undefined, 'user');
      return Object.fromEntries(
        body.items.map((item: { name: string; totalCost: number; resourceGroupName: string }) => [
          item.name,
          item.totalCost,
        ]),
      );
    };
    expect(await usage()).toMatchObject({ server1: 2.1, server1_OsDisk_1: 0.2, 'server1-pip': 0.08 });
    await app.compute.virtualMachines.start(GROUP, 'server1', fast);
    await world.clock.advance(10 * HOUR_MS);
    expect(await usage()).toMatchObject({ server1: 4.2, server1_OsDisk_1: 0.3 });

    const by = world.entra.servicePrincipal(world.customerId);
    expect(world.arm.books().stopped).toMatchObject([
      { by, clientRequestId: expect.any(String), power: 'deallocated' },
    ]);
    const resource = `/subscriptions/${world.subscriptionId}/resourceGroups/${GROUP}/providers/Microsoft.Compute/virtualMachines/server1`;
    expect(world.arm.powerHistory({ resource }).map(({ state }) => state)).toEqual([
      'running',
      'deallocated',
      'running',
    ]);
  });

  it('stay down when there is no capacity to start them', async () => {
    await acceptTerms();
    await deploy();
    await app.compute.virtualMachines.deallocate(GROUP, 'server1', fast);
    world.arm.failStarts({ resource: 'server1', times: 1 });
    await expect(app.compute.virtualMachines.start(GROUP, 'server1', fast)).rejects.toThrow('AllocationFailed');
    expect(await power()).toBe('PowerState/deallocated');
    await app.compute.virtualMachines.start(GROUP, 'server1', fast);
    expect(await power()).toBe('PowerState/running');
    const { instanceView } = await app.compute.virtualMachines.get(GROUP, 'server1', { expand: 'instanceView' });
    expect(instanceView?.statuses).toHaveLength(2);
  });
});

describe('platform services', () => {
  let world: AzureWorld;

  beforeEach(async () => {
    world = await startAzureWorld();
    const app = await world.bootstrap();
    await app.resources.resourceGroups.createOrUpdate(GROUP, { location: 'westeurope' });
  });

  afterEach(() => world.close());

  const put = (type: string, name: string): string => {
    const id = `/subscriptions/${world.subscriptionId}/resourceGroups/${GROUP}/providers/${type}/${name}`;
    world.arm.putResource({ id, body: { location: 'westeurope', properties: {} } });
    return id;
  };
  const act = (id: string, action: string) =>
    world.call(world.asApp(), 'POST', `${id}/${action}?api-version=${VERSIONS[id.split('/')[6]!]}`);
  const powerOf = (id: string) => world.arm.resources().find((one) => one.id === id)?.power;

  it.each([
    ['Microsoft.DBforPostgreSQL/flexibleServers', 'pg1', 'stopped'],
    ['Microsoft.DBforMySQL/flexibleServers', 'my1', 'stopped'],
    ['Microsoft.ContainerService/managedClusters', 'aks1', 'stopped'],
    ['Microsoft.ContainerInstance/containerGroups', 'aci1', 'stopped'],
  ])('of type %s stop and start as long-running operations', async (type, name, end) => {
    const id = put(type, name);
    const answer = await act(id, 'stop');
    expect(answer.status).toBe(202);
    expect(powerOf(id)).toBe('stopping');
    await world.clock.advance(60_000);
    expect(powerOf(id)).toBe(end);
    const seen = await world.call(world.asApp(), 'GET', `${id}?api-version=${VERSIONS[id.split('/')[6]!]}`);
    expect(JSON.stringify(seen.body.properties)).toContain('"Stopped"');
    const address = answer.headers.get('azure-asyncoperation')!.replace(world.arm.url, '');
    expect((await world.call(world.asApp(), 'GET', address)).body.status).toBe('Succeeded');
    await act(id, 'start');
    await world.clock.advance(60_000);
    expect(powerOf(id)).toBe('running');
  });

  it('of the web stop at once', async () => {
    const id = put('Microsoft.Web/sites', 'web1');
    expect((await act(id, 'stop')).status).toBe(200);
    expect(powerOf(id)).toBe('stopped');
    expect((await act(`${id}-gone`, 'stop')).body.error.code).toBe('ResourceNotFound');
  });

  it('that are databases are started again by Azure after seven days', async () => {
    const id = put('Microsoft.DBforPostgreSQL/flexibleServers', 'pg1');
    await act(id, 'stop');
    await world.clock.advance(6 * 24 * HOUR_MS);
    expect(powerOf(id)).toBe('stopped');
    await world.clock.advance(25 * HOUR_MS);
    expect(powerOf(id)).toBe('running');
    expect(world.arm.powerHistory({ resource: id }).at(-1)).toMatchObject({ by: 'azure' });
  });

  it('have host names that nobody else may take', async () => {
    put('Microsoft.Storage/storageAccounts', 'mpstore1');
    const id = `/subscriptions/${world.subscriptionId}/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/mpstore1`;
    const again = () => world.arm.putResource({ id, body: { location: 'westeurope', properties: {} } });
    expect(again).toThrow('StorageAccountAlreadyTaken');
  });
});

const VERSIONS: Record<string, string> = {
  'Microsoft.DBforPostgreSQL': '2024-08-01',
  'Microsoft.DBforMySQL': '2023-12-30',
  'Microsoft.ContainerService': '2024-09-01',
  'Microsoft.ContainerInstance': '2023-05-01',
  'Microsoft.Web': '2024-04-01',
};
