import { describe, expect, it } from 'vitest';
import { RetryableError } from '../../../../src/lib/errors.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, startPartnerCenter, tokenOf } from './partner.ts';

const PLAN = '9a7e5f31-c2d8-4b60-8e14-d3f7a0b6c529';
const BELOW = `/v1/customers/${CUSTOMER}/subscriptions/${PLAN}`;

describe('entitlements of an Azure plan', () => {
  it('are its Azure subscriptions', async () => {
    const { azure, received } = await startPartnerCenter(() => replyOf(exchange('azure-plan', 'list-entitlements')));
    expect(await azure.entitlements(CUSTOMER, PLAN)).toEqual([
      {
        id: '51c8d0e4-7f29-4a36-9be1-0f5a2c6d8e73',
        friendlyName: 'Microsoft Azure',
        status: 'active',
        subscriptionId: PLAN,
      },
      {
        id: '8be3a7f2-60d1-4c59-a4e8-3f7d1b9c0256',
        friendlyName: 'Produzione',
        status: 'active',
        subscriptionId: PLAN,
      },
    ]);
    expect(received[0]).toMatchObject({ method: 'GET', path: `${BELOW}/azureEntitlements` });
    expect(tokenOf(received[0])).toBe('app-1');
  });

  it('may be none, and be in states that nobody has told of', async () => {
    const none = await startPartnerCenter(() => ({ json: { totalCount: 0, items: [] } }));
    expect(await none.azure.entitlements(CUSTOMER, PLAN)).toEqual([]);
    const odd = await startPartnerCenter(() => ({ json: { Items: [{ Id: 'e', Status: 'Unheard' }, { id: 'f' }] } }));
    expect(await odd.azure.entitlements(CUSTOMER, PLAN)).toEqual([
      { id: 'e', status: 'unheard' },
      { id: 'f', status: 'unknown' },
    ]);
  });
});

describe('usage of an Azure plan', () => {
  it('is told by resource, in the name of a user', async () => {
    const { azure, received } = await startPartnerCenter(() =>
      replyOf(exchange('azure-spending', 'resource-usage-records')),
    );
    expect(await azure.usage(CUSTOMER, PLAN)).toMatchObject([
      {
        entitlementId: '8be3a7f2-60d1-4c59-a4e8-3f7d1b9c0256',
        resourceGroupName: 'PROD',
        totalCost: 70.12,
        currencyCode: 'EUR',
      },
      {
        entitlementId: '51c8d0e4-7f29-4a36-9be1-0f5a2c6d8e73',
        resourceGroupName: 'TEST',
        totalCost: 3.29,
        currencyCode: 'EUR',
      },
    ]);
    expect(received[0]).toMatchObject({ method: 'GET', path: `${BELOW}/resourceusagerecords` });
    expect(tokenOf(received[0])).toBe('user-1');
  });

  it('is read to the last page', async () => {
    const record = { entitlementId: 'e', totalCost: 1, currencyCode: 'EUR' };
    const { azure, received } = await startPartnerCenter((_, n) => ({
      json: { items: [record] },
      headers: n < 2 ? { 'MS-ContinuationToken': `page-${n + 1}` } : {},
    }));
    expect(await azure.usage(CUSTOMER, PLAN)).toHaveLength(3);
    expect(received.map(({ headers }) => headers['ms-continuationtoken'])).toEqual([undefined, 'page-1', 'page-2']);
  });

  it('is never added up from what cannot be read', async () => {
    const { azure } = await startPartnerCenter(() => ({
      json: { items: [{ entitlementId: 'e', totalCost: 'much' }] },
    }));
    await expect(azure.usage(CUSTOMER, PLAN)).rejects.toBeInstanceOf(RetryableError);
  });
});
