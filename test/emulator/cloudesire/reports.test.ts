import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { APP_ENDPOINT, setupMarketplace } from './connector-double.ts';

let marketplace: Awaited<ReturnType<typeof setupMarketplace>>;
let id: number;
beforeEach(async () => {
  marketplace = await setupMarketplace();
  id = marketplace.emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
});
afterEach(() => marketplace.close());

const post = (what: string, body: unknown) => marketplace.call('POST', `subscription/${id}/${what}`, { body });
const report = (deploymentStatus: string) =>
  marketplace.call('PATCH', `subscription/${id}`, { body: { deploymentStatus } });

describe('status reports', () => {
  it('refuses DEPLOYED before an APP endpoint is there', async () => {
    expect((await report('DEPLOYED')).status).toBe(400);
    expect(marketplace.emulator.subscription(id).deploymentStatus).toBe('PENDING');
    marketplace.emulator.setSwitches({ deployedWithoutApp: 'accept' });
    expect((await report('DEPLOYED')).status).toBe(200);
  });

  it.each(['STOPPED', 'PENDING', 'UNDEPLOY_SENT', 'UNDEPLOYED'])(
    'refuses %s while the subscription is pending',
    async (status) => {
      const answer = await report(status);
      expect(answer.status).toBe(409);
      expect(answer.body.errorHolders).toMatchObject([{ key: 'conflict' }]);
    },
  );

  it('refuses a status it does not know, lower case included', async () => {
    expect((await report('deployed')).status).toBe(400);
  });

  it('refuses to repeat a report, unless that is switched on', async () => {
    await post('endpoints', [APP_ENDPOINT]);
    await report('DEPLOYED');
    expect((await report('DEPLOYED')).status).toBe(409);
    marketplace.emulator.setSwitches({ repeatedReport: 'accept' });
    expect((await report('DEPLOYED')).status).toBe(200);
  });

  it('answers an impossible step as switched, even with silence', async () => {
    marketplace.emulator.setSwitches({ impossibleTransition: 200 });
    expect((await report('UNDEPLOYED')).status).toBe(200);
    expect(marketplace.emulator.subscription(id).deploymentStatus).toBe('PENDING');
  });

  it('lets a failed subscription be deployed after a cure', async () => {
    await report('FAILED');
    expect((await marketplace.get(`subscription/${id}`)).body.deploymentLog).toMatchObject([
      { statusMessage: 'FAILED', temporaryFailure: false },
    ]);
    await post('endpoints', [APP_ENDPOINT]);
    expect((await report('DEPLOYED')).status).toBe(200);
  });

  it('does not let customers report', async () => {
    const Authorization = `Basic ${btoa('giulia.ferri@officineverdi.example:customer-1301-password-for-tests')}`;
    const answer = await fetch(`${marketplace.emulator.url}/subscription/${id}`, {
      method: 'PATCH',
      headers: { Authorization },
      body: '{"deploymentStatus":"FAILED"}',
    });
    expect(answer.status).toBe(403);
  });
});

describe('endpoints', () => {
  it.each([
    ['no APP endpoint', [{ ...APP_ENDPOINT, category: 'VIDEO' }]],
    ['an empty list', []],
    ['plain HTTP', [{ ...APP_ENDPOINT, endpoint: 'http://portal.office.com' }]],
    ['something that is no URL', [{ ...APP_ENDPOINT, endpoint: 'portal' }]],
    ['a missing category', [APP_ENDPOINT, { endpoint: 'https://learn.microsoft.com' }]],
    ['an address over 2000 characters', [{ ...APP_ENDPOINT, endpoint: `https://x.example/${'a'.repeat(2000)}` }]],
    ['a description over 1024 characters', [{ ...APP_ENDPOINT, description: 'a'.repeat(1025) }]],
  ])('refuses %s', async (_what, body) => {
    expect((await post('endpoints', body)).status).toBe(400);
    expect(marketplace.emulator.subscription(id).endpoints).toEqual([]);
  });

  it('replaces the endpoints of before, or adds when switched', async () => {
    const other = { ...APP_ENDPOINT, endpoint: 'https://admin.microsoft.com' };
    await post('endpoints', [APP_ENDPOINT]);
    await post('endpoints', [other]);
    expect(marketplace.emulator.subscription(id).endpoints.map(({ endpoint }) => endpoint)).toEqual([other.endpoint]);
    marketplace.emulator.setSwitches({ repeatedPost: 'add' });
    await post('endpoints', [APP_ENDPOINT]);
    expect(marketplace.emulator.subscription(id).endpoints).toHaveLength(2);
  });
});

