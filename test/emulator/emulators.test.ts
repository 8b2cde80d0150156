import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { trustAuthority } from './core/tls.ts';
import { type Emulators, startEmulators } from './emulators.ts';
import { CERTIFICATE_PATH } from './partner-center/webhooks.ts';

const START_AT = Date.parse('2026-09-01T09:00:00Z');

function urlsOf({ cloudesire, partnerCenter, entra, arm, templates }: Emulators): string[] {
  return [cloudesire, partnerCenter, entra, arm, templates].map(({ url }) => url);
}

describe('the emulators together', () => {
  let emulators: Emulators;

  beforeEach(async () => {
    emulators = await startEmulators({ startAt: START_AT });
    trustAuthority(emulators.caFile);
  });

  afterEach(() => emulators.close());

  async function signInAsApp(): Promise<string> {
    const environment = emulators.environment();
    const tenant = environment.PARTNER_CENTER_TENANT_ID;
    const response = await fetch(`${environment.ENTRA_AUTHORITY_URL}/${tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: environment.PARTNER_CENTER_CLIENT_ID!,
        client_secret: environment.PARTNER_CENTER_CLIENT_SECRET!,
        scope: 'https://api.partnercenter.microsoft.com/.default',
      }),
    });
    const { access_token: token } = (await response.json()) as { access_token: string };
    return token;
  }

  const readCustomers = (token: string): Promise<Response> =>
    fetch(`${emulators.partnerCenter.url}/v1/customers?size=1`, { headers: { authorization: `Bearer ${token}` } });

  it('let a token of Entra hold at Partner Center, until it is ended there', async () => {
    const token = await signInAsApp();
    expect((await readCustomers(token)).status).toBe(200);
    emulators.entra.expireTokens();
    expect((await readCustomers(token)).status).toBe(401);
  });

  it('accept the environment that they hand out at the marketplace', async () => {
    const { CMW_BASE_URL, CMW_AUTH_TOKEN } = emulators.environment();
    const response = await fetch(`${CMW_BASE_URL}/product/210`, { headers: { 'CMW-Auth-Token': CMW_AUTH_TOKEN! } });
    expect(response.status).toBe(200);
  });

  it('name in the environment only credentials that are valid now', () => {
    const before = emulators.environment();
    const secret = emulators.entra.rotateClientSecret();
    const refreshToken = emulators.entra.renewConsent();
    expect(emulators.environment()).toEqual({
      ...before,
      PARTNER_CENTER_CLIENT_SECRET: secret,
      PARTNER_CENTER_REFRESH_TOKEN: refreshToken,
    });
  });

  it('live in one time', async () => {
    await emulators.clock.advance(86_400_000);
    for (const url of urlsOf(emulators)) {
      const response = await fetch(`${url}/nowhere`);
      expect(response.headers.get('date')).toMatch(/^Wed, 02 Sep 2026/);
    }
  });

  it('share their faults, each hit only where it is meant', async () => {
    const token = await signInAsApp();
    emulators.faults.inject({ server: 'partner-center', kind: 'status', status: 503 });
    expect(await signInAsApp()).toEqual(expect.any(String));
    expect((await readCustomers(token)).status).toBe(503);
    expect((await readCustomers(token)).status).toBe(200);
  });

  it('tell the calls of all servers in order of arrival', async () => {
    const token = await signInAsApp();
    await readCustomers(token);
    await signInAsApp();
    expect(emulators.calls().map(({ server, status }) => [server, status])).toEqual([
      ['entra', 200],
      ['partner-center', 200],
      ['entra', 200],
    ]);
  });

  it('know in Entra the tenants of Partner Center, where the app may act once the customer has consented', async () => {
    const { entra, partnerCenter } = emulators;
    const { customerId: tenantId } = partnerCenter.addExistingTenant({
      domain: 'fabrikam.onmicrosoft.com',
      companyName: 'Fabrikam',
      country: 'IT',
    });
    const { clientId, clientSecret } = entra.credentials();
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://management.azure.com/.default',
    });
    const ask = () => fetch(`${entra.url}/${tenantId}/oauth2/v2.0/token`, { method: 'POST', body });
    expect(await (await ask()).json()).toMatchObject({ error_codes: [700016] });
    entra.addTenant({ id: tenantId });
    expect((await ask()).status).toBe(200);
  });

  it('publish the template that product 230 names, and it takes what the customer of its plan is asked for', async () => {
    const { CMW_BASE_URL, CMW_AUTH_TOKEN, ARM_TEMPLATE_HOSTS } = emulators.environment();
    const headers = { 'CMW-Auth-Token': CMW_AUTH_TOKEN! };
    const read = async (path: string) => (await fetch(`${CMW_BASE_URL}/${path}`, { headers })).json();
    for (const turn of ['at the start', 'after a reset']) {
      const { template } = (await read('productVersion/2301/metadata')) as { template: string };
      expect([turn, new URL(template).host]).toEqual([turn, ARM_TEMPLATE_HOSTS]);
      const { parameters } = (await (await fetch(template)).json()) as { parameters: Record<string, object> };
      const codes = await Promise.all([702, 703, 704].map(async (id) => read(`configurationParameter/${id}`)));
      const names = Object.keys(parameters).map((name) => name.toUpperCase());
      for (const { code } of codes as { code: string }[]) expect(names).toContain(code.replaceAll('_', ''));
      const required = Object.values(parameters).filter((parameter) => !('defaultValue' in parameter));
      expect(required.length).toBeLessThanOrEqual(codes.length);
      emulators.reset();
    }
  });

  it('hand out the certificate of Partner Center over HTTPS', async () => {
    const overHttps = await fetch(`${emulators.entra.url}${CERTIFICATE_PATH}`);
    const direct = await fetch(`${emulators.partnerCenter.url}${CERTIFICATE_PATH}`);
    expect(Buffer.from(await overHttps.arrayBuffer())).toEqual(Buffer.from(await direct.arrayBuffer()));
  });

  it('offer the same basic commands on every server', async () => {
    for (const url of urlsOf(emulators)) {
      const response = await fetch(new URL('/_emulator', url));
      expect(await response.json()).toMatchObject({
        commands: expect.arrayContaining([
          'advance',
          'books',
          'calls',
          'clear-faults',
          'clock',
          'fault',
          'reset',
          'secrets',
        ]),
      });
    }
  });

  it('do nothing with a command that lacks an argument, and say which', async () => {
    const run = async (url: string, command: string): Promise<unknown> => {
      const response = await fetch(new URL(`/_emulator/${command}`, url), { method: 'POST', body: '{}' });
      return [response.status, ((await response.json()) as { error?: string }).error];
    };
    const { arm, partnerCenter, entra, templates } = emulators;
    expect(await run(arm.url, 'setQuota')).toEqual([400, 'name is a text.']);
    expect(await run(arm.url, 'restrictSize')).toEqual([400, 'size is a text.']);
    expect(await run(partnerCenter.url, 'setVetting')).toEqual([400, 'customerId is a text.']);
    expect(await run(partnerCenter.url, 'takeDomain')).toEqual([400, 'domain is a text.']);
    expect(await run(entra.url, 'revokeConsent')).toEqual([400, 'tenant is a text.']);
    expect(await run(templates.url, 'publish')).toEqual([400, 'path is a text.']);
  });

  it('name the secrets of all of them, and among them every secret of the environment', async () => {
    const token = await signInAsApp();
    const environment = emulators.environment();
    const secrets = emulators.secrets();
    expect(secrets).toEqual(
      expect.arrayContaining([
        token,
        environment.CMW_AUTH_TOKEN,
        ...environment.CMW_EVENT_SECRETS!.split(','),
        environment.PARTNER_CENTER_CLIENT_SECRET,
        environment.PARTNER_CENTER_REFRESH_TOKEN,
      ]),
    );
  });

  it('are as new after a reset', async () => {
    await signInAsApp();
    emulators.faults.inject({ kind: 'refuse' });
    emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 5 });
    emulators.reset();
    expect(emulators.calls()).toEqual([]);
    expect(emulators.faults.pending()).toEqual([]);
    expect(emulators.cloudesire.subscriptions()).toEqual([]);
    expect(emulators.entra.books()).toEqual([]);
  });

  it('leave nothing running when one port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const others = await startEmulators();
    const freePort = Number(new URL(others.entra.url).port);
    await others.close();
    expect(existsSync(others.caFile)).toBe(false);

    await expect(startEmulators({ ports: { entra: freePort, partnerCenter: port } })).rejects.toThrow('EADDRINUSE');
    const again = await startEmulators({ ports: { entra: freePort } });
    await again.close();
    await new Promise((resolve) => taken.close(resolve));
  });
});
