import type { Clock } from '../core/clock.ts';
import type { Faults } from '../core/faults.ts';
import { BadBody, type Call, createServer, type EmulatorServer, type Reply } from '../core/server.ts';

/** An instance as the agent tells of it. */
export interface RegisteredService {
  ID: string;
  Service: string;
  Tags: string[];
  /** Empty: the agent's own address. */
  Address: string;
  Port: number;
}

export interface ConsulAgentOptions {
  clock: Clock;
  faults: Faults;
  /** Without it everybody may do everything, as with an agent that has no access control. */
  token?: string;
  /** Real time between two checks of a service, instead of its own `Interval`. */
  checkEveryMs?: number;
}

/** The agent of one machine, which is a server too, so that what it knows is what everybody is told. */
export interface ConsulAgent {
  server: EmulatorServer;
  /** What is registered, ready or not. */
  services(): RegisteredService[];
  /** Ready instances with this tag, as `GET /v1/health/service/microsoft-connector?passing&tag=…` lists them. */
  passing(name: string, tag: string): { Address: string; Port: number }[];
  /** Calls `listener` whenever the ready instances may have changed, as a blocking query returns. */
  onChange(listener: () => void): void;
  /** A restart of an agent that keeps nothing (`-dev`): everything is forgotten. */
  restart(): void;
  close(): Promise<void>;
}

interface Check {
  http: string;
  intervalMs: number;
  timeoutMs: number;
  forgetAfterMs: number | undefined;
  status: 'passing' | 'warning' | 'critical';
  criticalSinceAt: number;
  timer?: NodeJS.Timeout;
}

interface Entry extends RegisteredService {
  check: Check | undefined;
}

const OWN_ADDRESS = '127.0.0.1';
const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SHORTEST_FORGET_MS = 60_000;
const SERVICE_FIELDS = new Set([
  'ID',
  'Name',
  'Tags',
  'Address',
  'Port',
  'Meta',
  'Check',
  'EnableTagOverride',
  'Weights',
]);
const CHECK_FIELDS = new Set([
  'CheckID',
  'Name',
  'Notes',
  'HTTP',
  'Method',
  'Header',
  'Interval',
  'Timeout',
  'Status',
  'DeregisterCriticalServiceAfter',
]);

/**
 * Returns the part of a Consul agent's HTTP API that instances and templates use, with checks that are really made: a registered
 * service is critical until its first check says otherwise, 2xx is passing, 429 warning, everything else critical.
 *
 * @see https://developer.hashicorp.com/consul/api-docs/agent/service
 * @see https://developer.hashicorp.com/consul/api-docs/agent/check
 * @see https://developer.hashicorp.com/consul/api-docs/health
 */
