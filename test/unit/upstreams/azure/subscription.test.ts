import { describe, expect, it } from 'vitest';
import { AttentionError, RetryableError } from '../../../../src/lib/errors.ts';
import { faultsOf } from '../../../../src/upstreams/azure/client.ts';
import { fixture } from '../fixtures.ts';
import { bodyOf, failureOf, ROOT, refused, startCloud } from './cloud.ts';

interface Recorded {
  response: { status: number; body: unknown };
}

describe('an Azure subscription', () => {
  it('tells its state', async () => {
    const { there, calls } = await startCloud(() => ({
      json: fixture<Recorded>('azure/subscription-get').response.body,
    }));
    expect(await there.read()).toEqual({ state: 'Enabled', displayName: 'Fabrikam production (ord-000417)' });
    expect(calls[0]).toMatchObject({ path: ROOT, query: { 'api-version': '2022-12-01' } });
  });

  it.each([
    [refused(404, 'SubscriptionNotFound'), undefined],
    [refused(401, 'InvalidAuthenticationTokenTenant'), 'no-access'],
    [refused(403, 'AuthorizationFailed'), 'no-access'],
  ])('may be unknown or out of reach: %j', async (reply, expected) => {
    const { there } = await startCloud(() => reply);
    expect(await there.read()).toBe(expected);
  });

  it('takes tags', async () => {
    const { there, calls } = await startCloud(() => ({ json: { properties: { tags: {} } } }));
    await there.tag({ order: '50010' });
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ method: 'PUT', path: `${ROOT}/providers/Microsoft.Resources/tags/default` });
    expect(bodyOf(calls[0])).toEqual({ properties: { tags: { order: '50010' } } });
  });

  it('lists its regions', async () => {
    const { there } = await startCloud(() => ({
      json: { value: [{ name: 'westeurope', displayName: 'West Europe' }, { name: 'italynorth' }] },
    }));
    expect(await there.locations()).toEqual([
      { name: 'westeurope', displayName: 'West Europe' },
      { name: 'italynorth', displayName: 'italynorth' },
    ]);
  });

  it('registers a resource provider and tells how far that is', async () => {
    const { there, sent } = await startCloud(() => ({ json: { registrationState: 'Registering' } }));
    await there.providers.register('Microsoft.Compute');
    expect(await there.providers.state('Microsoft.Compute')).toBe('Registering');
    expect(sent()).toEqual([
      `POST ${ROOT}/providers/Microsoft.Compute/register`,
      `GET ${ROOT}/providers/Microsoft.Compute`,
    ]);
  });
});

