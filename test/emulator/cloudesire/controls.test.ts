import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setupMarketplace, startConnectorDouble } from './connector-double.ts';

let marketplace: Awaited<ReturnType<typeof setupMarketplace>>;
beforeEach(async () => {
  marketplace = await setupMarketplace();
});
afterEach(() => marketplace.close());

async function command(name: string, args: object = {}) {
  const response = await fetch(`${marketplace.origin}/_emulator/${name}`, {
    method: 'POST',
    body: JSON.stringify(args),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

describe('the control surface over HTTP', () => {
  it('offers every control function of the emulator under its own name', async () => {
    const { commands } = JSON.parse(await (await fetch(`${marketplace.origin}/_emulator`)).text());
    const functions = Object.entries(marketplace.emulator).flatMap(([name, value]) =>
      typeof value === 'function' ? [name] : [],
    );
    expect(functions.length).toBeGreaterThan(40);
    expect(functions.filter((name) => !commands.includes(name))).toEqual([]);
  });

  it('runs a purchase with named arguments', async () => {
    const placed = await command('placeOrder', { plan: 2101, buyer: 1301, licenses: 10 });
    expect(placed).toEqual({ status: 200, body: { subscription: 50010 } });
    const waiting = command('whenStatus', { id: 50010, status: 'PENDING', withinRealMs: 5_000 });
    expect((await command('pay', { subscription: 50010 })).body).toEqual({ invoices: [70010] });
    expect((await waiting).body).toMatchObject({ deploymentStatus: 'PENDING', paid: true });
    expect((await command('books')).body).toContainEqual(expect.objectContaining({ what: 'order-placed' }));
  });

  it('refuses wrong arguments with a sentence', async () => {
    expect(await command('pay', { subscription: '50010' })).toEqual({
      status: 400,
      body: { error: 'subscription is a whole number.' },
    });
    expect((await command('placeOrder', { plan: 9, buyer: 1301 })).body.error).toContain('ProductVersion 9');
    expect((await command('setSwitches', { colour: 'blue' })).body.error).toContain('colour');
    expect((await command('setSwitches', { resumeTo: 'FAILED' })).body.error).toContain('PENDING');
  });

  it('does not count as calls of the connector', async () => {
    await command('subscriptions');
    expect(marketplace.emulator.server.calls).toEqual([]);
  });
});

describe('starting over', () => {
  it('forgets subscriptions, events, timers and switches, keeps the delivery target, and can go on with other ids', async () => {
    const { clock, connector, emulator, get } = marketplace;
    emulator.setSwitches({ trialPaid: false });
    emulator.putPlanMetadata(2101, { extra: 'x' });
    emulator.placeOrder({ plan: 2101, buyer: 1301 });
    await emulator.whenEventsIdle();
    emulator.reset({ firstSubscriptionId: 60_000 });
    expect([emulator.subscriptions(), emulator.events(), emulator.books()]).toEqual([[], [], []]);
    expect(emulator.switches().trialPaid).toBe(true);
    expect((await get('productVersion/2101/metadata')).body).not.toHaveProperty('extra');
    await clock.advance(4 * 86_400_000);
    expect(connector.received).toHaveLength(1);
    expect(emulator.placeOrder({ plan: 2101, buyer: 1301 })).toBe(60_000);
    await emulator.whenEventsIdle();
    expect(connector.received).toHaveLength(2);
  });
});

describe('waiting', () => {
  it('finds a line of the books that is there already, or takes the one that comes', async () => {
    const { emulator, call } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, paid: true });
    const wanted = { what: 'instructions-reported', subscription: id };
    const waiting = emulator.whenBooked(wanted, 5_000);
    await call('POST', `subscription/${id}/instructions`, { body: { en: 'Ready', it: 'Pronto' } });
    expect(await waiting).toMatchObject({ languages: ['en', 'it'] });
    expect(await emulator.whenBooked(wanted)).toEqual(await waiting);
    await expect(emulator.whenBooked({ what: 'nothing' }, 10)).rejects.toThrow('nothing');
  });
});

describe('secrets', () => {
  it('lists tokens, event secrets, reported credentials and personal data of customers', async () => {
    const { emulator, call } = marketplace;
    const id = emulator.placeOrder({ plan: 2301, buyer: 1302 });
    await call('POST', `subscription/${id}/credentials`, {
      body: [{ key: 'password', value: 'once-shown-1', weight: 1 }],
    });
    expect(emulator.secrets()).toEqual(
      expect.arrayContaining([
        'perm-token-for-tests',
        'vendor-secret-for-tests',
        'product-secret-for-tests',
        'once-shown-1',
        'Kx4!example-only',
        'Giulia Ferri',
        'jonas.brandt@hafenkontor.example',
        '+39 030 555 0142',
        'Am Sandtorkai 42',
        'DE123456788',
      ]),
    );
    expect(emulator.secrets()).not.toContain('Officine Verdi S.p.A.');
  });
});

describe('calls of the marketplace to the connector', () => {
  const order = {
    productId: 210,
    productIdentifier: 'ms365-business-premium',
    productVersionId: 2101,
    productVersionIdentifier: 'ms365-bp-monthly',
    configurationParameters: { MICROSOFT_DOMAIN: 'officineverdi' },
    language: 'it',
    buyerId: 1301,
    billingItems: { licenses: 25 },
    orderType: 'NORMAL',
  };

  it('accepts an order only when every address answers 204', async () => {
    const { emulator } = marketplace;
    const connector = await startConnectorDouble();
    emulator.configureCallbacks({ orderValidationUrls: [`${connector.endpoint}/1`, `${connector.endpoint}/2`] });
    expect(await emulator.validateOrder(order)).toMatchObject({ accepted: true, messages: [] });
    expect(connector.received[0]?.body).toEqual(order);

    const refused = { status: 200, body: JSON.stringify({ errors: [{ message: 'Il dominio non è disponibile' }] }) };
    connector.answerNext(refused);
    const answer = await emulator.validateOrder(order);
    expect(answer).toMatchObject({ accepted: false, messages: ['Il dominio non è disponibile'] });
    expect(answer.answers[0]?.durationMs).toBeGreaterThan(0);

    connector.answerNext({ status: 500 });
    expect((await emulator.validateOrder(order)).messages[0]).toContain('try again');
    await connector.close();
    expect(await emulator.validateOrder(order)).toMatchObject({ accepted: false });
  });

  it('asks for the values of a parameter, also on behalf of the shop front', async () => {
    const { emulator, call } = marketplace;
    const connector = await startConnectorDouble();
    emulator.configureCallbacks({ parameterValuesUrl: `${connector.endpoint}/values` });
    const values = { values: [{ value: 'germanywestcentral', description: 'Deutschland, Westen-Mitte' }] };
    const reply = { status: 200, body: JSON.stringify(values) };
    connector.answerNext(reply, reply);
    const asked = { productId: 230, configurationParameter: 'REGION', configurationParameters: {}, language: 'de' };
    expect(await emulator.parameterValues(asked)).toMatchObject({ status: 200, body: values });

    const viaApi = await call('POST', 'configurationParameter/703/values', {
      body: {
        productVersion: { url: 'productVersion/2301' },
        configurationParameters: { 'configurationParameter/702': 'hafenkontor-shop' },
        buyerId: 1302,
      },
    });
    expect(viaApi.body).toEqual(values);
    expect(connector.received[1]?.body).toMatchObject({
      productVersionIdentifier: 'two-tier-base',
      configurationParameter: 'REGION',
      configurationParameters: { DNS_PREFIX: 'hafenkontor-shop' },
    });
    await connector.close();
  });

  it('reads metrics with the id of the subscription in a header', async () => {
    const { emulator, connector } = marketplace;
    connector.answerNext({ status: 200, body: '{"value": 3.0}' });
    const answer = await emulator.readMetric({ url: connector.endpoint, subscription: 50020 });
    expect(answer).toMatchObject({ status: 200, body: { value: 3 } });
    expect(connector.received[0]?.headers['cd-subscription-id']).toBe('50020');
  });
});
