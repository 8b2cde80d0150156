import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AttentionError, RetryableError, ThrottledError, WithheldError } from '../../../../src/lib/errors.ts';
import { startUpstream } from '../fake-upstream.ts';
import { fixture } from '../fixtures.ts';
import { failureOf, ROOT, refused, SUBSCRIPTION, startCloud, TENANT, TLS, tokenOf } from './cloud.ts';

const GROUP = { name: 'mp-1', location: 'westeurope', tags: {}, properties: { provisioningState: 'Succeeded' } };

describe('every call', () => {
  it('goes to ARM with the token of the tenant, and says who calls', async () => {
    const { there, calls, tokenCalls } = await startCloud(() => ({ json: GROUP }));
    await there.groups.get('mp-1');
    expect(calls[0]).toMatchObject({ method: 'GET', path: `${ROOT}/resourcegroups/mp-1` });
    expect(calls[0]?.query).toEqual({ 'api-version': '2025-04-01' });
    expect(tokenOf(calls[0])).toBe(`app-1@${TENANT}`);
    expect(calls[0]?.headers['user-agent']).toMatch(/^cloudesire-microsoft-connector /);
    expect(tokenCalls[0]?.form).toMatchObject({
      grant_type: 'client_credentials',
      client_id: 'app-id',
      client_secret: 'cl1ent-s3cret',
      scope: expect.stringContaining('https://management.azure.com/.default'),
    });
  });

  it('is observed with its identifiers, and without query or secret', async () => {
    const headers = { 'x-ms-request-id': 'request-1', 'x-ms-correlation-request-id': 'correlation-1' };
    const { there, observed } = await startCloud(() => ({ json: GROUP, headers }));
    await there.groups.get('mp-1');
    expect(observed.at(-1)).toMatchObject({
      upstream: 'arm',
      method: 'GET',
      path: `${ROOT}/resourcegroups/mp-1`,
      status: 200,
      correlationId: 'correlation-1',
    });
    expect(observed.map(({ upstream }) => upstream)).toContain('entra');
    expect(inspect(observed)).not.toMatch(/s3cret|app-1@|api-version/);
  });

  it('draws on the budget of its subscription, by reads and writes, and on that of the tenant without one', async () => {
    const { there, azure, budget } = await startCloud(({ method }) => ({ json: method === 'GET' ? GROUP : {} }));
    await there.groups.get('mp-1');
    await there.groups.put('mp-1', { location: 'westeurope', tags: {} });
    await there.power.stop({
      id: `${ROOT}/resourceGroups/g/providers/Microsoft.Web/sites/s`,
      type: 'Microsoft.Web/sites',
      name: 's',
    });
    await azure.bootstrap.deleteAlias('mp-1');
    expect(budget.taken).toEqual([
      [`arm-read/${SUBSCRIPTION}`],
      [`arm-write/${SUBSCRIPTION}`],
      [`arm-write/${SUBSCRIPTION}`],
      ['arm-write/tenant-0a11b2c3-0000-4000-8000-00000000aaaa'],
    ]);
  });

  it('waits for its turn when the budget is used up, without being sent', async () => {
    const budget = { take: async () => ({ waitMs: 700 }), pause: async () => {} };
    const { there, calls } = await startCloud(() => ({ json: GROUP }), { budget });
    const error = await failureOf(there.groups.get('mp-1'));
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({ code: 'arm.budget', retryAfterMs: 700 });
    expect(calls).toHaveLength(0);
  });

  it('is sent once: a refusal to be repeated is no matter of the SDK', async () => {
    for (const reply of [{ status: 503 }, { status: 500 }, { fault: 'reset' as const }]) {
      const { there, calls } = await startCloud(() => reply);
      const error = await failureOf(there.groups.put('mp-1', { location: 'westeurope', tags: {} }));
      expect(error).toBeInstanceOf(RetryableError);
      expect(error).toMatchObject({ effect: 'unknown' });
      expect(calls).toHaveLength(1);
    }
  });

  it('that is throttled pauses its budget for everybody and never sleeps', async () => {
    const { exchanges } = fixture<{ exchanges: { response: { body: unknown } }[] }>('azure/throttled-429');
    const { there, calls, budget } = await startCloud(() => ({
      status: 429,
      headers: { 'Retry-After': '3600' },
      json: exchanges[0]?.response.body,
    }));
    const error = await failureOf(there.groups.get('mp-1'));
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({ code: 'arm.throttled', retryAfterMs: 3_600_000 });
    expect(budget.paused).toEqual([[[`arm-read/${SUBSCRIPTION}`], 3_600_000]]);
    expect(calls).toHaveLength(1);
  });

  it('ends at its time limit', async () => {
    const { there } = await startCloud(() => ({ fault: 'silent' }), { readTimeoutMs: 2_000 });
    await expect(there.groups.get('mp-1')).rejects.toMatchObject({ code: 'arm.no-answer', effect: 'none' });
  });

  it('uses no proxy of the environment', async () => {
    process.env.HTTPS_PROXY = 'http://127.0.0.1:1';
    try {
      const { there } = await startCloud(() => ({ json: GROUP }));
      expect(await there.groups.get('mp-1')).toBeDefined();
    } finally {
      delete process.env.HTTPS_PROXY;
    }
  });

  it('follows no redirect', async () => {
    const { there, calls } = await startCloud(() => ({ status: 307, headers: { Location: '/elsewhere' } }));
    await expect(there.groups.get('mp-1')).rejects.toMatchObject({ code: 'arm.redirected' });
    expect(calls).toHaveLength(1);
  });
});

