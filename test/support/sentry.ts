import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

type Item = Record<string, unknown>;

/** What stands where Sentry would: takes envelopes as they come over the wire. */
export interface ReceivedEnvelopes {
  dsn: string;
  /** Payloads of this type so far, e.g. `event` or `check_in`. */
  items(type: string): Item[];
  /** Everything that was sent so far, as text. */
  raw(): string;
  close(): void;
}

/** Listens until it is closed. */
export async function receiveEnvelopes(): Promise<ReceivedEnvelopes> {
  const envelopes: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      envelopes.push(String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    dsn: `http://publickey@127.0.0.1:${port}/1`,
    items: (type) => envelopes.flatMap(itemsOf).flatMap(({ head, payload }) => (head.type === type ? [payload] : [])),
    raw: () => envelopes.join('\n'),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A head, then for each item a head and a payload, a line each. https://develop.sentry.dev/sdk/foundations/transport/envelopes/ */
function itemsOf(envelope: string): { head: Item; payload: Item }[] {
  const [, ...lines] = envelope
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Item);
  return lines.flatMap((head, at) => (at % 2 === 0 ? [{ head, payload: lines[at + 1] ?? {} }] : []));
}
