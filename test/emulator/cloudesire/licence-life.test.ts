import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { APP_ENDPOINT, setupMarketplace } from './connector-double.ts';
import { signEvent } from './event-transport.ts';

let marketplace: Awaited<ReturnType<typeof setupMarketplace>>;
beforeEach(async () => {
  marketplace = await setupMarketplace();
});
afterEach(() => marketplace.close());

function example(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`./seed/examples/${name}.json`, import.meta.url), 'utf8'));
}

const INSTRUCTIONS = {
  en: 'Your Microsoft 365 tenant is ready. Sign in with the administrator listed among the credentials.',
  it: "Il tuo ambiente Microsoft 365 è pronto. Accedi con l'utente amministratore indicato tra le credenziali.",
};
const CREDENTIALS = [
  {
    key: 'username',
    value: 'admin@officineverdi.onmicrosoft.com',
    weight: 1,
    description: { en: 'User name', it: 'Nome utente' },
  },
  {
    key: 'password',
    value: 'example-only-1',
    weight: 2,
    description: { en: 'Temporary password', it: 'Parola chiave temporanea' },
  },
];
const DOCUMENTATION = {
  endpoint: 'https://learn.microsoft.com/microsoft-365',
  description: 'Documentation',
  category: 'DOCUMENTATION',
};

describe('the life of a licence subscription', () => {
  it('replays the example payloads from order to end, with one event for each step', async () => {
    const { connector, emulator, call, get, reach } = marketplace;
    await reach('2026-03-02T09:15:00Z');
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 10 });
    const path = `subscription/${id}`;
    const expectExample = async (name: string) =>
      expect((await get(path)).body).toEqual(example(`subscription-50010-${name}`));
    await expectExample('1-waiting-payment');

    await reach('2026-03-02T09:21:30Z');
    emulator.pay(id);
    await expectExample('2-pending-paid');

    await call('POST', `${path}/endpoints`, { body: [APP_ENDPOINT, DOCUMENTATION] });
    await call('POST', `${path}/instructions`, { body: INSTRUCTIONS });
    await call('POST', `${path}/credentials`, { body: CREDENTIALS });
    await reach('2026-03-02T09:24:05Z');
    const deployed = await call('PATCH', path, { body: { deploymentStatus: 'DEPLOYED' } });
    expect([deployed.status, deployed.body]).toEqual([200, {}]);
    await expectExample('3-deployed');

    await reach('2026-03-10T11:00:00Z');
    emulator.changeQuantity(id, 25, { paid: true });
    await expectExample('4-quantity-25');

    await reach('2026-04-02T09:24:06Z');
    emulator.pay(id);
    await expectExample('5-renewed');

    await reach('2026-04-15T08:30:00Z');
    emulator.changePlan(id, 2102, { paid: true });
    await expectExample('6-plan-upgraded');

    emulator.changeQuantity(id, 12);
    await reach('2026-05-07T09:25:00Z');
    expect((await get(path)).body).toMatchObject({ deploymentStatus: 'STOPPED', paid: false });
    await reach('2026-05-08T14:02:00Z');
    emulator.resume(id);
    await expectExample('9-resumed');

    await reach('2026-05-20T16:45:00Z');
    emulator.terminate(id);
    await expectExample('10-undeploy-sent');
    await reach('2026-05-20T16:52:41Z');
    await call('PATCH', path, { body: { deploymentStatus: 'UNDEPLOYED' } });
    await expectExample('11-undeployed');

    await emulator.whenEventsIdle();
    expect(connector.received.map(({ body }) => body.type)).toEqual([
      'CREATED',
      ...['first payment', 'quantity', 'renewal', 'its payment', 'plan', 'renewal', 'stop', 'resume', 'undeploy'].map(
        () => 'MODIFIED',
      ),
      'DELETED',
    ]);
  });

  it('remembers each status with who caused it', async () => {
    const { emulator, deploy, call } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301 });
    emulator.pay(id);
    await deploy(id);
    emulator.terminate(id);
    await call('PATCH', `subscription/${id}`, { body: { deploymentStatus: 'UNDEPLOYED' } });
    expect(emulator.subscription(id).statusHistory.map(({ to, by }) => `${to} ${by}`)).toEqual([
      'WAITING_PAYMENT customer',
      'PENDING customer',
      'DEPLOYED connector',
      'UNDEPLOY_SENT customer',
      'UNDEPLOYED connector',
    ]);
  });

  it('keeps books that tell orders, payments and reports in order, with the requests that caused them', async () => {
    const { emulator, deploy, call } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    await deploy(id);
    emulator.changeQuantity(id, 25);
    emulator.terminate(id);
    await call('PATCH', `subscription/${id}`, { body: { deploymentStatus: 'UNDEPLOYED' } });

    const orders = emulator.books().filter(({ what }) => what === 'order-placed');
    expect(orders).toMatchObject([
      { type: 'NORMAL', licenses: 10 },
      { type: 'BILLING_ITEM_UPGRADE', licenses: 25 },
      { type: 'TERMINATION' },
    ]);
    const reports = emulator.books().filter(({ what }) => what === 'status-reported');
    expect(reports).toMatchObject([{ to: 'DEPLOYED' }, { to: 'UNDEPLOYED' }]);
    expect(reports.map(({ requestId }) => typeof requestId)).toEqual(['string', 'string']);
  });

  it('signs its events over the bytes sent, with the secret of whoever receives them', async () => {
    const { emulator, connector, reach } = marketplace;
    await reach('2026-03-02T09:15:00Z');
    emulator.placeOrder({ plan: 2101, buyer: 1301 });
    await emulator.whenEventsIdle();
    const [event] = connector.received;
    expect(event?.headers['cmw-event-signature']).toBe(signEvent(event?.raw ?? '', 'vendor-secret-for-tests'));
    expect(event?.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(event?.body).toEqual({
      date: '2026-03-02T09:15:00Z',
      entity: 'Subscription',
      entityUrl: 'subscription/50010',
      id: '50010',
      type: 'CREATED',
    });
  });

  it('computes signatures as the published examples have them, non-ASCII secrets included', () => {
    const examples = example('signatures') as unknown as Array<{ secret: string; body: string; signature: string }>;
    expect(examples.length).toBeGreaterThan(5);
    for (const { secret, body, signature } of examples) expect(signEvent(body, secret)).toBe(signature);
  });

  it('finds a card on file and provisions at once', async () => {
    const { emulator, get } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
    expect((await get(`subscription/${id}`)).body).toMatchObject({ deploymentStatus: 'PENDING', paid: true });
  });

  it('tells whoever waits for a status as soon as it is there, and else how far it came', async () => {
    const { emulator, deploy } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, paid: true });
    const deployed = emulator.whenStatus(id, 'DEPLOYED', 5_000);
    await deploy(id);
    expect((await deployed).deploymentStatus).toBe('DEPLOYED');
    await expect(emulator.whenStatus(id, 'UNDEPLOYED', 10)).rejects.toThrow('DEPLOYED by connector');
  });
});
