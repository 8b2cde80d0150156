import { describe, expect, it } from 'vitest';
import type { SubscriptionSummary } from '../../../../src/upstreams/cloudesire/schema.ts';
import type { Received, Reply } from '../fake-upstream.ts';
import { fixture } from '../fixtures.ts';
import { startMarketplace } from './marketplace.ts';

const deployed = fixture('cloudesire/subscription-50010-3-deployed');

async function readAll(list: AsyncIterable<SubscriptionSummary>): Promise<number[]> {
  const ids: number[] = [];
  for await (const { id } of list) ids.push(id);
  return ids;
}

/** Elements of a list with ids from `first` to `last`. */
function elements(first: number, last: number) {
  return Array.from({ length: last - first + 1 }, (_, index) => ({ ...deployed, id: first + index }));
}

function pageOf({ query }: Received): number {
  return Number(query.pageNumber);
}

describe('get', () => {
  it('returns one form for every shape, looking up the names that old shapes lack', async () => {
    const { subscriptions, received } = await startMarketplace(({ path }): Reply => {
      if (path.includes('billingItem')) return { json: fixture('cloudesire/billing-item-901-licenses') };
      if (path.includes('configurationParameter')) return { json: fixture('cloudesire/configuration-parameter-705') };
      return {
        json: fixture(`cloudesire/subscription-50010-3-deployed${path.endsWith('1') ? '' : '-without-apiversion'}`),
      };
    });
    const now = await subscriptions.get(1);
    expect(now).toMatchObject({
      id: 50010,
      extraResources: [{ identifier: 'licenses', value: 10 }],
      parameters: { MICROSOFT_DOMAIN: 'officineverdi' },
    });
    expect(received).toHaveLength(1);
    expect(await subscriptions.get(2)).toEqual(now);
    expect(received.slice(2).map(({ path }) => path)).toEqual([
      '/api/configurationParameter/705',
      '/api/billingItem/901',
    ]);

    await subscriptions.get(2); // names do not change, so they are asked for once
    expect(received).toHaveLength(5);
  });

  it('answers undefined for what does not exist, and only then', async () => {
    const { subscriptions } = await startMarketplace((_, n) => (n === 0 ? { status: 404 } : { status: 403 }));
    expect(await subscriptions.get(99)).toBeUndefined();
    await expect(subscriptions.get(99)).rejects.toMatchObject({ code: 'cloudesire.forbidden' });
  });

  it('does not go on with a subscription that cannot be read', async () => {
    const { subscriptions } = await startMarketplace(() => ({ json: { ...deployed, buyer: null } }));
    await expect(subscriptions.get(50010)).rejects.toMatchObject({
      code: 'cloudesire.malformed',
      effect: 'none',
      message: expect.stringMatching(/buyer/),
    });
  });
});

