// The demo of the README: a private Redis, the emulators and the connector; two licences bought, delivered and ended, step by step.
// With --keep everything stays up afterwards, for looking around.
import { randomUUID } from 'node:crypto';
import { type Emulators, startEmulators } from '../test/emulator/emulators.ts';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import { type RunningService, startService } from '../test/support/service.ts';

const OPS_TOKEN = randomUUID();
const KEEP = process.argv.includes('--keep');
const WITHIN_MS = 60_000;
const DAY_MS = 86_400_000;
/** How often the connector is asked for news. */
const NEWS_EVERY_MS = 100;

interface Line {
  at: string;
  kind: string;
  text: string;
}

const startedAt = Date.now();
const names = new Map<number, string>();
const shown = new Map<number, number>();
let showing: Promise<void> | undefined;

const redis: RedisServer = await startRedis();
const emulators: Emulators = await startEmulators();
const service: RunningService = await startService({
  ...emulators.environment(),
  REDIS_URL: redis.url,
  OPS_TOKEN,
  POLL_EVERY_MS: '300',
  RETRY_BASE_MS: '100',
});
const news = setInterval(() => void showNews(), NEWS_EVERY_MS);
let failed = false;

try {
  await play();
  summarize();
} catch (error) {
  failed = true;
  await showNews();
  say('', `The demo did not come to its end: ${error instanceof Error ? error.message : String(error)}`);
  process.stderr.write(service.output().split('\n').slice(-20).join('\n'));
}
clearInterval(news);

if (KEEP && !failed) {
  introduce();
  process.once('SIGINT', () => void end());
  process.once('SIGTERM', () => void end());
} else {
  await end();
}

/** The story: one customer has a card on file, the other one pays later; months pass; both leave. */
async function play(): Promise<void> {
  const { cloudesire, partnerCenter, clock } = emulators;
  emulators.connectTo(service.url);
  say('', `The connector listens at ${service.url}; marketplace and Microsoft are emulated beside it.`);

  cloudesire.putPlan(2103, { name: 'Business Basic, yearly', minimumDuration: 12, billingPeriod: 1 }, 2101);
  const monthly = cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
  name(monthly, '10 seats, month by month, card on file');
  const yearly = cloudesire.placeOrder({ plan: 2103, buyer: 1302, licenses: 4 });
  name(yearly, '4 seats for a year, to be paid by invoice');

  await until(monthly, 'waiting');
  chapter('The customer accepts the Microsoft Customer Agreement');
  partnerCenter.acceptAllAttestations(true);
  await cloudesire.whenStatus(monthly, 'DEPLOYED', WITHIN_MS);

  await until(yearly, 'idle');
  chapter('The invoice of the second order is paid');
  cloudesire.pay(yearly);
  await cloudesire.whenStatus(yearly, 'DEPLOYED', WITHIN_MS);
  await until(yearly, 'done');

  chapter('Two days later the first customer changes their mind: Microsoft still takes it back');
  await clock.advance(2 * DAY_MS);
  cloudesire.terminate(monthly);
  await cloudesire.whenStatus(monthly, 'UNDEPLOYED', WITHIN_MS);
  await until(monthly, 'done');

  chapter(
    'Three paid months later the second one leaves: its year is bound at Microsoft, so it must end with the term',
  );
  for (let month = 1; month <= 3; month += 1) {
    await clock.advance(31 * DAY_MS);
    cloudesire.pay(yearly);
  }
  cloudesire.terminate(yearly);
  await cloudesire.whenStatus(yearly, 'UNDEPLOYED', WITHIN_MS);
  await until(yearly, 'done');
}

function summarize(): void {
  const { entries } = emulators.partnerCenter.books();
  const count = (what: string): number => entries.filter((entry) => entry.what === what).length;
  chapter('In the books');
  for (const id of names.keys()) {
    const { deploymentStatus, endpoints } = emulators.cloudesire.subscription(id);
    say('', `${id} ${deploymentStatus}, ${endpoints.length} addresses handed over`);
  }
  say('', `Microsoft: ${count('customer created')} customers, ${count('order placed')} orders`);
  for (const subscription of emulators.partnerCenter.subscriptions() as {
    friendlyName?: string;
    status?: string;
    quantity?: number;
    autoRenewEnabled?: boolean;
  }[]) {
    const renewal =
      subscription.status === 'active' ? `, ${subscription.autoRenewEnabled ? 'renews' : 'ends with its term'}` : '';
    say('', `  ${subscription.friendlyName}: ${subscription.quantity} seats, ${subscription.status}${renewal}`);
  }
  say('', `Done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`);
}

function introduce(): void {
  chapter('Everything keeps running; Ctrl-C ends it');
  const ids = [...names.keys()];
  process.stdout.write(
    [
      `connector      ${service.url}   (operations: Authorization: Bearer ${OPS_TOKEN})`,
      `marketplace    ${emulators.cloudesire.url}`,
      `Partner Center ${emulators.partnerCenter.url}`,
      `Entra ID       ${emulators.entra.url}   (certificate authority: ${emulators.caFile})`,
      `Redis          ${redis.url}`,
      '',
      `  curl -H 'Authorization: Bearer ${OPS_TOKEN}' ${service.url}/ops/api/subscriptions/${ids[0]}`,
      `  curl -d '{"plan":2101,"buyer":1301,"licenses":5,"paid":true}' ${new URL('/_emulator/placeOrder', emulators.cloudesire.url).href}`,
      '',
    ].join('\n'),
  );
}

async function end(): Promise<void> {
  await service.end('SIGTERM');
  await emulators.close();
  await redis.stop();
  process.exit(failed ? 1 : 0);
}

async function read(id: number): Promise<{ state: string; timeline: Line[] } | undefined> {
  const response = await fetch(`${service.url}/ops/api/subscriptions/${id}`, {
    headers: { authorization: `Bearer ${OPS_TOKEN}` },
  });
  return response.ok ? ((await response.json()) as { state: string; timeline: Line[] }) : undefined;
}

/** Resolves when operations would see the subscription in this state. */
async function until(id: number, state: string): Promise<void> {
  const deadline = Date.now() + WITHIN_MS;
  while ((await read(id))?.state !== state) {
    if (Date.now() > deadline) throw new Error(`${id} did not come to ${state}.`);
    await new Promise((resolve) => setTimeout(resolve, NEWS_EVERY_MS));
  }
  await showNews();
}

/** Prints what has been added to the timelines, one caller at a time. */
function showNews(): Promise<void> {
  showing ??= print().finally(() => {
    showing = undefined;
  });
  return showing;
}

async function print(): Promise<void> {
  for (const id of names.keys()) {
    const timeline = (await read(id).catch(() => undefined))?.timeline.toReversed() ?? [];
    for (const line of timeline.slice(shown.get(id) ?? 0)) {
      const sign = { decision: '■', step: '✓', wait: '…', error: '!', report: '→' }[line.kind] ?? '·';
      say(String(id), `${sign} ${line.text}`, Date.parse(line.at));
    }
    shown.set(id, timeline.length);
  }
}

function name(id: number, title: string): void {
  names.set(id, title);
  say(String(id), `ordered: ${title}`);
}

function chapter(title: string): void {
  process.stdout.write(`\n— ${title}\n`);
}

function say(who: string, text: string, at = Date.now()): void {
  const seconds = ((at - startedAt) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${who.padEnd(6)} ${text}\n`);
}
