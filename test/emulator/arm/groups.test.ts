import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AzureWorld, startAzureWorld } from './azure-world.ts';

const MINUTE_MS = 60_000;
const fast = { updateIntervalInMs: 1 };

describe('resource groups', () => {
  let world: AzureWorld;
  let app: Awaited<ReturnType<AzureWorld['bootstrap']>>;
  let owner: typeof app;

  beforeEach(async () => {
    world = await startAzureWorld();
    app = await world.bootstrap();
    owner = world.clientsFor(world.asUser());
  });

  afterEach(() => world.close());

  const scope = (group = 'mp-1') => `/subscriptions/${world.subscriptionId}/resourceGroups/${group}`;
  const create = (name: string, tags: Record<string, string> = {}, location = 'westeurope') =>
    app.resources.resourceGroups.createOrUpdate(name, { location, tags });
  const put = (name: string, tags: Record<string, string> = {}, group = 'mp-1') =>
    world.arm.putResource({
      id: `${scope(group)}/providers/Microsoft.Network/virtualNetworks/${name}`,
      body: { location: 'westeurope', tags, properties: {} },
    });
  const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
    const found = [];
    for await (const item of items) found.push(item);
    return found;
  };

  it('are created once, kept in their region, and found by a tag', async () => {
    await create('mp-1', { order: '50010' });
    await create('mp-2', { order: '50011' });
    expect(world.arm.server.calls.slice(-2).map(({ status }) => status)).toEqual([201, 201]);
    await create('MP-1', { order: '50010', again: 'yes' });
    expect(world.arm.groups()).toMatchObject([{ name: 'mp-1', tags: { again: 'yes' } }, { name: 'mp-2' }]);
    await expect(create('mp-1', {}, 'eastus')).rejects.toMatchObject({ statusCode: 409 });
    await expect(create('mp-3', {}, 'atlantis')).rejects.toMatchObject({ statusCode: 400 });
    await expect(create('ends-with.')).rejects.toMatchObject({ statusCode: 400 });
    const filter = "tagName eq 'ORDER' and tagValue eq '50010'";
    expect((await collect(app.resources.resourceGroups.list({ filter }))).map(({ name }) => name)).toEqual(['mp-1']);
    expect(await app.resources.resourceGroups.checkExistence('mp-2')).toMatchObject({ body: true });
    expect(await app.resources.resourceGroups.checkExistence('mp-9')).toMatchObject({ body: false });
  });

  it('go with all they hold, the newest first, and say so while they go', async () => {
    await create('mp-1');
    for (const name of ['one', 'two', 'three']) put(name);
    const deletion = app.resources.resourceGroups.delete('mp-1', fast);
    await deletion.submitted();
    await world.clock.advance(MINUTE_MS);
    expect((await app.resources.resourceGroups.get('mp-1')).properties?.provisioningState).toBe('Deleting');
    expect(world.arm.resources().map(({ name }) => name)).toEqual(['one']);
    await expect(create('mp-1')).rejects.toMatchObject({ statusCode: 409, code: 'ResourceGroupBeingDeleted' });
    world.arm.setSwitches({ sendRetryAfter: false });
    world.arm.finishOperations();
    await deletion.pollUntilDone();
    expect(world.arm.leftovers({ group: 'mp-1' })).toEqual([]);
    await expect(app.resources.resourceGroups.delete('mp-1')).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceGroupNotFound',
    });
  });

  it('end what is deployed into them, and forget its history when they are gone', async () => {
    await create('mp-1');
    const template = {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      resources: [],
    };
    const deployment = { properties: { mode: 'Incremental' as const, template } };
    await app.deployments.deployments.createOrUpdate('mp-1', 'a1', deployment).submitted();
    await app.resources.resourceGroups.delete('mp-1').submitted();
    const read = () => app.deployments.deployments.get('mp-1', 'a1');
    expect((await read()).properties?.provisioningState).toBe('Canceled');
    world.arm.finishOperations();
    await expect(read()).rejects.toMatchObject({ statusCode: 404, code: 'ResourceGroupNotFound' });
    expect(world.arm.deploymentHistory()).toEqual([]);
  });

  it('stay when a lock forbids it: at once, or at the end of the attempt', async () => {
    await create('mp-1');
    put('one');
    const locks = `${scope()}/providers/Microsoft.Authorization/locks/keep?api-version=2016-09-01`;
    const body = { properties: { level: 'CanNotDelete' } };
    expect((await world.call(world.asApp(), 'PUT', locks, body)).status).toBe(403);
    expect((await world.call(world.asUser(), 'PUT', locks, body)).status).toBe(201);
    await expect(app.resources.resourceGroups.delete('mp-1')).rejects.toMatchObject({
      statusCode: 409,
      code: 'ScopeLocked',
    });

    world.arm.setSwitches({ lockedGroupDeletion: 'fail-later', pollsUntilDone: 1, sendRetryAfter: false });
    await expect(app.resources.resourceGroups.delete('mp-1', fast)).rejects.toMatchObject({
      code: 'ResourceGroupDeletionBlocked',
    });
    expect((await app.resources.resourceGroups.get('mp-1')).properties?.provisioningState).toBe('Succeeded');

    world.arm.setSwitches({ lockLingersMs: MINUTE_MS, lockedGroupDeletion: 'refuse' });
    expect((await world.call(world.asUser(), 'DELETE', locks)).status).toBe(200);
    await expect(app.resources.resourceGroups.delete('mp-1')).rejects.toMatchObject({ code: 'ScopeLocked' });
    await world.clock.advance(MINUTE_MS);
    await app.resources.resourceGroups.delete('mp-1', fast);
    expect(world.arm.groups()).toEqual([]);
  });

  it('stay when a resource cannot be deleted, and tell which', async () => {
    await create('mp-1');
    put('one');
    put('two');
    world.arm.blockDeletion({ resource: 'virtualNetworks/one' });
    world.arm.setSwitches({ pollsUntilDone: 1, sendRetryAfter: false });
    await expect(app.resources.resourceGroups.delete('mp-1', fast)).rejects.toMatchObject({
      code: 'ResourceGroupDeletionBlocked',
      message: expect.stringContaining('Microsoft.Network/virtualNetworks/one'),
    });
    expect(world.arm.resources().map(({ name }) => name)).toEqual(['one']);
    world.arm.blockDeletion({ resource: 'virtualNetworks/one', on: false });
    await app.resources.resourceGroups.delete('mp-1', fast);
    expect(world.arm.leftovers()).toEqual([]);
  });

  it('list their resources, which are also found by tag in whichever group, and read and deleted by id', async () => {
    await create('mp-1');
    await create('mp-2');
    put('one', { order: '50010' });
    put('stray', { order: '50010' }, 'mp-2');
    put('other', {}, 'mp-2');
    expect((await collect(app.resources.resources.listByResourceGroup('mp-1'))).map(({ name }) => name)).toEqual([
      'one',
    ]);
    const filter = "tagName eq 'order' and tagValue eq '50010'";
    const tagged = await collect(app.resources.resources.list({ filter }));
    expect(tagged.map(({ name }) => name)).toEqual(['one', 'stray']);
    expect(world.arm.leftovers({ tag: 'order', value: '50010' })).toHaveLength(2);

    const id = `${scope()}/providers/Microsoft.Network/virtualNetworks/one?api-version=2024-05-01`;
    expect((await world.call(world.asApp(), 'GET', id)).body).toMatchObject({ name: 'one', tags: { order: '50010' } });
    expect((await world.call(world.asApp(), 'DELETE', id)).status).toBe(200);
    expect((await world.call(world.asApp(), 'DELETE', id)).status).toBe(204);
    expect(await world.call(world.asApp(), 'GET', id)).toMatchObject({
      status: 404,
      body: { error: { code: 'ResourceNotFound' } },
    });
  });

  it('and resources take tags at their scope', async () => {
    await create('mp-1', { order: '50010' });
    const at = scope().slice(1);
    await app.resources.tagsOperations.updateAtScope(at, {
      operation: 'Merge',
      properties: { tags: { stage: 'live' } },
    });
    expect(world.arm.groups()[0]?.tags).toEqual({ order: '50010', stage: 'live' });
    const { properties } = await app.resources.tagsOperations.getAtScope(at);
    expect(properties?.tags).toEqual({ order: '50010', stage: 'live' });
    await app.resources.tagsOperations.createOrUpdateAtScope(at, { properties: { tags: { only: 'this' } } });
    expect(world.arm.groups()[0]?.tags).toEqual({ only: 'this' });
  });

  it('forget roles with themselves, and refuse writes under a read-only lock', async () => {
    await create('mp-1');
    const role = `/subscriptions/${world.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7`;
    await owner.authorization.roleAssignments.create(scope().slice(1), '5b8a90c4-11d2-4e3f-9a4b-5c6d7e8f9001', {
      principalId: '11111111-2222-4333-8444-555555555555',
      principalType: 'User',
      roleDefinitionId: role,
    });
    world.arm.lock({ scope: scope(), level: 'ReadOnly' });
    await expect(create('mp-1', { a: 'b' })).rejects.toMatchObject({ statusCode: 409, code: 'ScopeLocked' });
    world.arm.unlock({ scope: scope() });
    world.arm.setSwitches({ pollsUntilDone: 1, sendRetryAfter: false });
    await app.resources.resourceGroups.delete('mp-1', fast);
    expect(world.arm.roleAssignments().map(({ principalType }) => principalType)).toEqual([
      'ForeignGroup',
      'ServicePrincipal',
    ]);
  });

  it('have budgets that know what was spent, and costs by group for who asks', async () => {
    await create('mp-1');
    world.arm.putResource({
      id: `${scope()}/providers/Microsoft.Network/publicIPAddresses/pip`,
      body: { location: 'westeurope', properties: {} },
    });
    const path = `${scope()}/providers/Microsoft.Consumption/budgets/monthly?api-version=2021-10-01`;
    const timePeriod = { startDate: '2026-09-01T00:00:00Z', endDate: '2027-09-01T00:00:00Z' };
    const properties = { category: 'Cost', amount: 500, timeGrain: 'Monthly', timePeriod };
    expect((await world.call(world.asUser(), 'PUT', path, { properties })).status).toBe(201);
    await world.clock.advance(100 * 60 * MINUTE_MS);
    expect((await world.call(world.asUser(), 'PUT', path, { properties })).status).toBe(200);
    const { body } = await world.call(world.asUser(), 'GET', path);
    expect(body.properties.currentSpend).toEqual({ amount: 0.4, unit: 'EUR' });

    const query = `/subscriptions/${world.subscriptionId}/providers/Microsoft.CostManagement/query?api-version=2025-03-01`;
    const costs = await world.call(world.asUser(), 'POST', query, {
      type: 'ActualCost',
      timeframe: 'MonthToDate',
      dataset: { granularity: 'None', grouping: [{ type: 'Dimension', name: 'ResourceGroup' }] },
    });
    expect(costs.body.properties.rows).toEqual([[0.4, 'mp-1', 'EUR']]);
  });
});
