import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type AnnouncementParts, createAnnouncement } from '../../../src/announce/consul.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import { createConsulAgent } from '../../emulator/consul/agent.ts';
import { createClock } from '../../emulator/core/clock.ts';
import { createFaults } from '../../emulator/core/faults.ts';
import { freePort } from '../../support/free-port.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

/** What is waited for takes milliseconds; a slow machine may need much longer. */
const SOON = { timeout: 20_000, interval: 5 };
const MINUTE_MS = 60_000;

async function openAgent({ token, port }: { token?: string; port?: number } = {}) {
  const clock = createClock();
  const faults = createFaults();
  const agent = createConsulAgent({ clock, faults, checkEveryMs: 10, ...(token !== undefined && { token }) });
  const url = await agent.server.listen(port === undefined ? {} : { port });
  onTestFinished(async () => {
    clock.stop();
    await agent.close();
  });
  return { agent, url, faults, clock };
}

/** A service that is ready, or not. */
async function openService() {
  const service = { status: 200, port: 0, asked: 0 };
  const server = createServer((request, response) => {
    service.asked += 1;
    response.writeHead(request.url === '/health/ready' ? service.status : 404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  service.port = (server.address() as AddressInfo).port;
  return service;
}

function announce(agentUrl: string, overrides: Partial<AnnouncementParts> = {}) {
  const { log, lines } = createMemoryLog();
  const parts = { agentUrl, token: undefined, role: 'web', host: '0.0.0.0', everyMs: 20, log, ...overrides } as const;
  const announcement = createAnnouncement(parts);
  onTestFinished(() => announcement.withdraw());
  return { ...announcement, lines };
}

it('announces an instance by what it does, and the agent finds out that it is ready, and when it is not', async () => {
  const { agent, url } = await openAgent();
  const service = await openService();
  const { start, note } = announce(url, { role: 'all' });
  expect(note()).toMatch(/not been told/);

  start(service.port);

  const ready = [{ Address: '127.0.0.1', Port: service.port }];
  await expect.poll(() => agent.passing('microsoft-connector', 'web'), SOON).toEqual(ready);
  expect(agent.passing('microsoft-connector', 'worker')).toEqual(ready);
  expect(note()).toBeUndefined();
  service.status = 503;
  await expect.poll(() => agent.passing('microsoft-connector', 'web'), SOON).toEqual([]);
  service.status = 200;
  await expect.poll(() => agent.passing('microsoft-connector', 'web'), SOON).toEqual(ready);
});

it('has one tag for one role, and names the address that it listens on where it is a certain one', async () => {
  const { agent, url } = await openAgent();
  const [anywhere, certain] = [announce(url, { role: 'web' }), announce(url, { role: 'worker', host: '127.0.0.2' })];
  anywhere.start(1);
  certain.start(2);
  await expect.poll(() => agent.services(), SOON).toHaveLength(2);
  expect(agent.services()).toEqual(
    expect.arrayContaining([
      // The agent's own address, since it is asked on loopback.
      expect.objectContaining({ Tags: ['web'], Address: '', Port: 1 }),
      expect.objectContaining({ Tags: ['worker'], Address: '127.0.0.2', Port: 2 }),
    ]),
  );
});

it('is gone from the list as soon as it withdraws, and never comes back', async () => {
  const { agent, url } = await openAgent();
  const service = await openService();
  const { start, withdraw } = announce(url);
  start(service.port);
  await expect.poll(() => agent.services(), SOON).toHaveLength(1);

  await withdraw();
  expect(agent.services()).toEqual([]);
  start(service.port);
  const callsBefore = agent.server.calls.length;
  await withdraw();
  expect(agent.services()).toEqual([]);
  expect(agent.server.calls.slice(callsBefore).filter(({ path }) => path.endsWith('/register'))).toEqual([]);
});

it('announces itself again to an agent that has forgotten everything, and takes the place of a former process', async () => {
  const { agent, url } = await openAgent();
  const service = await openService();
  const first = announce(url, { role: 'worker' });
  first.start(service.port);
  await expect.poll(() => agent.services(), SOON).toHaveLength(1);
  agent.restart();
  await expect.poll(() => agent.services(), SOON).toHaveLength(1);

  const second = announce(url, { role: 'web' });
  second.start(service.port);
  await expect.poll(() => agent.services().map(({ Tags }) => Tags), SOON).toEqual([['web']]);
});

it('does without an agent, says so once in the log and all the time in the notes, and is announced when one comes', async () => {
  const port = await freePort();
  const { start, note, lines } = announce(`http://127.0.0.1:${port}`);
  start(4711);
  await expect.poll(note, SOON).toMatch(/Consul does not know of this instance \(ECONNREFUSED\)/);
  const { agent } = await openAgent({ port });
  await expect.poll(note, SOON).toBeUndefined();
  expect(agent.services()).toHaveLength(1);
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
});

it('waits two seconds for an agent that does not answer, at the end too, and does not hold up the service', async () => {
  const { agent, url, faults } = await openAgent();
  const service = await openService();
  const { start, withdraw, note, lines } = announce(url);
  start(service.port);
  await expect.poll(note, SOON).toBeUndefined();
  faults.inject({ server: 'consul', kind: 'timeout-after', times: 1_000 });
  await expect.poll(note, SOON).toMatch(/no answer in time/);
  await withdraw();
  expect(lines.at(-1)).toMatchObject({ level: 'warn', reason: 'no answer in time' });
  expect(agent.server.calls.at(-1)!.path).toContain('/deregister/');
});

it('shows its token to an agent that asks for one, and names the token where it does not suffice', async () => {
  const { agent, url } = await openAgent({ token: 'right' });
  const wrong = announce(url, { token: fixedSecret('wrong') });
  wrong.start(1);
  await expect.poll(wrong.note, SOON).toMatch(/CONSUL_TOKEN does not suffice/);
  expect(agent.services()).toEqual([]);

  const right = announce(url, { token: fixedSecret('right') });
  right.start(1);
  await expect.poll(() => agent.services(), SOON).toHaveLength(1);
});

it('has the agent forget an instance that is not ready any more, though not before half an hour', async () => {
  const { agent, url, clock } = await openAgent();
  const service = await openService();
  service.status = 503;
  const gone = announce(url, { everyMs: 3_600_000 });
  gone.start(service.port);
  await expect.poll(() => service.asked, SOON).toBeGreaterThan(0);
  await clock.advance(29 * MINUTE_MS);
  const { asked } = service;
  await expect.poll(() => service.asked, SOON).toBeGreaterThan(asked + 2);
  expect(agent.services()).toHaveLength(1);
  await clock.advance(2 * MINUTE_MS);
  await expect.poll(() => agent.services(), SOON).toEqual([]);
});

it('takes no answer of something else for that of an agent', async () => {
  const server = createTcpServer((socket) =>
    socket.on('error', () => {}).end('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { start, note } = announce(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  start(1);
  await expect.poll(note, SOON).toMatch(/the agent answers 302/);
});