describe('a resource group', () => {
  it('is put with place and tags', async () => {
    const { there, calls } = await startCloud(() => ({ status: 201, json: { name: 'mp-1', location: 'westeurope' } }));
    await there.groups.put('mp-1', { location: 'westeurope', tags: { order: '50010' } });
    expect(calls[0]).toMatchObject({ method: 'PUT', path: `${ROOT}/resourcegroups/mp-1` });
    expect(bodyOf(calls[0])).toEqual({ location: 'westeurope', tags: { order: '50010' } });
  });

  it('is absent or told whole', async () => {
    const group = { name: 'mp-1', location: 'westeurope', properties: { provisioningState: 'Deleting' } };
    const { there } = await startCloud(({ path }) =>
      path.endsWith('mp-1') ? { json: group } : refused(404, 'ResourceGroupNotFound'),
    );
    expect(await there.groups.get('mp-1')).toEqual({ location: 'westeurope', tags: {}, provisioningState: 'Deleting' });
    expect(await there.groups.get('mp-2')).toBeUndefined();
  });

  it('is not absent because the Azure subscription is', async () => {
    const { there } = await startCloud(() => refused(404, 'SubscriptionNotFound'));
    for (const look of [
      () => there.groups.get('mp-1'),
      () => there.groups.remove('mp-1'),
      () => there.deployments.look('g', 'd'),
    ]) {
      const error = await failureOf(look());
      expect(error).toBeInstanceOf(RetryableError);
      expect(error).toMatchObject({ code: 'arm.SubscriptionNotFound', retryAfterMs: 60_000 });
    }
  });

  it.each([
    [{ status: 202, headers: { Location: '/subscriptions/x/operationresults/y' } }, 'removing'],
    [{ status: 200 }, 'removing'],
    [refused(409, 'ResourceGroupBeingDeleted'), 'removing'],
    [refused(404, 'ResourceGroupNotFound'), 'gone'],
  ])('is removed by one request: %j', async (reply, expected) => {
    const { there, calls } = await startCloud(() => reply);
    expect(await there.groups.remove('mp-1')).toBe(expected);
    expect(calls).toHaveLength(1);
  });

  it('is neither absent nor gone by the word of somebody who is not ARM', async () => {
    const { there } = await startCloud(() => ({ status: 404, text: '<html>Not found</html>' }));
    for (const look of [() => there.groups.get('mp-1'), () => there.groups.remove('mp-1')]) {
      await expect(look()).rejects.toMatchObject({ code: 'arm.refused' });
    }
  });

  it('that cannot be removed says by what', async () => {
    const { exchanges } = fixture<{ exchanges: Recorded[] }>('azure/resource-group-delete-blocked');
    for (const { response } of exchanges) {
      const { there } = await startCloud(() => ({ status: response.status, json: response.body }));
      const error = await failureOf(there.groups.remove('mp-1'));
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({
        code: 'arm.ScopeLocked',
        message: expect.stringContaining('). This concerns resource group mp-1. A lock holds it: remove the lock'),
      });
      expect(faultsOf(error)).toHaveLength(1);
    }
  });

  it('is found by its tag, whatever stands in it', async () => {
    const { there, calls } = await startCloud(() => ({ json: { value: [{ name: 'mp-1' }] } }));
    expect(await there.groups.taggedWith('order', "5' or 1 eq 1")).toEqual(['mp-1']);
    expect(calls[0]?.query.$filter).toBe("tagName eq 'order' and tagValue eq '5'' or 1 eq 1'");
  });

  it('are all listed with their tags, from every page', async () => {
    const properties = { provisioningState: 'Succeeded' };
    const next = { value: [{ name: 'mp-2', location: 'westeurope', properties }] };
    const { there, calls } = await startCloud(({ path, headers }, n) =>
      n === 0
        ? {
            json: {
              value: [{ name: 'mp-1', location: 'westeurope', tags: { order: '1' }, properties }],
              nextLink: `https://${headers.host}${path}?page=2`,
            },
          }
        : { json: next },
    );
    expect(await there.groups.all()).toEqual([
      { name: 'mp-1', tags: { order: '1' } },
      { name: 'mp-2', tags: {} },
    ]);
    expect(calls).toHaveLength(2);
  });

  it('keeps a name inside its segment', async () => {
    const { there, sent } = await startCloud(() => refused(404, 'ResourceGroupNotFound'));
    await there.groups.get('../../providers/x?y=z');
    expect(sent()).toEqual([`GET ${ROOT}/resourcegroups/..%2F..%2Fproviders%2Fx%3Fy%3Dz`]);
  });
});

describe('resources', () => {
  it('are listed by group and by tag', async () => {
    const id = `${ROOT}/resourceGroups/mp-1/providers/Microsoft.Network/virtualNetworks/v`;
    const found = { id, type: 'Microsoft.Network/virtualNetworks', name: 'v', location: 'westeurope' };
    const { there, calls } = await startCloud(() => ({ json: { value: [{ ...found, sku: null }] } }));
    expect(await there.resources.inGroup('mp-1')).toEqual([found]);
    expect(await there.resources.taggedWith('order', '50010')).toEqual([found]);
    expect(calls.map(({ path }) => path)).toEqual([`${ROOT}/resourcegroups/mp-1/resources`, `${ROOT}/resources`]);
    expect(calls[1]?.query.$filter).toBe("tagName eq 'order' and tagValue eq '50010'");
  });
});
