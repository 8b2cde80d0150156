import { randomUUID } from 'node:crypto';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { createConsulAgent } from '../emulator/consul/agent.ts';
import { startEmulators } from '../emulator/emulators.ts';
import { type EventAnswer, startEventLoad } from '../support/event-load.ts';
import { freePort } from '../support/free-port.ts';
import { startNginx } from '../support/nginx.ts';
import { type RunningService, startService } from '../support/service.ts';

/** Seconds in the environment: restarts go round and round for so long, every third without a warning. Otherwise each machine is restarted once. */
const FOR_MS = Number(process.env.ROLLING_SECONDS ?? 0) * 1_000;
/** Starting processes is most of the work, so that one has to do where it is a sample. */
const ROLES = FOR_MS > 0 ? ['web', 'worker'] : ['all'];
/** Ten machines of the slowest kind are done by then. */
const WITHIN_MS = FOR_MS + 240_000;

/** Where events are taken and work is done, by one process or by two. */
interface Machine {
  port: string;
  processes: RunningService[];
}

async function openScene() {
  const emulators = await startEmulators();
  onTestFinished(() => emulators.close());
  const consul = createConsulAgent({ clock: emulators.clock, faults: emulators.faults, checkEveryMs: 200 });
  const CONSUL_URL = await consul.server.listen({});
  onTestFinished(() => consul.close());
  const prefix = `test-${randomUUID()}`;
  const machines: Machine[] = [];
  onTestFinished(async () => {
    await Promise.all(machines.flatMap(({ processes }) => processes).map((one) => one.end('SIGKILL')));
  });
  const environment = {
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: prefix,
    CONSUL_URL,
    // A subscription that is unknown is looked at again; here each is looked at once.
    RETRY_BASE_MS: '3600000',
  };
  const launch = (port: string) =>
    Promise.all(ROLES.map((ROLE) => startService({ ...environment, ROLE, ...(ROLE !== 'worker' && { PORT: port }) })));
  await Promise.all(
    [await freePort(), await freePort()].map(async (port) => {
      machines.push({ port: String(port), processes: await launch(String(port)) });
    }),
  );
  const ready = () => consul.passing('microsoft-connector', 'web');
  await vi.waitFor(() => expect(ready()).toHaveLength(2), { timeout: WITHIN_MS, interval: 20 });
  const nginx = await startNginx(ready());
  onTestFinished(() => nginx.stop());
  // As consul-template does.
  let isFollowing = true;
  const follow = () => {
    if (isFollowing) nginx.setInstances(ready());
  };
  consul.onChange(follow);

  return {
    nginx,
    machines,
    ready,
    /** Whether Nginx hears from Consul who is there. */
    setFollowing(on: boolean): void {
      isFollowing = on;
      follow();
    },
    async restart(machine: Machine, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
      const ends = await Promise.all(machine.processes.map((one) => one.end(signal)));
      expect(ends, machine.processes.map((one) => one.output()).join('')).toEqual(
        ROLES.map(() => (signal === 'SIGTERM' ? 0 : signal)),
      );
      machine.processes = await launch(machine.port);
    },
    /** Subscriptions that the marketplace was asked for. */
    lookedAt() {
      const asked = emulators.cloudesire.server.calls.map(({ path }) => /\/subscription\/(\d+)$/.exec(path)?.[1]);
      return new Set(asked.filter((id) => id !== undefined).map(Number));
    },
  };
}

/** What takes milliseconds. Where half of the answers take longer than that, the machine is too slow for the time that an answer may take. */
const SLOW_MS = 250;

/** Events that were neither taken nor, on a slow machine, refused for want of time: those are sent again by the marketplace. */
function failuresOf(answers: EventAnswer[]): EventAnswer[] {
  const isSlow = answers.filter(({ durationMs }) => durationMs > SLOW_MS).length > answers.length / 2;
  return answers.filter(({ outcome }) => outcome !== 204 && !(isSlow && String(outcome).startsWith('503 ')));
}

function summarize(answers: EventAnswer[], lastedMs: number): string {
  const sorted = answers.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const at = (share: number) => `${Math.round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN)} ms`;
  const rate = ((answers.length * 1_000) / lastedMs).toFixed(0);
  return `${answers.length} events, ${rate}/s, median ${at(0.5)}, 99 % ${at(0.99)}, slowest ${at(0.9999)}`;
}

it(
  'loses no event and shows no failure to the caller while one machine after the other is restarted or killed under load, whether Consul told Nginx or not',
  async () => {
    const { nginx, machines, ready, setFollowing, restart, lookedAt } = await openScene();
    const startedAt = performance.now();
    const load = startEventLoad({
      url: nginx.url,
      ca: nginx.ca,
      secret: CMW_EVENT_SECRETS[0] ?? '',
      perSecond: 100,
      unanswered: FOR_MS > 0 ? 50 : 8,
      firstSubscriptionId: 1_000_000,
    });
    let restarts = 0;
    do {
      for (const machine of machines) {
        // Every other time Nginx knows who is there, otherwise it learns that by what it meets.
        setFollowing(restarts % 2 === 0);
        await restart(machine, FOR_MS > 0 && restarts % 3 === 2 ? 'SIGKILL' : 'SIGTERM');
        await vi.waitFor(() => expect(ready()).toHaveLength(2), { timeout: WITHIN_MS, interval: 20 });
        await nginx.hasRead();
        // Each instance has taken events again before the next one leaves.
        const seen = load.answered();
        await vi.waitFor(() => expect(load.answered()).toBeGreaterThan(seen + 20), {
          timeout: WITHIN_MS,
          interval: 20,
        });
        restarts += 1;
      }
    } while (performance.now() - startedAt < FOR_MS);
    const answers = await load.stop();
    if (FOR_MS > 0) console.log(`${restarts} restarts; ${summarize(answers, performance.now() - startedAt)}`);

    const accepted = answers.filter(({ outcome }) => outcome === 204);
    expect(failuresOf(answers)).toEqual([]);
    const lost = () => {
      const looked = lookedAt();
      return accepted.filter(({ subscriptionId }) => !looked.has(subscriptionId)).length;
    };
    await vi.waitFor(() => expect(lost()).toBe(0), { timeout: WITHIN_MS, interval: 200 });
  },
  WITHIN_MS * 2,
);
