// The demo of the containers: sells one product of each kind in the emulated marketplace, waits until it is delivered, ends it, and counts what
// was bought at Microsoft. Exit code 0 only when all of it was as it should be.
import { setTimeout as pause } from 'node:timers/promises';

const { EMULATORS_HOST = 'localhost', CONNECTOR_URL = 'https://localhost:8443' } = process.env;
const PORTS = { marketplace: 8091, partnerCenter: 8092, entra: 8443 };
const WITHIN_MS = 120_000;
const DAY_MS = 86_400_000;
/** Deployments take minutes, of virtual time. */
const STRIDE = { everyMs: 200, ms: 10_000 };

/** Gives an emulator a command. @throws {Error} with its own words when it refuses */
async function command<T>(of: keyof typeof PORTS, name: string, body: object = {}): Promise<T> {
  const address = `https://${EMULATORS_HOST}:${PORTS[of]}/_emulator/${name}`;
  const response = await fetch(address, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
  return (await response.json().catch(() => undefined)) as T;
}

async function sell(what: string, order: object): Promise<number> {
  const { subscription } = await command<{ subscription: number }>('marketplace', 'placeOrder', {
    ...order,
    paid: true,
  });
  await until(subscription, 'DEPLOYED');
  console.log(`${subscription}  delivered: ${what}`);
  return subscription;
}

/** Resolves when the marketplace shows this status; until then virtual time passes quickly. */
async function until(id: number, status: string): Promise<void> {
  let isOver = false;
  const passing = (async () => {
    for (; !isOver; await pause(STRIDE.everyMs)) await command('marketplace', 'advance', { ms: STRIDE.ms });
  })();
  try {
    await command('marketplace', 'whenStatus', { id, status, withinRealMs: WITHIN_MS });
  } finally {
    isOver = true;
    await passing;
  }
}

async function edgeIsReady(): Promise<void> {
  const end = Date.now() + WITHIN_MS;
  for (;;) {
    const response = await fetch(`${CONNECTOR_URL}/health/ready`).catch(() => undefined);
    if (response?.ok) return;
    if (Date.now() > end) throw new Error(`No instance is ready behind ${CONNECTOR_URL}.`);
    await pause(500);
  }
}

await edgeIsReady();
// The connector renews its tokens in time, but by its own clock, on which no day passes here.
await command('entra', 'setSwitches', {
  refreshTokenLifetimeDays: 1_000,
  accessTokenLifetimeS: (1_000 * DAY_MS) / 1_000,
});
await command('partnerCenter', 'acceptAllAttestations', { on: true });
const before = (await command<unknown[]>('partnerCenter', 'orders')).length;

const parameters = { DNS_PREFIX: `shop-${Date.now().toString(36)}`, ADMIN_PASSWORD: 'Lk7!only-for-the-demo' };
const sold = [
  await sell('10 seats of a licence', { plan: 2101, buyer: 1301, licenses: 10 }),
  await sell('a web stack, by a template', {
    plan: 2301,
    buyer: 1301,
    parameters: { ...parameters, REGION: 'italynorth' },
  }),
  await sell('a machine of the Azure Marketplace', {
    plan: 2201,
    buyer: 1301,
    parameters: { DNS_PREFIX: `${parameters.DNS_PREFIX}-vm` },
  }),
];
for (const subscription of sold) {
  await command('marketplace', 'terminate', { subscription });
  await until(subscription, 'UNDEPLOYED');
  console.log(`${subscription}  ended`);
}

const bought = (await command<unknown[]>('partnerCenter', 'orders')).length - before;
// The Azure plan of the customer is bought once, with the first product that needs it.
const isRight = bought === 1 || bought === 2;
console.log(
  `${bought} orders at Microsoft for them, one of which may be the Azure plan: ${isRight ? 'as it should be' : 'WRONG'}`,
);
process.exitCode = isRight ? 0 : 1;