describe('a dry run', () => {
  it('withholds every write and sends every read, those by POST too', async () => {
    const { there, azure, calls } = await startCloud(
      ({ path }) => ({
        json: path.endsWith('/whatIf') ? { status: 'Succeeded' } : { ...GROUP, properties: { provisioningState: 'x' } },
      }),
      { readOnly: true },
    );
    const template = { template: {}, parameters: {} };
    await there.groups.get('mp-1');
    await there.deployments.validate('g', 'd', template);
    await there.deployments.whatIf('g', 'd', template);
    expect(calls).toHaveLength(3);

    const site = {
      id: `${ROOT}/resourceGroups/g/providers/Microsoft.Web/sites/s`,
      type: 'Microsoft.Web/sites',
      name: 's',
    };
    const machine = {
      ...site,
      id: `${ROOT}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/s`,
      type: 'Microsoft.Compute/virtualMachines',
    };
    const where = { tenantId: TENANT, subscriptionId: SUBSCRIPTION };
    const grant = { principalId: 'p', principalType: 'User', role: 'reader' } as const;
    const writes = [
      () => there.groups.put('mp-1', { location: 'westeurope', tags: {} }),
      () => there.groups.remove('mp-1'),
      () => there.tag({ a: 'b' }),
      () => there.providers.register('Microsoft.Compute'),
      () => there.deployments.start('g', 'd', { ...template, tags: {} }),
      () => there.deployments.cancel('g', 'd'),
      () => there.power.stop(site),
      () => there.power.start(machine),
      () => azure.bootstrap.createAlias('a', { displayName: 'a', billingScope: '/b' }),
      () => azure.bootstrap.deleteAlias('a'),
      () => azure.bootstrap.assignRole(where, grant),
      () => azure.bootstrap.removeRole(where, grant),
      () => azure.bootstrap.cancelSubscription(where),
    ];
    for (const write of writes) expect(await failureOf(write())).toBeInstanceOf(WithheldError);
    expect(calls).toHaveLength(3);
  });
});

