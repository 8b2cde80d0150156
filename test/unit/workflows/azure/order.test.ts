import { describe, expect, it } from 'vitest';
import { AttentionError } from '../../../../src/lib/errors.ts';
import { readAzureOrder } from '../../../../src/workflows/azure/order.ts';
import type { Selling } from '../../../../src/workflows/selling.ts';

const settings = {
  dnsParameter: 'DNS_PREFIX',
  regionParameter: 'REGION',
  domainParameter: 'MICROSOFT_DOMAIN',
  location: 'westeurope',
};
const image = { azurePublisher: 'bitnami', azureOffer: 'wordpress', azureSku: '6-0' };

function selling(found: Record<string, string>): Selling {
  return {
    plan: { id: 2201, name: 'Base' },
    product: { id: 220 },
    find: (key: string) => found[key],
    demand(key: string) {
      if (found[key]) return found[key];
      throw new AttentionError('plan.not-configured', `lacks ${key}`);
    },
  } as unknown as Selling;
}

const read = (
  productType: 'azure' | 'arm',
  found: Record<string, string>,
  parameters: Record<string, string> = {},
  type: 'NORMAL' | 'TRIAL' = 'NORMAL',
) => readAzureOrder(productType, selling(found), { type, parameters }, settings);

describe('what is deployed', () => {
  it('is an image for a product of the Azure Marketplace, and a template for one of a template', () => {
    expect(read('azure', image).deploys).toEqual({
      kind: 'image',
      image: { publisher: 'bitnami', offer: 'wordpress', sku: '6-0' },
    });
    expect(read('arm', { template: 'https://t.example/a.json' }).deploys).toEqual({
      kind: 'template',
      address: 'https://t.example/a.json',
    });
  });

  it.each(['azurePublisher', 'azureOffer', 'azureSku'])('needs %s', (key) => {
    expect(() => read('azure', { ...image, [key]: '' })).toThrow(key);
  });

  it('is the same in a trial, which the plan has to allow', () => {
    expect(() => read('azure', image, {}, 'TRIAL')).toThrow('partnerCenterTrialOfferId');
    expect(read('azure', { ...image, partnerCenterTrialOfferId: 'yes' }, {}, 'TRIAL').deploys.kind).toBe('image');
  });
});

describe('where', () => {
  it('is the region that the customer chose, however it is written, else that of the settings', () => {
    expect(read('azure', image).region).toBe('westeurope');
    expect(read('azure', image, { REGION: 'Germany West Central' }).region).toBe('germanywestcentral');
    expect(read('azure', image, { REGION: ' ' }).region).toBe('westeurope');
  });

  it('is an Azure subscription shared with other orders unless the plan wants one of its own', () => {
    expect(read('azure', image).dedicated).toBe(false);
    expect(read('azure', { ...image, azureSubscription: 'Dedicated' }).dedicated).toBe(true);
    expect(() => read('azure', { ...image, azureSubscription: 'own' })).toThrow('shared or dedicated');
  });
});

describe('access of the customer', () => {
  it('is given only where the plan says so, and in known words', () => {
    expect(read('azure', image).access).toBeUndefined();
    expect(read('azure', { ...image, azureAccess: 'Reader' }).access).toBe('reader');
    for (const odd of ['admin', 'constructor', '__proto__'])
      expect(() => read('azure', { ...image, azureAccess: odd })).toThrow('none, reader, contributor, owner');
  });
});