describe('list', () => {
  it('asks for what was filtered', async () => {
    const { subscriptions, received } = await startMarketplace(() => ({ json: [] }));
    await readAll(subscriptions.list({ productType: 'CSP', statuses: ['PENDING', 'UNDEPLOY_SENT'] }));
    await readAll(subscriptions.list());
    expect(received.map(({ query }) => query)).toEqual([
      {
        productType: 'CSP',
        status: 'PENDING,UNDEPLOY_SENT',
        pageSize: '50',
        pageNumber: '1',
        apiVersion: '20250109',
      },
      { pageSize: '50', pageNumber: '1', apiVersion: '20250109' },
    ]);
  });

  it('reads recorded pages, whatever size the server makes them', async () => {
    const pages = fixture<{ response: { headers: Record<string, string>; body: { id: number }[] } }[]>(
      'cloudesire/subscription-list-pages',
    );
    const { subscriptions } = await startMarketplace((request) => {
      const page = pages[pageOf(request) - 1]?.response;
      return { headers: page?.headers ?? {}, json: page?.body ?? [] };
    });
    const ids = pages.flatMap(({ response }) => response.body.map(({ id }) => id));
    expect(await readAll(subscriptions.list())).toEqual([...new Set(ids)]);
  });

  it('reads to the first short page when no totals are told', async () => {
    const { subscriptions, received } = await startMarketplace((request) => ({
      json: pageOf(request) < 3 ? elements(pageOf(request) * 50, pageOf(request) * 50 + 49) : elements(150, 150),
    }));
    expect(await readAll(subscriptions.list())).toHaveLength(101);
    expect(received).toHaveLength(3);
  });

  it('tells each subscription once although pages overlap', async () => {
    const { subscriptions } = await startMarketplace((request) => ({
      json: pageOf(request) === 1 ? elements(1, 50) : elements(45, 60),
    }));
    const ids = await readAll(subscriptions.list());
    expect(ids).toHaveLength(60);
    expect(new Set(ids).size).toBe(60);
  });

  it('reads again when the total changed in between, and finds what the shift had hidden', async () => {
    // After the first page one subscription ends: the rest moves up, and the first of the second page is never shown.
    const { subscriptions, received } = await startMarketplace((request, n): Reply => {
      const page = pageOf(request);
      const all = n === 0 ? elements(1, 60) : elements(2, 60);
      return { headers: { 'CMW-TotalItems': String(all.length) }, json: all.slice(50 * (page - 1), 50 * page) };
    });
    const ids = await readAll(subscriptions.list());
    expect([...ids].sort((one, other) => one - other)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(received).toHaveLength(4);
  });

  it('gives up reading again after three passes', async () => {
    const { subscriptions, received } = await startMarketplace((request, n) => ({
      headers: { 'CMW-TotalItems': String(n) },
      json: pageOf(request) === 1 ? elements(1, 50) : [],
    }));
    expect(await readAll(subscriptions.list())).toHaveLength(50);
    expect(received).toHaveLength(6);
  });

  it('ends although the server shows the same full page for ever', async () => {
    const { subscriptions, received } = await startMarketplace(() => ({ json: elements(1, 50) }));
    expect(await readAll(subscriptions.list())).toHaveLength(50);
    expect(received).toHaveLength(2);
  });

  it('tells all others before it complains about an element that cannot be read', async () => {
    const { subscriptions } = await startMarketplace(() => ({ json: [{ id: 'x' }, ...elements(1, 2)] }));
    const ids: number[] = [];
    const reading = (async () => {
      for await (const { id } of subscriptions.list()) ids.push(id);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'cloudesire.malformed' });
    expect(ids).toEqual([1, 2]);
  });
});

describe('reports', () => {
  it('are sent as the marketplace wants them, and any success will do', async () => {
    const { subscriptions, received } = await startMarketplace(() => ({ status: 200, text: 'done' }));
    const endpoints = [{ endpoint: 'https://portal.office.com', category: 'APP' as const, description: 'Portal' }];
    const credentials = [{ key: 'username', value: 'admin@x', weight: 1, description: { en: 'User', it: 'Utente' } }];
    await subscriptions.setEndpoints(50010, endpoints);
    await subscriptions.setInstructions(50010, { en: 'Sign in.', it: 'Accedi.' });
    await subscriptions.setCredentials(50010, credentials);
    await subscriptions.setStatus(50010, 'UNDEPLOYED');
    await subscriptions.putMetadata(50010, { microsoftCustomerId: 'c1' });
    expect(received.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual([
      ['POST', '/api/subscription/50010/endpoints', endpoints],
      ['POST', '/api/subscription/50010/instructions', { en: 'Sign in.', it: 'Accedi.' }],
      ['POST', '/api/subscription/50010/credentials', credentials],
      ['PATCH', '/api/subscription/50010', { deploymentStatus: 'UNDEPLOYED' }],
      ['PUT', '/api/subscription/50010/metadata', { microsoftCustomerId: 'c1' }],
    ]);
  });

  it('metadata are read as texts', async () => {
    const { subscriptions } = await startMarketplace(() => ({ json: { a: 1, b: 'two' } }));
    expect(await subscriptions.metadata(50010)).toEqual({ a: '1', b: 'two' });
  });
});
