import { describe, expect, it } from 'vitest';
import { RetryableError } from '../../../../src/lib/errors.ts';
import { failureOf, ROOT, refused, startCloud } from './cloud.ts';

function resource(type: string, name = 'n1') {
  return { id: `${ROOT}/resourceGroups/mp-1/providers/${type}/${name}`, type, name };
}

const MACHINE = resource('Microsoft.Compute/virtualMachines');
const SCALE_SET = resource('Microsoft.Compute/virtualMachineScaleSets');

describe('power', () => {
  it.each([
    [MACHINE, 'deallocate', 'start', '2026-04-01'],
    [SCALE_SET, 'deallocate', 'start', '2026-04-01'],
    [resource('Microsoft.DBforPostgreSQL/flexibleServers'), 'stop', 'start', '2024-08-01'],
    [resource('Microsoft.DBforMySQL/flexibleServers'), 'stop', 'start', '2023-12-30'],
    [resource('Microsoft.ContainerService/managedClusters'), 'stop', 'start', '2024-09-01'],
    [resource('Microsoft.ContainerInstance/containerGroups'), 'stop', 'start', '2023-05-01'],
    [resource('Microsoft.Web/sites'), 'stop', 'start', '2023-12-01'],
  ])('stops and starts by one request each: $type', async (one, stop, start, version) => {
    const { there, calls } = await startCloud(() => ({
      status: 202,
      headers: { 'Azure-AsyncOperation': '/subscriptions/x/operations/1', 'Retry-After': '10' },
    }));
    expect(there.power.isStoppable(one.type.toUpperCase())).toBe(true);
    await there.power.stop(one);
    await there.power.start(one);
    expect(calls.map(({ method, path, query }) => [method, path.toLowerCase(), query['api-version']])).toEqual([
      ['POST', `${one.id}/${stop}`.toLowerCase(), version],
      ['POST', `${one.id}/${start}`.toLowerCase(), version],
    ]);
  });

  it.each([
    ['PowerState/running', 'running'],
    ['PowerState/deallocated', 'stopped'],
    ['PowerState/deallocating', 'changing'],
    ['PowerState/starting', 'changing'],
    // Shut down from within: paid for as before.
    ['PowerState/stopped', 'running'],
    ['PowerState/unheard', 'unknown'],
    ['PowerState/constructor', 'unknown'],
    ['ProvisioningState/succeeded', 'unknown'],
  ])('of a machine with %s is %s', async (code, expected) => {
    const statuses = [{ code: 'ProvisioningState/succeeded' }, { code }];
    const { there, sent } = await startCloud(() => ({ json: { statuses } }));
    expect(await there.power.state(MACHINE)).toBe(expected);
    expect(sent()).toEqual([`GET ${MACHINE.id}/instanceView`]);
  });

  it.each([
    [['running', 'deallocated'], 'running'],
    [['deallocated', 'deallocating'], 'changing'],
    [['deallocated', 'deallocated'], 'stopped'],
    [['deallocated', 'unheard'], 'unknown'],
    [[], 'stopped'],
  ])('of a scale set with %j is %s', async (words, expected) => {
    const value = words.map((word) => ({
      name: 'vm',
      location: 'westeurope',
      properties: { instanceView: { statuses: [{ code: `PowerState/${word}` }] } },
    }));
    const { there } = await startCloud(() => ({ json: { value } }));
    expect(await there.power.state(SCALE_SET)).toBe(expected);
  });

  it.each([
    ['Microsoft.DBforPostgreSQL/flexibleServers', { state: 'Ready' }, 'running'],
    ['Microsoft.DBforPostgreSQL/flexibleServers', { state: 'Stopping' }, 'changing'],
    ['Microsoft.DBforMySQL/flexibleServers', { state: 'Stopped' }, 'stopped'],
    [
      'Microsoft.ContainerService/managedClusters',
      { powerState: { code: 'Stopped' }, provisioningState: 'Succeeded' },
      'stopped',
    ],
    [
      'Microsoft.ContainerService/managedClusters',
      { powerState: { code: 'Running' }, provisioningState: 'Stopping' },
      'changing',
    ],
    ['Microsoft.ContainerInstance/containerGroups', { instanceView: { state: 'Running' } }, 'running'],
    ['Microsoft.Web/sites', { state: 'Stopped' }, 'stopped'],
    ['Microsoft.Web/sites', {}, 'unknown'],
  ])('of %s with %j is %s', async (type, properties, expected) => {
    const { there, sent } = await startCloud(() => ({ json: { properties } }));
    expect(await there.power.state(resource(type))).toBe(expected);
    expect(sent()).toEqual([`GET ${resource(type).id}`]);
  });

  it('knows what cannot be stopped', async () => {
    const { there, calls } = await startCloud(() => ({}));
    expect(there.power.isStoppable('Microsoft.Network/virtualNetworks')).toBe(false);
    expect(there.power.isStoppable('constructor')).toBe(false);
    const strangers = [
      resource('Microsoft.Network/virtualNetworks'),
      resource('Microsoft.Web/sites', 's/../../x'),
      {
        ...resource('Microsoft.Web/sites'),
        id: '/subscriptions/another/resourceGroups/g/providers/Microsoft.Web/sites/s',
      },
      { ...resource('Microsoft.Web/sites'), id: 'https://elsewhere.example/subscriptions' },
    ];
    for (const stranger of strangers) {
      await expect(there.power.stop(stranger)).rejects.toMatchObject({ code: 'arm.not-stoppable', effect: 'none' });
    }
    expect(calls).toHaveLength(0);
  });

  it('is off where the resource is gone', async () => {
    const { there } = await startCloud(() => refused(404, 'ResourceNotFound'));
    for (const gone of [MACHINE, SCALE_SET, resource('Microsoft.Web/sites')]) {
      expect(await there.power.state(gone)).toBe('stopped');
      await there.power.stop(gone);
      await expect(there.power.start(gone)).rejects.toMatchObject({ code: 'arm.ResourceNotFound' });
    }
  });

  it('tries again in an hour when there is no room to start', async () => {
    const { there } = await startCloud(() => refused(409, 'AllocationFailed', 'We do not have sufficient capacity.'));
    const error = await failureOf(there.power.start(MACHINE));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({
      code: 'arm.AllocationFailed',
      retryAfterMs: 3_600_000,
      waitingFor: expect.stringMatching(
        /^Azure to have capacity, asked for every hour: AllocationFailed: We do not have sufficient capacity$/,
      ),
    });
  });
});
