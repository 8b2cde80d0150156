import { Agent, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClock } from './clock.ts';
import { createFaults, type FaultRule } from './faults.ts';
import { createServer } from './server.ts';

const START_AT = Date.parse('2026-09-01T09:00:00Z');

function setup() {
  const clock = createClock(START_AT);
  const faults = createFaults();
  const server = createServer('shop', { clock, faults });
  const orders: unknown[] = [];
  server.route('POST', '/v1/customers/:customerId/orders', (call) => {
    orders.push(call.json());
    return { status: 201, body: { id: `order-${orders.length}`, customer: call.params.customerId } };
  });
  server.route('GET', '/v1/customers/:customerId', (call) => ({
    status: 200,
    body: { parameter: call.params.customerId },
  }));
  server.route('GET', '/v1/customers/all', () => ({ status: 200, body: { literal: true } }));
  server.route('HEAD', '/v1/domains/:domain', () => ({ status: 200 }));
  return { clock, faults, server, orders };
}

describe('an emulated upstream', () => {
  let parts: ReturnType<typeof setup>;
  let origin: string;

  beforeEach(async () => {
    parts = setup();
    origin = await parts.server.listen({});
  });

  afterEach(async () => {
    await parts.server.close();
    parts.clock.stop();
  });

  const placeOrder = (init: RequestInit = {}): Promise<Response> =>
    fetch(`${origin}/v1/customers/7/orders?trial=no`, { method: 'POST', body: '{"seats":5}', ...init });

  async function control(command: string, args?: unknown): Promise<{ status: number; result: unknown }> {
    const body = args === undefined ? {} : { body: JSON.stringify(args) };
    const response = await fetch(`${origin}/_emulator/${command}`, { method: 'POST', ...body });
    return { status: response.status, result: await response.json() };
  }

  describe('routes', () => {
    it('hand decoded segments to the handler and send its object as JSON', async () => {
      const response = await fetch(`${origin}/v1/customers/a%2Fb`);
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(await response.json()).toEqual({ parameter: 'a/b' });
    });

    it('prefer a literal to a parameter and ignore the case of literals', async () => {
      const response = await fetch(`${origin}/V1/Customers/ALL`);
      expect(await response.json()).toEqual({ literal: true });
    });

    it('answer HEAD', async () => {
      const response = await fetch(`${origin}/v1/domains/example.com`, { method: 'HEAD' });
      expect(response.status).toBe(200);
    });

    it('answer what is unknown in the words of the upstream', async () => {
      expect((await fetch(`${origin}/v1/nothing`)).status).toBe(404);
      parts.server.notFound((call) => ({ status: 404, body: { code: 20000, path: call.path } }));
      for (const path of ['/v1/nothing', '/v1/customers//orders', '/v1/customers/%E0%A4%A']) {
        const response = await fetch(`${origin}${path}`);
        expect(await response.json()).toEqual({ code: 20000, path });
      }
    });

    it('give 400 for a body that is not JSON when the handler wants JSON', async () => {
      expect((await placeOrder({ body: '{"seats":' })).status).toBe(400);
      expect(parts.orders).toEqual([]);
    });

    it('give 413 for a body over 4 MiB', async () => {
      const response = await placeOrder({ body: 'x'.repeat(4 * 1024 * 1024 + 1) });
      expect(response.status).toBe(413);
      expect(parts.server.calls).toMatchObject([{ status: 413 }]);
    });

    it('own up to a handler that fails', async () => {
      const stderr = vi.spyOn(console, 'error').mockReturnValue();
      parts.server.route('GET', '/broken', () => {
        throw new Error('broken handler');
      });
      const response = await fetch(`${origin}/broken`);
      expect(response.status).toBe(500);
      expect(await response.text()).toContain('bug of the emulator');
      expect(stderr).toHaveBeenCalledWith(expect.any(String), expect.objectContaining({ message: 'broken handler' }));
      stderr.mockRestore();
    });
  });

  describe('hooks', () => {
    it('end a call before its handler, and see every reply, errors included', async () => {
      parts.server.before((call) => (call.headers.authorization === undefined ? { status: 401, body: {} } : undefined));
      parts.server.finish((call, reply) => ({
        ...reply,
        headers: { ...reply.headers, 'ms-requestid': call.headers['ms-requestid'] ?? 'made' },
      }));

      const refused = await placeOrder({ headers: { 'MS-RequestId': 'r-1' } });
      const unknown = await fetch(`${origin}/nothing`, { headers: { authorization: 'Bearer x' } });
      expect([refused.status, refused.headers.get('ms-requestid')]).toEqual([401, 'r-1']);
      expect([unknown.status, unknown.headers.get('ms-requestid')]).toEqual([404, 'made']);
      expect(parts.orders).toEqual([]);
    });
  });

  describe('replies', () => {
    it('carry the virtual time in their Date header', async () => {
      await parts.clock.advance(86_400_000);
      const response = await fetch(`${origin}/v1/customers/7`);
      expect(response.headers.get('date')).toMatch(/^Wed, 02 Sep 2026 09:00:/);
    });
  });

  describe('the call log', () => {
    it('lists calls in order with what was answered, request id and virtual time', async () => {
      await placeOrder({ headers: { 'MS-RequestId': 'r-1' } });
      await fetch(`${origin}/nothing`);
      expect(parts.server.calls).toMatchObject([
        {
          server: 'shop',
          method: 'POST',
          path: '/v1/customers/7/orders',
          query: 'trial=no',
          status: 201,
          requestId: 'r-1',
        },
        { server: 'shop', method: 'GET', path: '/nothing', query: '', status: 404 },
      ]);
      expect(parts.server.calls[0]?.at).toMatch(/^2026-09-01T09:00:/);
      expect(parts.server.calls[1]!.seq).toBeGreaterThan(parts.server.calls[0]!.seq);
    });
  });

  describe('faults', () => {
    const inject = (rule: Omit<FaultRule, 'path'>): void => parts.faults.inject({ path: '/orders', ...rule });

    it.each(['refuse', 'reset-before'] as const)('of kind %s end the connection without effect', async (kind) => {
      inject({ kind });
      await expect(placeOrder()).rejects.toThrow();
      expect(parts.orders).toHaveLength(0);
      expect(parts.server.calls).toMatchObject([{ status: 0, fault: kind }]);
    });

    it('of kind reset-after make the effect and lose the answer', async () => {
      inject({ kind: 'reset-after' });
      await expect(placeOrder()).rejects.toThrow();
      expect(parts.orders).toHaveLength(1);
      expect(parts.server.calls).toMatchObject([{ status: 201, fault: 'reset-after' }]);
    });

    it('of kind timeout-after make the effect and never answer', async () => {
      inject({ kind: 'timeout-after' });
      const patience = new AbortController();
      let answered = false;
      const lost = placeOrder({ signal: patience.signal }).then(() => {
        answered = true;
      });
      await vi.waitFor(() => expect(parts.server.calls).toMatchObject([{ status: 201, fault: 'timeout-after' }]));
      expect((await placeOrder()).status).toBe(201);
      expect(answered).toBe(false);
      patience.abort();
      await expect(lost).rejects.toThrow();
      expect(parts.orders).toHaveLength(2);
    });

    it('of kind status answer instead of the effect, with the headers that every reply has', async () => {
      inject({ kind: 'status', status: 429, headers: { 'retry-after': '7' }, body: { code: 'tooMany' } });
      parts.server.finish((_call, reply) => ({ ...reply, headers: { ...reply.headers, 'ms-cv': 'x' } }));
      const response = await placeOrder();
      expect([response.status, response.headers.get('retry-after'), response.headers.get('ms-cv')]).toEqual([
        429,
        '7',
        'x',
      ]);
      expect(await response.json()).toEqual({ code: 'tooMany' });
      expect(parts.orders).toHaveLength(0);
    });

    it('of kind malformed make the effect and answer 200 with cut-off JSON', async () => {
      inject({ kind: 'malformed' });
      const response = await placeOrder();
      expect(response.status).toBe(200);
      await expect(response.json()).rejects.toThrow(SyntaxError);
      expect(parts.orders).toHaveLength(1);
    });

    it('of kind delay let the call go on as usual', async () => {
      inject({ kind: 'delay', delayMs: 1 });
      expect((await placeOrder()).status).toBe(201);
      expect(parts.server.calls).toMatchObject([{ status: 201, fault: 'delay' }]);
    });
  });

  describe('the control surface', () => {
    it('lists its commands', async () => {
      parts.server.command('pay', () => undefined);
      const response = await fetch(`${origin}/_emulator`);
      expect(await response.json()).toEqual({
        server: 'shop',
        commands: ['advance', 'calls', 'clear-faults', 'clock', 'fault', 'pay'],
      });
    });

    it('moves time, injects faults and shows the calls', async () => {
      expect(await control('advance', { ms: 3_600_000 })).toMatchObject({
        result: { now: expect.stringMatching(/^2026-09-01T10:00:/) },
      });
      await control('fault', { kind: 'status', status: 503, times: 2 });
      expect((await placeOrder()).status).toBe(503);
      await control('clear-faults');
      expect((await placeOrder()).status).toBe(201);
      expect(await control('calls')).toMatchObject({ result: [{ status: 503, fault: 'status' }, { status: 201 }] });
    });

    it('runs a command with its arguments, is not logged, and is never hit by a fault', async () => {
      parts.server.command('double', async ({ seats }: { seats: number }) => ({ seats: 2 * seats }));
      parts.faults.inject({ kind: 'refuse', times: 99 });
      expect(await control('double', { seats: 4 })).toEqual({ status: 200, result: { seats: 8 } });
      expect(parts.server.calls).toEqual([]);
    });

    it('refuses wrong arguments and unknown commands with a sentence', async () => {
      expect(await control('advance', { ms: 'soon' })).toMatchObject({
        status: 400,
        result: { error: 'ms is a number.' },
      });
      expect(await control('advance', { ms: -1 })).toMatchObject({ status: 400 });
      expect(await control('fault', { kind: 'explode' })).toMatchObject({ status: 400 });
      expect(await control('advance', [1])).toMatchObject({ status: 400 });
      expect(await control('nothing')).toMatchObject({ status: 404 });
    });

    it('runs no command without the arguments that it needs', async () => {
      const run = vi.fn();
      parts.server.command('note', run, { id: 'text', seats: 'number?', mark: 'text or null', item: { sku: 'text' } });
      const whole = { id: 'a', mark: null, item: { sku: 'b' } };
      for (const [args, error] of [
        [{}, 'id is a text.'],
        [{ ...whole, seats: '5' }, 'seats is a number.'],
        [{ ...whole, mark: undefined }, 'mark is a text, or null.'],
        [{ ...whole, item: undefined }, 'item is an object: sku.'],
        [{ ...whole, item: {} }, 'item.sku is a text.'],
      ] as const) {
        expect(await control('note', args)).toEqual({ status: 400, result: { error } });
      }
      expect(run).not.toHaveBeenCalled();
      expect(await control('note', whole)).toEqual({ status: 200, result: null });
    });
  });

  it('keeps connections alive between calls, and ends them when it closes', async () => {
    const agent = new Agent({ keepAlive: true });
    const isReused = (): Promise<boolean> =>
      new Promise((resolve, reject) => {
        const call = request(`${origin}/v1/customers/7`, { agent });
        call.on('error', reject);
        call.on('response', (response) => response.resume().on('end', () => setImmediate(resolve, call.reusedSocket)));
        call.end();
      });
    expect([await isReused(), await isReused()]).toEqual([false, true]);
    await parts.server.close();
    await expect(isReused()).rejects.toThrow();
    agent.destroy();
  });

  it('ends calls that wait for an answer when it closes', async () => {
    parts.faults.inject({ kind: 'timeout-after' });
    const lost = placeOrder();
    await vi.waitFor(() => expect(parts.server.calls).toMatchObject([{ status: 201 }]));
    await Promise.all([parts.server.close(), expect(lost).rejects.toThrow()]);
  });
});