describe('instructions', () => {
  it.each([
    ['texts over 4096 characters', { en: 'a'.repeat(4097), it: 'b' }],
    ['anchor tags', { en: '<a href="x">here</a>', it: 'b' }],
    ['bare addresses', { en: 'Go to https://portal.office.com', it: 'b' }],
    ['a missing language of the marketplace', { en: 'Ready' }],
    ['languages that have not two letters', { en: 'a', it: 'b', eng: 'c' }],
    ['anything but texts', { en: 'a', it: 5 }],
    ['a list', ['Ready']],
  ])('refuses %s', async (_what, body) => {
    expect((await post('instructions', body)).status).toBe(400);
    expect(marketplace.emulator.subscription(id).instructions).toEqual({});
  });

  it('shows the language asked for, else the one of the buyer', async () => {
    await post('instructions', { en: 'Ready', it: 'Pronto' });
    expect((await marketplace.get(`subscription/${id}?language=en`)).body.endUserInstructions).toBe('Ready');
    expect((await marketplace.get(`subscription/${id}`)).body.endUserInstructions).toBe('Pronto');
  });

  it('only logs links when switched so', async () => {
    marketplace.emulator.setSwitches({ linksInEndUserInstructions: 'LOG', requiredLanguages: [] });
    expect((await post('instructions', { en: 'www.example.com' })).status).toBe(200);
  });
});

describe('credentials', () => {
  it('never lets the vendor read a value back, but the customer and the test', async () => {
    await post('credentials', [{ key: 'password', value: 'example-only-1', weight: 1 }]);
    const { text } = await marketplace.get(`subscription/${id}`);
    expect(text).toContain('"key":"password"');
    expect(text).not.toContain('example-only-1');

    const Authorization = `Basic ${btoa('giulia.ferri@officineverdi.example:customer-1301-password-for-tests')}`;
    const own = await fetch(`${marketplace.emulator.url}/subscription/${id}?apiVersion=20250109`, {
      headers: { Authorization },
    });
    expect(await own.text()).toContain('example-only-1');
    expect(marketplace.emulator.subscription(id).credentials[0]?.value).toBe('example-only-1');
  });

  it.each([
    [
      'a key twice',
      [
        { key: 'a', value: 'x', weight: 1 },
        { key: 'a', value: 'y', weight: 2 },
      ],
    ],
    ['a missing weight', [{ key: 'a', value: 'x' }]],
    ['a key over 125 characters', [{ key: 'a'.repeat(126), value: 'x', weight: 1 }]],
    ['a description without languages', [{ key: 'a', value: 'x', weight: 1, description: 'User' }]],
  ])('refuses %s', async (_what, body) => {
    expect((await post('credentials', body)).status).toBe(400);
  });
});

describe('other writes of the connector', () => {
  it('sets a name of at most 255 characters', async () => {
    const path = `subscription/${id}`;
    const name = 'Microsoft 365 officineverdi.onmicrosoft.com';
    expect((await marketplace.call('PATCH', path, { body: { action: 'set_name', name } })).status).toBe(204);
    expect((await marketplace.get(path)).body.name).toBe(name);
    const tooLong = { action: 'SET_NAME', name: 'a'.repeat(256) };
    const refused = await marketplace.call('PATCH', path, { body: tooLong });
    expect(refused.body).toEqual({
      errorHolders: [
        {
          key: 'wrong.size.%max%.%min%',
          error: 'Size must be between 1 and 255',
          extraFields: { max: '255', min: '1' },
        },
      ],
    });
  });

  it('merges or replaces metadata as switched, and takes texts only', async () => {
    const path = `subscription/${id}/metadata`;
    expect((await marketplace.call('PUT', path, { body: { microsoftCustomerId: 'a' } })).status).toBe(204);
    await marketplace.call('PUT', path, { body: { microsoftOrderId: 'b' } });
    expect((await marketplace.get(path)).body).toEqual({ microsoftCustomerId: 'a', microsoftOrderId: 'b' });
    marketplace.emulator.setSwitches({ metadataPut: 'replace' });
    await marketplace.call('PUT', path, { body: { only: 'c' } });
    expect((await marketplace.get(path)).body).toEqual({ only: 'c' });
    expect((await marketplace.call('PUT', path, { body: { number: 5 } })).status).toBe(400);
    expect((await marketplace.call('DELETE', `${path}/only`)).status).toBe(204);
    expect(marketplace.emulator.subscription(id).metadata).toEqual({});
  });

  it('refuses deletion of a subscription and unknown actions', async () => {
    expect((await marketplace.call('DELETE', `subscription/${id}`)).status).toBe(403);
    const answer = await marketplace.call('PATCH', `subscription/${id}`, { body: { action: 'EXPLODE' } });
    expect(answer.status).toBe(400);
  });

  it('issues an invoice for usage of a deployed paid subscription only', async () => {
    const line = { description: 'Azure consumption', price: { price: '42.1800', currency: 'EUR' }, quantity: 1 };
    expect((await post('invoice', [line])).body.errorHolders[0].key).toBe(
      'you-cant-bill-for-an-undeployed-expired-or-trial-subscription',
    );
    await marketplace.deploy(id);
    const billed = await post('invoice', [line]);
    expect(billed.status).toBe(201);
    const invoice = await marketplace.get(billed.headers.get('location')?.split('/api/')[1] ?? '');
    expect(invoice.body).toMatchObject({ type: 'UPSELL', total: { price: 42.18 }, status: 'UNPAID' });
  });
});
