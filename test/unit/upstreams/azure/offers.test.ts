import { describe, expect, it } from 'vitest';
import { fixture } from '../fixtures.ts';
import { bodyOf, ROOT, refused, startCloud } from './cloud.ts';

const IMAGE = { publisher: 'contosonet', offer: 'edge-firewall', sku: 'byol-gen2' };
const PLAN = { publisher: 'contosonet', product: 'edge-firewall', name: 'byol-gen2' };
const VERSIONS = `${ROOT}/providers/Microsoft.Compute/locations/westeurope/publishers/contosonet/artifacttypes/vmimage/offers/edge-firewall/skus/byol-gen2/versions`;
const TERMS = `${ROOT}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/contosonet/offers/edge-firewall/plans/byol-gen2/agreements/current`;

describe('an image', () => {
  it('is the newest version with its plan', async () => {
    const { response } = fixture<{ response: { body: unknown } }>('azure/vm-image-get');
    const names = ['7.4.1', '7.10.0', '7.9.9'].map((name) => ({ name, location: 'westeurope' }));
    const { there, calls } = await startCloud(({ path }) => ({ json: path === VERSIONS ? names : response.body }));
    expect(await there.images.find('westeurope', IMAGE)).toEqual({
      plan: PLAN,
      deprecated: false,
      os: 'Linux',
    });
    expect(calls[0]?.query).toMatchObject({ $top: '1', $orderby: 'name desc' });
    expect(calls[1]?.path).toBe(`${VERSIONS}/7.10.0`);
  });

  it('may have no plan, and be out of date', async () => {
    const { there } = await startCloud(({ path }) => ({
      json: path.endsWith('versions')
        ? [{ name: '1.0.0', location: 'westeurope' }]
        : {
            name: '1.0.0',
            location: 'westeurope',
            properties: { imageDeprecationStatus: { imageState: 'Deprecated' } },
          },
    }));
    expect(await there.images.find('westeurope', IMAGE)).toEqual({ deprecated: true });
  });

  it('is not offered everywhere', async () => {
    for (const reply of [{ json: [] }, refused(404, 'NotFound')]) {
      const { there } = await startCloud(() => reply);
      expect(await there.images.find('westeurope', IMAGE)).toBeUndefined();
    }
  });
});

describe('terms', () => {
  const { response } = fixture<{ response: { body: { properties: Record<string, unknown> } } }>('azure/agreement-get');
  const found = response.body;
  const accepted = { ...found, properties: { ...found.properties, accepted: true } };

  it('are sent back as they were read, accepted, and read again', async () => {
    const { there, calls, sent } = await startCloud((_, n) => ({ json: n === 0 ? found : accepted }));
    expect(await there.terms.accept(PLAN)).toBe(true);
    expect(sent()).toEqual([`GET ${TERMS}`, `PUT ${TERMS}`, `GET ${TERMS}`]);
    expect(bodyOf(calls[1])).toEqual(accepted);
  });

  it('that were accepted before are left alone', async () => {
    const { there, sent } = await startCloud(() => ({ json: accepted }));
    expect(await there.terms.accept(PLAN)).toBe(true);
    expect(sent()).toEqual([`GET ${TERMS}`]);
  });

  it('that the newer API denies may be confirmed by the older one', async () => {
    for (const isAccepted of [true, false]) {
      const { there } = await startCloud(({ query }) => ({
        json: query['api-version'] === '2015-06-01' && isAccepted ? accepted : found,
      }));
      expect(await there.terms.accept(PLAN)).toBe(isAccepted);
    }
  });
});
