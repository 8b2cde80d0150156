import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PARTNER_TENANT_ID } from '../entra/emulator.ts';
import { type AzureWorld, startAzureWorld } from './azure-world.ts';
import { BILLING_ACCOUNT } from './emulator.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

describe('Azure subscriptions', () => {
  let world: AzureWorld;

  beforeEach(async () => {
    world = await startAzureWorld();
    await world.consent();
  });

  afterEach(() => world.close());

  const state = async (id = world.subscriptionId) =>
    (await world.clientsFor(world.asUser()).subscriptions.subscriptions.get(id)).state;
  const entitlement = (id = world.subscriptionId) => world.partnerCenter.entitlements().find((one) => one.id === id);
  const planPath = () =>
    `/v1/customers/${world.customerId}/subscriptions/${entitlement()!.planId}/azureEntitlements/${world.subscriptionId}`;
  const fast = { updateIntervalInMs: 1 };
  const newSubscription = (displayName = 'Fabrikam (50010)', customer = world.customerId) => ({
    properties: {
      displayName,
      workload: 'Production',
      billingScope: `/providers/Microsoft.Billing/billingAccounts/${BILLING_ACCOUNT}/customers/${customer}`,
    },
  });
  const aliases = () => world.clientsFor(world.asUser(PARTNER_TENANT_ID)).aliases;

  it('come with an Azure plan, and Azure knows them a while later', async () => {
    const { arm, buyPlan, call, clock, customerId, partnerCenter, asUser } = world;
    arm.setSwitches({ subscriptionVisibleAfterMs: 5 * MINUTE_MS, foreignPrincipalDelayMs: MINUTE_MS });
    await buyPlan(customerId);
    expect(partnerCenter.books().orders).toHaveLength(2); // a second plan, as a careless program buys it
    const second = partnerCenter.entitlements().at(-1)!.id;
    const read = () => call(asUser(), 'GET', `/subscriptions/${second}?api-version=2022-12-01`);
    expect(await read()).toMatchObject({ status: 404, body: { error: { code: 'SubscriptionNotFound' } } });
    await clock.advance(5 * MINUTE_MS);
    expect((await read()).body.error.code).toBe('AuthorizationFailed');
    await clock.advance(MINUTE_MS);
    expect((await read()).body).toMatchObject({ state: 'Enabled', tenantId: customerId });
    const { body } = await call(asUser(), 'GET', '/subscriptions?api-version=2022-12-01');
    expect(body.value.map((one: { subscriptionId: string }) => one.subscriptionId)).toEqual([
      world.subscriptionId,
      second,
    ]);
  });

  it('are made through an alias, whose name stands for one subscription however often it is asked for', async () => {
    const { arm, clock, clientsFor, asUser, partnerCenter, customerId } = world;
    const { alias } = aliases();
    const poller = await alias.beginCreate('mp-50010', newSubscription(), fast);
    expect((await alias.get('mp-50010')).properties?.provisioningState).toBe('Accepted');
    await clock.advance(MINUTE_MS);
    const { properties } = await poller.pollUntilDone();
    expect(properties).toMatchObject({ provisioningState: 'Succeeded', subscriptionId: expect.any(String) });
    const again = await alias.beginCreateAndWait('mp-50010', newSubscription(), fast);
    expect(again.properties?.subscriptionId).toBe(properties?.subscriptionId);
    expect(arm.books().subscriptions).toHaveLength(2);
    expect(partnerCenter.entitlements().at(-1)).toMatchObject({ id: properties!.subscriptionId, customerId });

    await clock.advance(arm.switches().subscriptionVisibleAfterMs);
    const { subscriptions } = clientsFor(asUser());
    expect((await subscriptions.subscriptions.get(properties!.subscriptionId!)).displayName).toBe('Fabrikam (50010)');
    await alias.delete('mp-50010');
    await expect(alias.get('mp-50010')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('are not made for customers without a plan, by other callers, or when Azure fails or is too busy', async () => {
    const { arm, clock } = world;
    const { alias } = aliases();
    const foreign = world.clientsFor(world.asUser()).aliases.alias.beginCreate('mp-1', newSubscription(), fast);
    await expect(foreign).rejects.toMatchObject({ statusCode: 403, code: 'UserNotAuthorized' });
    const stranger = '11111111-2222-4333-8444-555555555555';
    await expect(alias.beginCreate('mp-1', newSubscription('x', stranger), fast)).rejects.toMatchObject({
      statusCode: 400,
    });

    arm.throttleAliases({ times: 1, retryAfterS: 120 });
    const throttled = await alias.beginCreate('mp-1', newSubscription(), fast).catch((error: unknown) => error);
    expect(throttled).toMatchObject({ statusCode: 429, code: 'TooManyRequests' });

    arm.failAliases({ times: 1 });
    await alias.beginCreate('mp-1', newSubscription(), fast);
    await clock.advance(MINUTE_MS);
    expect((await alias.get('mp-1')).properties?.provisioningState).toBe('Failed');
    await alias.beginCreate('mp-1', newSubscription(), fast);
    await clock.advance(MINUTE_MS);
    expect((await alias.get('mp-1')).properties?.provisioningState).toBe('Succeeded');
  });

  it('are found in the partner’s billing account by customer', async () => {
    const { asUser, call, customerId } = world;
    const partner = asUser(PARTNER_TENANT_ID);
    const version = 'api-version=2020-05-01';
    const { body: accounts } = await call(partner, 'GET', `/providers/Microsoft.Billing/billingAccounts?${version}`);
    expect(accounts.value).toMatchObject([{ name: BILLING_ACCOUNT, properties: { accountType: 'Partner' } }]);
    const account = encodeURIComponent(BILLING_ACCOUNT);
    const path = `/providers/Microsoft.Billing/billingAccounts/${account}/customers?${version}`;
    expect((await call(partner, 'GET', path)).body.value).toMatchObject([{ name: customerId }]);
    expect((await call(asUser(), 'GET', path)).status).toBe(403);
  });

  it('are disabled by a cancelled entitlement and enabled by its reactivation', async () => {
    const { askPartnerCenter, clock, call, asUser, partnerCenter } = world;
    await askPartnerCenter('POST', `${planPath()}/cancel`, { cancellationReason: 'compromise' });
    expect(await state()).toBe('Enabled');
    await clock.advance(partnerCenter.switches().entitlementCancelDelayMs);
    expect(await state()).toBe('Disabled');
    const group = `/subscriptions/${world.subscriptionId}/resourcegroups/mp-1?api-version=2025-04-01`;
    const refused = await call(asUser(), 'PUT', group, { location: 'westeurope' });
    expect(refused).toMatchObject({ status: 409, body: { error: { code: 'ReadOnlyDisabledSubscription' } } });

    expect((await askPartnerCenter('POST', `${planPath()}/reactivate`)).status).toBe(202);
    await clock.advance(partnerCenter.switches().entitlementReactivateDelayMs);
    expect(await state()).toBe('Enabled');
  });

  it('are cancelled in Azure once empty, seen at Partner Center, and gone after ninety days', async () => {
    const { arm, asUser, call, clock, clientsFor, subscriptionId } = world;
    const { aliases: client, resources } = clientsFor(asUser());
    await resources.resourceGroups.createOrUpdate('mp-1', { location: 'westeurope' });
    const id = `/subscriptions/${subscriptionId}/resourceGroups/mp-1/providers/Microsoft.Storage/storageAccounts/mpstore1`;
    arm.putResource({ id, body: { location: 'westeurope', properties: {} } });
    await expect(client.subscription.cancel(subscriptionId)).rejects.toMatchObject({
      statusCode: 400,
      code: 'ResourcesExistingOnSubscription',
    });

    arm.setSwitches({ deletedResourcesCountForMs: 10 * MINUTE_MS });
    arm.deleteByHand({ resource: id });
    await expect(client.subscription.cancel(subscriptionId)).rejects.toMatchObject({ statusCode: 400 });
    await clock.advance(10 * MINUTE_MS);
    expect(await client.subscription.cancel(subscriptionId)).toEqual({ subscriptionId });
    await clock.advance(MINUTE_MS);
    expect([await state(), entitlement()?.status]).toEqual(['Disabled', 'inactive']);

    await client.subscription.enable(subscriptionId);
    await clock.advance(MINUTE_MS);
    expect([await state(), entitlement()?.status]).toEqual(['Enabled', 'active']);
    await client.subscription.rename(subscriptionId, { subscriptionName: 'Renamed' });
    expect(entitlement()?.friendlyName).toBe('Renamed');

    const cancel = `/subscriptions/${subscriptionId}/providers/Microsoft.Subscription/cancel?api-version=2021-10-01`;
    arm.putResource({ id, body: { location: 'westeurope', properties: {} } });
    expect((await call(asUser(), 'POST', `${cancel}&IgnoreResourceCheck=true`)).status).toBe(200);
    await clock.advance(91 * DAY_MS);
    world.entra.renewConsent();
    const gone = await call(asUser(), 'GET', `/subscriptions/${subscriptionId}?api-version=2022-12-01`);
    expect(gone.status).toBe(404);
  });

  it('start with few providers registered, and registering takes a while', async () => {
    const { asUser, clientsFor, clock } = world;
    const { providers } = clientsFor(asUser()).resources;
    const registration = async (namespace: string) => (await providers.get(namespace)).registrationState;
    expect(await registration('Microsoft.Authorization')).toBe('Registered');
    expect(await registration('Microsoft.Compute')).toBe('NotRegistered');
    expect((await providers.register('Microsoft.Compute')).registrationState).toBe('Registering');
    await clock.advance(MINUTE_MS);
    expect(await registration('Microsoft.Compute')).toBe('Registered');
  });
});