describe('a hostile answer', () => {
  it.each([
    ['HTML', { text: '<html>Sign in</html>', headers: { 'Content-Type': 'text/html' } }],
    ['broken JSON', { text: '{"name":', headers: { 'Content-Type': 'application/json' } }],
    ['nothing', { text: '' }],
    ['null', { json: null }],
    ['a list', { json: [] }],
    ['a text', { json: 'group' }],
    ['a group without state', { json: { ...GROUP, properties: {} } }],
    ['tags that are no texts', { json: { ...GROUP, tags: { a: { b: 1 } } } }],
  ])('with success and %s is asked for again', async (_, reply) => {
    const { there } = await startCloud(() => reply);
    const error = await failureOf(there.groups.get('mp-1'));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'arm.malformed' });
  });

  it('to a write with success and HTML is not taken for one', async () => {
    const { there } = await startCloud(() => ({ text: '<html>Sign in</html>' }));
    const written = there.groups.put('mp-1', { location: 'westeurope', tags: {} });
    await expect(written).rejects.toMatchObject({ code: 'arm.malformed', effect: 'unknown' });
  });

  it('with HTML for a refusal is told by its status', async () => {
    const { there } = await startCloud(() => ({ status: 502, text: '<html>Bad gateway</html>' }));
    await expect(there.groups.get('mp-1')).rejects.toMatchObject({ code: 'arm.unavailable' });
  });

  it('sends no token to another host', async () => {
    const stranger = await startUpstream(() => ({ json: { value: [] } }), TLS);
    const nextLink = `${stranger.url.replace('127.0.0.1', 'localhost')}/page-2`;
    const { there, azure } = await startCloud(() => ({ json: { value: [], nextLink } }));
    const lists = [() => there.resources.inGroup('mp-1'), there.locations, () => azure.bootstrap.billingScope('c')];
    for (const list of lists) {
      const error = await failureOf(list());
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({ code: 'arm.foreign-address' });
    }
    expect(stranger.received).toHaveLength(0);
  });

  it('of endless pages comes to an end', async () => {
    const { there, url } = await startCloud(({ path }) => ({
      json: { value: [], nextLink: `${url}${path}?page=again` },
    }));
    await expect(there.locations()).rejects.toMatchObject({ code: 'arm.malformed' });
  });
});

describe('further pages', () => {
  it('are read with the SDK and without it', async () => {
    const { there, url } = await startCloud(({ path, query }) => {
      const n = Number(query.page ?? 1);
      const one = { id: `/r/${n}`, type: 'T', name: `n${n}`, displayName: `N${n}` };
      return { json: { value: [one], ...(n < 3 && { nextLink: `${url}${path}?api-version=1&page=${n + 1}` }) } };
    });
    expect((await there.resources.inGroup('mp-1')).map(({ name }) => name)).toEqual(['n1', 'n2', 'n3']);
    expect((await there.locations()).map(({ name }) => name)).toEqual(['n1', 'n2', 'n3']);
  });
});

describe('an error', () => {
  it('holds neither the request nor its headers nor a secret', async () => {
    const secret = 'Zq7!vT2m#Kp9';
    const body = {
      template: { parameters: { adminPassword: { type: 'secureString' }, size: { type: 'string' } } },
      parameters: { adminPassword: { value: secret }, size: { value: 'small-size' } },
    };
    const refusals = [
      refused(400, 'InvalidTemplate', `The value '${secret}' of giulia@x.example is bad, sig=abc123 eyJhbGciOi.x.y`),
      refused(403, 'AuthorizationFailed', `The client 'giulia@x.example' may not, '${secret}'`),
      refused(418, 'Teapot', secret),
      { status: 500 },
      { status: 307, headers: { Location: 'https://x.example/' } },
      { fault: 'reset' as const },
      { text: '<html>' },
      { status: 429 },
    ];
    for (const refusal of refusals) {
      const { there } = await startCloud(() => refusal);
      for (const work of [
        () => there.deployments.start('g', 'd', { ...body, tags: {} }),
        () => there.deployments.validate('g', 'd', body),
      ]) {
        const told = await work().then(
          (faults) => inspect(faults, { depth: 20 }),
          (error: unknown) => inspect(error, { depth: 20, showHidden: true }),
        );
        expect(told).not.toMatch(/Zq7|giulia|cl1ent|seed-refresh|app-1@|abc123|eyJhbG|small-size|Bearer/);
      }
    }
  });
});
