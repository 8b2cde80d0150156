import { isRestError } from '@azure/arm-resourcesdeployments';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PARTNER_CLIENT_ID, PARTNER_TENANT_ID, PARTNER_USER } from '../entra/emulator.ts';
import { type AzureWorld, startAzureWorld } from './azure-world.ts';
import { ROLES } from './roles.ts';

const VERSION = 'api-version=2025-04-01';

describe('access to Azure Resource Manager', () => {
  let world: AzureWorld;

  beforeEach(async () => {
    world = await startAzureWorld();
  });

  afterEach(() => world.close());

  const groupPath = (name = 'mp-1'): string =>
    `/subscriptions/${world.subscriptionId}/resourcegroups/${name}?${VERSION}`;

  it('begins with consent: before it there are no tokens, with it a service principal that has no role', async () => {
    const { asApp, asUser, consent, clientsFor, entra, customerId, subscriptionId } = world;
    await expect(asUser().getToken('')).rejects.toMatchObject({ errorNo: 65001, subError: 'consent_required' });
    await expect(asApp().getToken('https://management.azure.com/.default')).rejects.toThrow('AADSTS700016');
    entra.setSwitches({ unknownAppError: 7000229 });
    await expect(asApp().getToken('https://management.azure.com/.default')).rejects.toThrow('AADSTS7000229');

    expect((await consent()).status).toBe(201);
    expect((await consent()).status).toBe(409);
    const { token } = await asApp().getToken('https://management.azure.com/.default');
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
    expect(claims).toMatchObject({
      tid: customerId,
      oid: entra.servicePrincipal(customerId),
      appid: PARTNER_CLIENT_ID,
    });
    await expect(clientsFor(asApp()).subscriptions.subscriptions.get(subscriptionId)).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationFailed',
      message: expect.stringContaining(`with object id '${claims.oid}' does not have authorization to perform action`),
    });
    expect(await clientsFor(asUser()).subscriptions.subscriptions.get(subscriptionId)).toMatchObject({
      state: 'Enabled',
      tenantId: customerId,
      subscriptionPolicies: { quotaId: 'CSP_2015-05-01' },
    });
  });

  it('ends with the consent, which the partner can take back', async () => {
    const { asApp, askPartnerCenter, consent, customerId, entra } = world;
    await consent();
    const path = `/v1/customers/${customerId}/applicationconsents/${PARTNER_CLIENT_ID}`;
    expect((await askPartnerCenter('DELETE', path, undefined, 'user')).status).toBe(204);
    expect(entra.servicePrincipal(customerId)).toBeUndefined();
    await expect(asApp().getToken('https://management.azure.com/.default')).rejects.toThrow('AADSTS700016');
    expect((await consent()).status).toBe(201);
    expect(world.partnerCenter.books().entries.filter(({ what }) => what === 'application consented')).toHaveLength(2);
  });

  it('is owned by the admin agents of the partner until the customer removes them', async () => {
    const { arm, consent, clientsFor, asUser, subscriptionId } = world;
    await consent();
    const { authorization, resources } = clientsFor(asUser());
    const found = [];
    for await (const one of authorization.roleAssignments.listForSubscription()) found.push(one);
    expect(found).toMatchObject([{ principalType: 'ForeignGroup' }]);
    await resources.resourceGroups.createOrUpdate('mp-1', { location: 'westeurope' });
    arm.removeForeignPrincipal({ subscription: subscriptionId });
    await expect(resources.resourceGroups.get('mp-1')).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining(`The client '${PARTNER_USER.userPrincipalName}' with object id`),
    });
  });

  it('is given to the service principal by a role, once, and taken with it', async () => {
    const { consent, clientsFor, asApp, asUser, entra, customerId, subscriptionId } = world;
    await consent();
    const owner = clientsFor(asUser());
    const app = clientsFor(asApp());
    const scope = `subscriptions/${subscriptionId}`;
    const name = '0f7f3f52-9d0e-4b69-8f0f-1a2b3c4d5e6f';
    const body = {
      principalId: entra.servicePrincipal(customerId)!,
      principalType: 'ServicePrincipal' as const,
      roleDefinitionId: `/${scope}/providers/Microsoft.Authorization/roleDefinitions/${ROLES.contributor}`,
    };
    const create = (as: typeof owner, id: string, changes: object = {}) =>
      as.authorization.roleAssignments.create(scope, id, { ...body, ...changes });
    expect(await create(owner, name)).toMatchObject({ name, scope: `/${scope}` });
    expect(await create(owner, name)).toMatchObject({ name });
    await app.resources.resourceGroups.createOrUpdate('mp-1', { location: 'westeurope' });

    const other = '5b8a90c4-11d2-4e3f-9a4b-5c6d7e8f9001';
    await expect(create(owner, other)).rejects.toMatchObject({ statusCode: 409, code: 'RoleAssignmentExists' });
    await expect(create(owner, name, { principalId: other })).rejects.toMatchObject({
      statusCode: 400,
      code: 'RoleAssignmentUpdateNotPermitted',
    });
    await expect(create(app, other, { principalId: other })).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('Microsoft.Authorization/roleAssignments/write'),
    });
    await owner.authorization.roleAssignments.delete(scope, name);
    await expect(app.resources.resourceGroups.get('mp-1')).rejects.toMatchObject({ statusCode: 403 });
  });

  it('acts after a while, and for a fresh principal only with its type, when told so', async () => {
    const { arm, clock, consent, clientsFor, asApp, asUser, entra, customerId, subscriptionId } = world;
    arm.setSwitches({ roleEffectiveAfterMs: 120_000 });
    arm.forgetPrincipals({ times: 2 });
    await consent();
    const { authorization } = clientsFor(asUser());
    const scope = `subscriptions/${subscriptionId}`;
    const body = {
      principalId: entra.servicePrincipal(customerId)!,
      roleDefinitionId: `/${scope}/providers/Microsoft.Authorization/roleDefinitions/${ROLES.reader}`,
    };
    const name = '0f7f3f52-9d0e-4b69-8f0f-1a2b3c4d5e6f';
    for (let turn = 0; turn < 2; turn += 1) {
      await expect(authorization.roleAssignments.create(scope, name, body)).rejects.toMatchObject({
        statusCode: 400,
        code: 'PrincipalNotFound',
      });
    }
    await authorization.roleAssignments.create(scope, name, body);
    const read = () => clientsFor(asApp()).subscriptions.subscriptions.get(subscriptionId);
    await expect(read()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
    await clock.advance(120_000);
    expect((await read()).subscriptionId).toBe(subscriptionId);
  });

  it('needs a token of the tenant that the subscription belongs to, for Azure, that is still good', async () => {
    const { arm, asUser, call, clock, consent, entra, tokens } = world;
    await consent();
    const foreign = await call(asUser(PARTNER_TENANT_ID), 'GET', groupPath());
    expect(foreign).toMatchObject({ status: 401, body: { error: { code: 'InvalidAuthenticationTokenTenant' } } });
    expect(foreign.headers.get('www-authenticate')).toContain(`/${world.customerId}"`);

    const { value } = tokens.issue({
      audience: 'https://api.partnercenter.microsoft.com',
      tenant: world.customerId,
      clientId: PARTNER_CLIENT_ID,
      kind: 'user',
      mfa: true,
      expiresAt: clock.now() + 60_000,
    });
    const other = { getToken: async () => ({ token: value, expiresOnTimestamp: 0 }) };
    expect((await call(other, 'GET', groupPath())).body.error.code).toBe('InvalidAuthenticationTokenAudience');

    const good = await asUser().getToken('');
    const same = { getToken: async () => good };
    expect((await call(same, 'HEAD', groupPath())).status).toBe(404);
    entra.expireTokens();
    expect((await call(same, 'GET', groupPath())).body.error.code).toBe('ExpiredAuthenticationToken');
    expect((await fetch(arm.url + groupPath())).status).toBe(401);
  });

  it.each([401, 403] as const)(
    'is refused to writes of a user without second factor, with status %d',
    async (status) => {
      const { arm, asUser, call, consent, entra } = world;
      arm.setSwitches({ mfaRefusal: status });
      await consent();
      entra.setMfa(false);
      expect(
        (await call(asUser(), 'GET', `/subscriptions/${world.subscriptionId}/resourcegroups?${VERSION}`)).status,
      ).toBe(200);
      const refused = await call(asUser(), 'PUT', groupPath(), { location: 'westeurope' });
      expect(refused.status).toBe(status);
      const [, claims = ''] = /error="insufficient_claims", claims="([^"]+)"/.exec(
        refused.headers.get('www-authenticate')!,
      )!;
      const demanded = Buffer.from(claims, 'base64').toString();
      expect(JSON.parse(demanded)).toEqual({ access_token: { acrs: { essential: true, values: ['p1'] } } });
      await expect(asUser().getToken('', { claims: demanded })).rejects.toMatchObject({ errorNo: 50076 });
      entra.setMfa(true);
      expect((await call(asUser(), 'PUT', groupPath(), { location: 'westeurope' })).status).toBe(201);
    },
  );

  it('is granted again by a client that meets a claims challenge and asks for a new token', async () => {
    const { arm, asUser, clientsFor, consent, subscriptionId } = world;
    await consent();
    let cached: { token: string; expiresOnTimestamp: number } | undefined;
    const asked: (string | undefined)[] = [];
    const credential = {
      async getToken(scopes: string | string[], options?: { claims?: string }) {
        asked.push(options?.claims);
        if (cached === undefined || options?.claims !== undefined) cached = await asUser().getToken(scopes, options);
        return cached;
      },
    };
    const { subscriptions } = clientsFor(credential);
    await subscriptions.subscriptions.get(subscriptionId);
    arm.challengeTokens();
    expect((await subscriptions.subscriptions.get(subscriptionId)).state).toBe('Enabled');
    expect(asked.at(-1)).toContain('nbf');
  });

  it('works with opaque tokens too', async () => {
    const { asUser, clientsFor, consent, entra, subscriptionId } = world;
    entra.setSwitches({ opaqueTokens: true });
    await consent();
    const { token } = await asUser().getToken('');
    expect(token).not.toContain('.');
    expect((await clientsFor(asUser()).subscriptions.subscriptions.get(subscriptionId)).state).toBe('Enabled');
  });

  it('is limited by token buckets, whose state every answer tells', async () => {
    const { arm, asUser, call, clock, consent } = world;
    await consent();
    const credential = asUser();
    const first = await call(credential, 'GET', `/subscriptions/${world.subscriptionId}?${VERSION}`);
    expect(first.headers.get('x-ms-ratelimit-remaining-subscription-reads')).toBe('249');
    expect(first.headers.get('x-ms-ratelimit-remaining-subscription-global-reads')).toBe('3749');

    arm.setSwitches({ buckets: { ...arm.switches().buckets, writes: { size: 1, perSecond: 0.1 } } });
    const put = () => call(credential, 'PUT', groupPath(), { location: 'westeurope' });
    expect((await put()).status).toBe(201);
    const refused = await put();
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'SubscriptionRequestsThrottled' } } });
    const waitMs = Number(refused.headers.get('retry-after')) * 1000;
    await clock.advance(waitMs / 2);
    expect((await put()).status).toBe(429); // too early, and the wait begins again
    await clock.advance(waitMs * 0.7);
    expect((await put()).status).toBe(429);
    await clock.advance(waitMs);
    expect((await put()).status).toBe(200);
  });

  it('asks for an api-version that exists, and does not mind slashes and case', async () => {
    const { asUser, call, consent, subscriptionId } = world;
    await consent();
    const at = (path: string) => call(asUser(), 'GET', path);
    expect((await at(`/subscriptions/${subscriptionId}`)).body.error.code).toBe('MissingApiVersionParameter');
    expect(await at(`/subscriptions/${subscriptionId}?api-version=2030-01-01`)).toMatchObject({
      status: 400,
      body: { error: { code: 'InvalidApiVersionParameter' } },
    });
    expect((await at(`//SUBSCRIPTIONS//${subscriptionId}/RESOURCEGROUPS?${VERSION}`)).body).toEqual({ value: [] });
    expect((await at(`/subscriptions/${subscriptionId}/nothing/here?${VERSION}`)).status).toBe(404);
    const unknown = '11111111-2222-4333-8444-555555555555';
    expect((await at(`/subscriptions/${unknown}?${VERSION}`)).body.error.code).toBe('SubscriptionNotFound');
  });

  it('meets faults like every emulator, in the words of whoever stands between', async () => {
    const { clientsFor, consent, asUser, faults, subscriptionId } = world;
    await consent();
    const { subscriptions } = clientsFor(asUser());
    faults.inject({ server: 'arm', kind: 'status', status: 502, body: '<html>Bad gateway</html>' });
    const error = await subscriptions.subscriptions.get(subscriptionId).catch((caught: unknown) => caught);
    expect(isRestError(error) && error.statusCode).toBe(502);
    faults.inject({ server: 'arm', kind: 'reset-before' });
    await expect(subscriptions.subscriptions.get(subscriptionId)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
