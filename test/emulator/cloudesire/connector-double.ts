import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClock } from '../core/clock.ts';
import { createFaults } from '../core/faults.ts';
import { LATEST_API_VERSION } from './api.ts';
import { CMW_AUTH_TOKEN, createCloudesireEmulator } from './emulator.ts';

export interface ReceivedEvent {
  headers: http.IncomingHttpHeaders;
  raw: string;
  body: Record<string, unknown>;
}

/** Stands where the connector would: keeps what it receives and answers as told, with 204 by default. */
export interface ConnectorDouble {
  endpoint: string;
  received: ReceivedEvent[];
  /** Answer to the next requests, in order; afterwards 204 again. Status 0 never answers. */
  answerNext(...answers: Array<{ status: number; headers?: Record<string, string>; body?: string }>): void;
  /** Ends connections on which nothing is under way, as servers do after a while. */
  closeIdleConnections(): void;
  close(): Promise<void>;
}

export async function startConnectorDouble(port = 0): Promise<ConnectorDouble> {
  const received: ReceivedEvent[] = [];
  const answers: Array<{ status: number; headers?: Record<string, string>; body?: string }> = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8');
      received.push({ headers: request.headers, raw, body: parsed(raw) ?? {} });
      const { status, headers, body } = answers.shift() ?? { status: 204 };
      if (status === 0) return;
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/event`,
    received,
    answerNext: (...next) => answers.push(...next),
    closeIdleConnections: () => server.closeIdleConnections(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * The emulator on a free port, some minutes before the first of the example payloads, with a connector double that hears
 * its events. Real time flows into virtual time, so a test that compares seconds calls `reach` right before it acts.
 */
export async function setupMarketplace() {
  const clock = createClock(Date.parse('2026-03-02T09:00:00Z'));
  const faults = createFaults();
  const emulator = createCloudesireEmulator({ clock, faults });
  const origin = await emulator.server.listen({ port: 0 });
  const connector = await startConnectorDouble();
  emulator.setDeliveryTarget({ endpoint: connector.endpoint });

  /** Calls the API as the connector does; `path` may have a query. */
  async function call(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) {
    const url = new URL(`${emulator.url}/${path}`);
    if (!url.searchParams.has('apiVersion')) url.searchParams.set('apiVersion', String(LATEST_API_VERSION));
    const response = await fetch(url, {
      method,
      headers: { 'CMW-Auth-Token': CMW_AUTH_TOKEN, 'Content-Type': 'application/json; charset=utf-8', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text), text };
  }

  return {
    clock,
    faults,
    emulator,
    origin,
    connector,
    call,
    get: (path: string) => call('GET', path),
    /** Moves time on to an instant. */
    reach: (iso: string) => clock.advance(Date.parse(iso) - clock.now()),
    /** Posts an APP endpoint and reports the subscription as deployed. */
    deploy: async (subscription: number) => {
      await call('POST', `subscription/${subscription}/endpoints`, { body: [APP_ENDPOINT] });
      return call('PATCH', `subscription/${subscription}`, { body: { deploymentStatus: 'DEPLOYED' } });
    },
    async close() {
      await emulator.server.close();
      await connector.close();
      clock.stop();
    },
  };
}

export const APP_ENDPOINT = {
  endpoint: 'https://portal.office.com',
  description: 'Microsoft 365 portal',
  category: 'APP',
};

function parsed(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