export function createConsulAgent({ clock, faults, token, checkEveryMs }: ConsulAgentOptions): ConsulAgent {
  const server = createServer('consul', { clock, faults });
  const entries = new Map<string, Entry>();
  const listeners: (() => void)[] = [];
  const changed = () => {
    for (const listener of listeners) listener();
  };

  server.before((call) =>
    token === undefined || call.headers['x-consul-token'] === token
      ? undefined
      : { status: 403, body: 'Permission denied' },
  );
  server.notFound(() => ({ status: 404, body: 'Invalid URL path: not a recognized HTTP API endpoint' }));
  server.route('PUT', '/v1/agent/service/register', register);
  server.route('PUT', '/v1/agent/service/deregister/:id', ({ params }) => {
    remove(decodeURIComponent(params.id ?? ''));
    return { status: 200 };
  });
  server.route('GET', '/v1/agent/services', () => ({
    status: 200,
    body: Object.fromEntries(services().map((one) => [one.ID, one])),
  }));
  server.route('GET', '/v1/agent/service/:id', ({ params }) => {
    const entry = entries.get(decodeURIComponent(params.id ?? ''));
    return entry ? { status: 200, body: tell(entry) } : { status: 404, body: `unknown service ID: ${params.id}` };
  });
  server.route('GET', '/v1/health/service/:name', ({ params, query }) => ({
    status: 200,
    body: [...entries.values()]
      .filter(
        ({ Service, Tags }) => Service === params.name && (!query.has('tag') || Tags.includes(query.get('tag') ?? '')),
      )
      .filter(({ check }) => !query.has('passing') || (check?.status ?? 'passing') === 'passing')
      .map((entry) => ({
        Node: { Node: 'emulator', Address: OWN_ADDRESS },
        Service: tell(entry),
        Checks: entry.check ? [{ CheckID: `service:${entry.ID}`, Status: entry.check.status }] : [],
      })),
  }));

  function register(call: Call): Reply {
    let service: Entry;
    try {
      service = readService(call.json());
    } catch (error) {
      if (error instanceof BadBody || error instanceof TypeError)
        return { status: 400, body: `Request decode failed: ${error.message}` };
      throw error;
    }
    const former = entries.get(service.ID);
    clearTimeout(former?.check?.timer);
    entries.set(service.ID, service);
    if (service.check) schedule(service, service.check, 0);
    changed();
    return { status: 200 };
  }

  function readService(body: unknown): Entry {
    const fields = record(body, SERVICE_FIELDS, 'service');
    const name = fields.Name;
    if (typeof name !== 'string' || name === '') throw new TypeError('Missing service name');
    const { Tags: tags = [], Address: address = '', Port: port = 0, ID: id = name } = fields;
    if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) throw new TypeError('Tags are no texts');
    if (typeof address !== 'string' || ['0.0.0.0', '::', '[::]'].includes(address))
      throw new TypeError('Invalid service address');
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535)
      throw new TypeError('Invalid port');
    if (typeof id !== 'string') throw new TypeError('ID is no text');
    return {
      ID: id,
      Service: name,
      Tags: tags,
      Address: address,
      Port: port,
      check: fields.Check === undefined ? undefined : readCheck(fields.Check),
    };
  }

  function readCheck(body: unknown): Check {
    const fields = record(body, CHECK_FIELDS, 'check');
    if (typeof fields.HTTP !== 'string' || !URL.canParse(fields.HTTP)) throw new TypeError('HTTP is no address');
    if (fields.Interval === undefined) throw new TypeError('Interval must be > 0 for HTTP checks');
    const forgetAfterMs =
      fields.DeregisterCriticalServiceAfter === undefined
        ? undefined
        : durationMs(fields.DeregisterCriticalServiceAfter);
    return {
      http: fields.HTTP,
      intervalMs: durationMs(fields.Interval),
      timeoutMs: durationMs(fields.Timeout ?? '10s'),
      // A shorter time is taken for the shortest.
      forgetAfterMs: forgetAfterMs && Math.max(forgetAfterMs, SHORTEST_FORGET_MS),
      status: fields.Status === 'passing' ? 'passing' : 'critical',
      criticalSinceAt: clock.now(),
    };
  }

  function schedule(entry: Entry, check: Check, inMs: number): void {
    check.timer = setTimeout(() => void look(entry, check), inMs).unref();
  }

  async function look(entry: Entry, check: Check): Promise<void> {
    const status = await askReady(check);
    if (entries.get(entry.ID) !== entry) return;
    if (status === 'critical' && check.status !== 'critical') check.criticalSinceAt = clock.now();
    const isNews = status !== check.status;
    check.status = status;
    const { forgetAfterMs = Number.POSITIVE_INFINITY } = check;
    if (status === 'critical' && clock.now() - check.criticalSinceAt > forgetAfterMs) return remove(entry.ID);
    if (isNews) changed();
    schedule(entry, check, checkEveryMs ?? check.intervalMs);
  }

  async function askReady({ http, timeoutMs }: Check): Promise<Check['status']> {
    try {
      const response = await fetch(http, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' });
      await response.arrayBuffer();
      if (response.ok) return 'passing';
      return response.status === 429 ? 'warning' : 'critical';
    } catch {
      return 'critical';
    }
  }

  function remove(id: string): void {
    clearTimeout(entries.get(id)?.check?.timer);
    if (entries.delete(id)) changed();
  }

  function forgetAll(): void {
    for (const id of [...entries.keys()]) remove(id);
  }

  const services = () => [...entries.values()].map(tell);

  return {
    server,
    services,
    passing: (name, tag) =>
      [...entries.values()]
        .filter(({ Service, Tags, check }) => Service === name && Tags.includes(tag) && check?.status === 'passing')
        .map(({ Address, Port }) => ({ Address: Address || OWN_ADDRESS, Port })),
    onChange: (listener) => void listeners.push(listener),
    restart: forgetAll,
    async close() {
      forgetAll();
      await server.close();
    },
  };
}

function tell({ ID, Service, Tags, Address, Port }: Entry): RegisteredService {
  return { ID, Service, Tags, Address, Port };
}

/** @throws {TypeError} for anything but an object of these fields */
function record(body: unknown, known: Set<string>, what: string): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new TypeError(`the ${what} is no object`);
  for (const name of Object.keys(body))
    if (!known.has(name)) throw new TypeError(`invalid field of the ${what}: ${name}`);
  return body as Record<string, unknown>;
}

/** @throws {TypeError} */
function durationMs(text: unknown): number {
  const [, count, unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(String(text)) ?? [];
  if (count === undefined) throw new TypeError(`time: invalid duration ${String(text)}`);
  return Number(count) * (UNIT_MS[unit] ?? Number.NaN);
}
