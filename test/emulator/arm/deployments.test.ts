import type { DeploymentExtended } from '@azure/arm-resourcesdeployments';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AzureWorld, seededTemplate, startAzureWorld, wrap } from './azure-world.ts';

const MINUTE_MS = 60_000;
const GROUP = 'mp-50010';
const NAME = 'mp-50010-a1';
const PASSWORD = 'Kx4!never-in-a-log';
const SSH_KEY = `ssh-ed25519 ${'A'.repeat(80)}`;

const THREE_TIER = wrap({
  namePrefix: 'fabshop',
  adminUsername: 'opsadmin',
  adminSshPublicKey: SSH_KEY,
  databaseAdminLogin: 'pgadmin',
  databaseAdminPassword: PASSWORD,
  dnsZoneName: 'fabrikam.example',
  appSettings: { apiKey: 'a-secret-setting' },
});

describe('deployments', () => {
  let world: AzureWorld;
  let app: Awaited<ReturnType<AzureWorld['bootstrap']>>;

  beforeEach(async () => {
    world = await startAzureWorld();
    app = await world.bootstrap();
    await app.resources.resourceGroups.createOrUpdate(GROUP, { location: 'westeurope', tags: { order: '50010' } });
  });

  afterEach(() => world.close());

  const body = (template: unknown, parameters: Record<string, { value: unknown }> = {}) => ({
    properties: { mode: 'Incremental' as const, template: template as Record<string, unknown>, parameters },
    tags: { order: '50010', attempt: '1' },
  });
  const start = (template: unknown, parameters?: Record<string, { value: unknown }>, name = NAME) =>
    app.deployments.deployments.createOrUpdate(GROUP, name, body(template, parameters), { updateIntervalInMs: 1 });
  const submit = async (...args: Parameters<typeof start>): Promise<void> => start(...args).submitted();
  const read = (name = NAME): Promise<DeploymentExtended> => app.deployments.deployments.get(GROUP, name);
  const operationsOf = async (name = NAME) => {
    const found = [];
    for await (const operation of app.deployments.deploymentOperations.list(GROUP, name))
      found.push(operation.properties!);
    return found;
  };
  const networks = (...names: string[]) => ({
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    resources: names.map((name, index) => ({
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2024-05-01',
      name,
      location: '[resourceGroup().location]',
      properties: { addressSpace: { addressPrefixes: [`10.${index}.0.0/16`] } },
      ...(index === 0 ? {} : { dependsOn: [names[index - 1]] }),
    })),
  });

  it('of the three-tier template write its resources one after the other and tell its outputs', async () => {
    await submit(seededTemplate('three-tier-app'), THREE_TIER);
    expect((await read()).properties?.provisioningState).toBe('Accepted');
    const counts: number[] = [];
    while (!['Succeeded', 'Failed'].includes((await read()).properties!.provisioningState!)) {
      counts.push(world.arm.resources().length);
      await world.clock.advance(30_000);
    }
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(new Set(counts).size).toBeGreaterThan(3);

    const { properties } = await read();
    expect(properties).toMatchObject({
      provisioningState: 'Succeeded',
      parameters: { databaseAdminPassword: { type: 'SecureString' }, appInstanceCount: { type: 'Int', value: 2 } },
      outputs: {
        applicationUrl: { type: 'String', value: 'https://app.fabrikam.example' },
        platformFqdn: { value: expect.stringMatching(/^fabshop-\w{6}\.westeurope\.cloudapp\.azure\.com$/) },
        databaseHost: { value: expect.stringMatching(/^fabshop-pg-\w{6}\.postgres\.database\.azure\.com$/) },
        appVirtualMachineNames: { type: 'Array', value: ['fabshop-app1', 'fabshop-app2'] },
        dnsNameServers: { value: expect.arrayContaining([expect.stringContaining('azure-dns.com.')]) },
      },
    });
    expect(properties!.outputResources).toHaveLength(17);
    const states = (await operationsOf()).map(({ provisioningState }) => provisioningState);
    expect(new Set(states)).toEqual(new Set(['Succeeded']));
  });

  it('are followed by the poller of the client to the end', async () => {
    world.arm.setSwitches({ pollsUntilDone: 3, sendRetryAfter: false });
    const deployment = await start(
      seededTemplate('two-tier'),
      wrap({ dnsPrefix: 'officine-web', adminPassword: PASSWORD }),
    );
    expect(deployment.properties?.outputs).toMatchObject({
      fqdn: { value: 'officine-web.westeurope.cloudapp.azure.com' },
    });
    const polls = world.arm.server.calls.filter(({ path }) => path.includes('operationStatuses'));
    expect(polls).toHaveLength(3);
  });

  it('never show a secure value, nor do the resources they wrote', async () => {
    await submit(seededTemplate('three-tier-app'), THREE_TIER);
    world.arm.finishOperations();
    const shown = JSON.stringify([
      world.arm.deploymentHistory(),
      world.arm.resources(),
      world.arm.books(),
      await read(),
      await operationsOf(),
    ]);
    for (const secret of [PASSWORD, 'a-secret-setting']) {
      expect(shown).not.toContain(secret);
      expect(world.arm.secrets()).toContain(secret);
    }
  });

  it('are joined, not doubled, under the name of one that runs', async () => {
    world.faults.inject({ server: 'arm', method: 'PUT', path: '/deployments/', kind: 'reset-after' });
    await expect(submit(networks('one'))).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(submit(networks('one'))).rejects.toMatchObject({
      statusCode: 409,
      code: 'DeploymentActive',
      message: expect.stringMatching(/^Unable to edit or replace deployment 'mp-50010-a1': previous deployment from /),
    });
    world.arm.finishOperations();
    await submit(networks('one'));
    expect(world.arm.books().deployments).toHaveLength(2);
    expect(world.arm.books().created).toHaveLength(1);

    world.arm.setSwitches({ activeDeploymentPut: 'replace' });
    await submit(networks('two'));
    expect((await read()).properties?.provisioningState).toBe('Accepted');
  });

  it('keep what was written before a cancel, and cannot be cancelled afterwards', async () => {
    await submit(networks('one', 'two', 'three'));
    await world.clock.advance(2.5 * MINUTE_MS);
    await app.deployments.deployments.cancel(GROUP, NAME);
    expect((await read()).properties).toMatchObject({
      provisioningState: 'Canceled',
      error: { code: 'DeploymentCanceled' },
    });
    await world.clock.advance(10 * MINUTE_MS);
    expect(world.arm.resources().map(({ name }) => name)).toEqual(['one', 'two']);
    await expect(app.deployments.deployments.cancel(GROUP, NAME)).rejects.toMatchObject({ statusCode: 409 });
  });

  it('fail with the details of the providers, leave out what depends on the failure, and write the rest', async () => {
    world.arm.failResource({ kind: 'json-text', resource: 'flexibleServers ' });
    world.arm.failResource({ kind: 'capacity', resource: '/virtualMachines/fabshop-app1' });
    await submit(seededTemplate('three-tier-app'), THREE_TIER);
    world.arm.finishOperations();
    const { properties } = await read();
    expect(properties).toMatchObject({ provisioningState: 'Failed', error: { code: 'DeploymentFailed' } });
    const details = properties!.error!.details!;
    expect(new Set(details.map(({ code }) => code))).toEqual(new Set(['Conflict', 'SkuNotAvailable']));
    const text = details.find(({ code }) => code === 'Conflict')!.message!;
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 'ResourceDeploymentFailure', details: [{ code: 'RegionNotSupportedForZoneRedundantHA' }] },
    });

    const failed = (await operationsOf()).filter(({ provisioningState }) => provisioningState === 'Failed');
    expect(new Set(failed.map(({ statusMessage }) => statusMessage?.error?.code))).toEqual(
      new Set(['ResourceDeploymentFailure', 'SkuNotAvailable']),
    );
    const names = world.arm.resources().map(({ name }) => name);
    expect(names).toContain('fabshop-app2');
    expect(names).not.toContain('appdb');
  });

  it('run nested deployments as deployments of their own, with their own operations', async () => {
    const nested = {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      resources: [
        {
          type: 'Microsoft.Resources/deployments',
          apiVersion: '2022-09-01',
          name: 'inner',
          properties: {
            mode: 'Incremental',
            expressionEvaluationOptions: { scope: 'inner' },
            parameters: { password: { value: PASSWORD } },
            template: {
              ...networks('deep'),
              parameters: { password: { type: 'secureString' } },
              outputs: { id: { type: 'string', value: "[resourceId('Microsoft.Network/virtualNetworks', 'deep')]" } },
            },
          },
        },
      ],
      outputs: { deep: { type: 'string', value: "[reference('inner').outputs.id.value]" } },
    };
    await submit(nested);
    world.arm.finishOperations();
    expect((await read()).properties).toMatchObject({
      provisioningState: 'Succeeded',
      outputs: { deep: { value: expect.stringMatching(/\/virtualNetworks\/deep$/) } },
    });
    expect((await read('inner')).properties?.provisioningState).toBe('Succeeded');
    expect((await operationsOf('inner'))[0]?.targetResource?.resourceName).toBe('deep');

    world.arm.failResource({ kind: 'nested-details', resource: 'deep' });
    await submit(nested, {}, 'again');
    world.arm.finishOperations();
    const [outer] = (await operationsOf('again')).filter(({ provisioningState }) => provisioningState === 'Failed');
    expect(outer).toMatchObject({
      targetResource: { resourceType: 'Microsoft.Resources/deployments', resourceName: 'inner' },
      statusMessage: { error: { code: 'DeploymentFailed', details: [{ code: 'ResourceDeploymentFailure' }] } },
    });
  });

  it('are refused before they begin, and leave no trace, when the template or the circumstances are wrong', async () => {
    const { databaseAdminPassword: _left, ...incomplete } = { databaseAdminPassword: {}, ...THREE_TIER };
    await expect(submit(seededTemplate('three-tier-app'), incomplete)).rejects.toMatchObject({
      statusCode: 400,
      code: 'InvalidTemplate',
      message: expect.stringContaining("'databaseAdminPassword'"),
    });
    world.arm.failResource({ kind: 'policy' });
    await expect(submit(networks('one'))).rejects.toMatchObject({ code: 'InvalidTemplateDeployment' });
    const unregistered = {
      ...networks(),
      resources: [
        {
          type: 'Microsoft.KeyVault/vaults',
          apiVersion: '2023-07-01',
          name: 'v1',
          location: 'westeurope',
          properties: {},
        },
      ],
    };
    await expect(submit(unregistered)).rejects.toMatchObject({
      statusCode: 409,
      code: 'MissingSubscriptionRegistration',
    });
    const elsewhere = { ...networks('one') };
    elsewhere.resources[0]!.location = 'atlantis';
    await expect(submit(elsewhere)).rejects.toMatchObject({ code: 'LocationNotAvailableForResourceType' });
    expect(world.arm.deploymentHistory()).toEqual([]);
  });

  it('are validated at once or later, with the reasons for a refusal', async () => {
    const validate = async (template: unknown, later = false) => {
      world.arm.setSwitches({ validateAnswers: later ? 'later' : 'at-once', pollsUntilDone: 1 });
      const seen: string[] = [];
      const onResponse = (raw: { bodyAsText?: string | null }) => void seen.push(raw.bodyAsText ?? '');
      const options = { updateIntervalInMs: 1, onResponse };
      return app.deployments.deployments.validate(GROUP, NAME, body(template), options).then(
        (result) => result.properties?.provisioningState,
        () => (seen[0] === '' ? 'refused later' : JSON.parse(seen[0]!).error.details[0].code),
      );
    };
    expect([await validate(networks('one')), await validate(networks('one'), true)]).toEqual([
      'Succeeded',
      'Succeeded',
    ]);
    for (const later of [false, true]) {
      world.arm.failResource({ kind: 'quota' });
      expect(await validate(networks('one'), later)).toBe(later ? 'refused later' : 'QuotaExceeded');
    }
  });

  it('are predicted by what-if, which tells a wrong template without an error of the call', async () => {
    world.arm.setSwitches({ pollsUntilDone: 1, sendRetryAfter: false });
    await start(networks('one'));
    const whatIf = (template: unknown) =>
      app.deployments.deployments.whatIf(GROUP, 'x', body(template), { updateIntervalInMs: 1 });
    const prediction = await whatIf({ ...networks('one', 'two') });
    expect(prediction).toMatchObject({
      status: 'Succeeded',
      changes: [{ changeType: 'NoChange' }, { changeType: 'Create', resourceId: expect.stringMatching(/two$/) }],
    });
    expect(await whatIf({ resources: 'none' })).toMatchObject({ status: 'Failed', error: { code: 'InvalidTemplate' } });
    expect(world.arm.resources()).toHaveLength(1);
  });

  it('are listed, exported, looked for and deleted from the history without touching the resources', async () => {
    await submit(networks('one'));
    world.arm.finishOperations();
    await submit(networks('two'), {}, 'second');
    world.arm.finishOperations();
    const names = [];
    for await (const one of app.deployments.deployments.listByResourceGroup(GROUP)) names.push(one.name);
    expect(names).toEqual(['second', NAME]);
    const exported = await app.deployments.deployments.exportTemplate(GROUP, NAME);
    expect(exported.template).toMatchObject({ contentVersion: '1.0.0.0' });
    expect(await app.deployments.deployments.checkExistence(GROUP, NAME)).toMatchObject({ body: true });
    await app.deployments.deployments.delete(GROUP, NAME);
    expect(await app.deployments.deployments.checkExistence(GROUP, NAME)).toMatchObject({ body: false });
    await expect(read()).rejects.toMatchObject({ statusCode: 404, code: 'DeploymentNotFound' });
    expect(world.arm.resources()).toHaveLength(2);
  });

  it('in mode Complete delete what the template does not name', async () => {
    await submit(networks('one', 'two'));
    world.arm.finishOperations();
    const complete = { properties: { ...body(networks('two')).properties, mode: 'Complete' as const } };
    await app.deployments.deployments.createOrUpdate(GROUP, 'complete', complete).submitted();
    world.arm.finishOperations();
    expect(world.arm.resources().map(({ name }) => name)).toEqual(['two']);
  });

  it('take their template from a link when Azure can reach it', async () => {
    const uri = world.templates.publish({ path: '/one.json', content: networks('linked') });
    const linked = (address: string) => ({
      properties: { mode: 'Incremental' as const, templateLink: { uri: address } },
    });
    await app.deployments.deployments.createOrUpdate(GROUP, NAME, linked(uri)).submitted();
    world.arm.finishOperations();
    expect((await read()).properties).toMatchObject({ provisioningState: 'Succeeded', templateLink: { uri } });
    const lost = app.deployments.deployments.createOrUpdate(GROUP, 'lost', linked(`${world.templates.url}/lost.json`));
    await expect(lost.submitted()).rejects.toMatchObject({ code: 'InvalidContentLink' });
  });
});
