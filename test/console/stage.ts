import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { freePort } from '../support/free-port.ts';
import { type RunningService, startService } from '../support/service.ts';

const DAY_MS = 86_400_000;
const YEARLY = 2103;
/** Everything here takes seconds; a slow machine may need much longer. */
const WITHIN_MS = 120_000;

/** A text of an upstream that would run in a page which does not take it as text. */
export const HOSTILE = '<img src=x onerror="document.title=\'taken over\'"> & <script>alert(1)</script>';

export interface Stage {
  url: string;
  token: string;
  emulators: Emulators;
  /** Resolves once operations see the subscription in this state. */
  untilState(id: number, state: string): Promise<void>;
  /** Asks the API of operations, as whoever has the token. */
  ask(path: string, body?: object): Promise<Record<string, unknown>>;
  stopService(): Promise<void>;
  /** Again at the same address. */
  startService(): Promise<void>;
  end(): Promise<void>;
}

/** The service as it runs, beside the emulators. */
export async function setStage(redisUrl: string): Promise<Stage> {
  const [emulators, port] = await Promise.all([startEmulators(), freePort()]);
  const prefix = `test-${randomUUID()}`;
  const token = 'operations-token-for-tests';
  let service: RunningService;

  const start = async () => {
    service = await startService({
      ...emulators.environment(),
      PORT: String(port),
      REDIS_URL: redisUrl,
      REDIS_PREFIX: prefix,
      OPS_TOKEN: token,
      POLL_EVERY_MS: '300',
      // What fails is tried again long after the test, unless somebody presses something.
      RETRY_BASE_MS: '600000',
    });
  };
  await start();
  const url = `http://127.0.0.1:${port}`;
  emulators.connectTo(url);

  async function ask(path: string, body?: object) {
    const response = await fetch(`${url}/ops/api${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        'x-operator': 'Grace Hopper',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as Record<string, unknown>;
  }

  return {
    url,
    token,
    emulators,
    ask,
    async untilState(id, state) {
      const until = Date.now() + WITHIN_MS;
      for (;;) {
        const { state: found, why } = await ask(`/subscriptions/${id}`);
        if (found === state) return;
        if (Date.now() > until) throw new Error(`${id} is ${String(found)}, not ${state}: ${String(why)}`);
        await pause(50);
      }
    },
    async stopService() {
      await service.end();
    },
    startService: start,
    async end() {
      await service.end();
      await emulators.close();
    },
  };
}

/** Orders that stand as orders stand on a bad night. */
export interface Night {
  delivered: number;
  /** Ended in the marketplace, and charged on by Microsoft. */
  exposed: number;
  unpaid: number;
  agreementPending: number;
  /** Microsoft refuses them, for the same reason. */
  refused: [number, number];
  /** Microsoft refuses it in words that are markup. */
  hostile: number;
  held: number;
  detached: number;
  /** The customer was told what is missing. */
  failed: number;
  /** Partner Center is out while it is delivered. */
  retrying: number;
}

/** Fills the stage. */
export async function createNight({ url, emulators, ask, untilState }: Stage): Promise<Night> {
  const { cloudesire, partnerCenter, faults, clock } = emulators;
  cloudesire.putPlan(YEARLY, { name: 'Business Basic, yearly', minimumDuration: 12, billingPeriod: 1 }, 2101);
  const order = (buyer: number, plan = 2101) => cloudesire.placeOrder({ plan, buyer, licenses: 5, paid: true });

  partnerCenter.acceptAllAttestations(true);
  const exposed = order(1302, YEARLY);
  const delivered = order(1301);
  await untilState(exposed, 'done');
  await untilState(delivered, 'done');
  await clock.advance(10 * DAY_MS);
  cloudesire.terminate(exposed);
  await cloudesire.whenStatus(exposed, 'UNDEPLOYED', WITHIN_MS);

  const detached = order(1301);
  await untilState(detached, 'done');
  await ask(`/subscriptions/${detached}/detach`, {
    reason: 'moved to another partner by hand',
    confirm: `${detached}`,
  });

  const unpaid = cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 3 });
  await untilState(unpaid, 'idle');

  const failed = order(1303);
  await untilState(failed, 'failed');

  const refuse = (description: string, times: number) =>
    faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/carts',
      kind: 'status',
      status: 403,
      times,
      body: { code: 900159, description },
    });
  refuse('No relationship with this customer.', 1_000);
  const refused = [order(1301), order(1302)] as [number, number];
  for (const id of refused) await untilState(id, 'needs-attention');
  faults.clear();
  faults.inject({
    server: 'partner-center',
    method: 'POST',
    path: '/carts',
    kind: 'status',
    status: 403,
    times: 1_000,
    body: { code: 800002, description: HOSTILE },
  });
  const hostile = order(1301);
  await untilState(hostile, 'needs-attention');
  const held = order(1302);
  await untilState(held, 'needs-attention');
  await ask(`/subscriptions/${held}/hold`, { reason: `a dispute with the customer ${HOSTILE}` });
  await untilState(held, 'waiting');
  faults.clear();

  partnerCenter.acceptAllAttestations(false);
  const optics = { name: 'Bergmann Optik GmbH', taxCode: 'DE234567891', mail: 'bergmann-optik.example' };
  putCompany(emulators, { id: 514, buyer: 1304, ...optics });
  const coffee = { name: 'Krause Kaffee GmbH', taxCode: 'DE345678912', mail: 'krause-kaffee.example' };
  putCompany(emulators, { id: 515, buyer: 1305, ...coffee });
  const agreementPending = order(1304);
  await untilState(agreementPending, 'waiting');

  for (const body of ['{"entity":"Subscription"}', '[]']) {
    const signature = `sha1=${createHmac('sha1', CMW_EVENT_SECRETS[0] ?? '')
      .update(body)
      .digest('hex')}`;
    await fetch(`${url}/event`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', 'cmw-event-signature': signature },
    });
  }

  faults.inject({
    server: 'partner-center',
    method: 'POST',
    path: '/v1/customers$',
    kind: 'status',
    status: 503,
    body: {},
  });
  const retrying = order(1305);
  await untilState(retrying, 'retrying');
  return { delivered, exposed, unpaid, agreementPending, refused, hostile, held, detached, failed, retrying };
}

function putCompany({ cloudesire }: Emulators, { id, buyer, name, taxCode, mail }: Company): void {
  const emailAddress = `einkauf@${mail}`;
  const address = {
    id: id + 9_000,
    country: 'Deutschland',
    city: 'Jena',
    address: 'Carl-Zeiss-Platz 3',
    zipCode: '07743',
    countryCode: 'DE',
  };
  cloudesire.putCompany(id, { name, taxCode, address, phoneNumber: '+49 3641 555 010', emailAddress, language: 'de' });
  const company = { url: `userCompany/${id}` };
  cloudesire.putBuyer(buyer, { name: 'Lena', surname: 'Bergmann', email: emailAddress, language: 'de', company });
}

interface Company {
  id: number;
  buyer: number;
  name: string;
  taxCode: string;
  mail: string;
}
