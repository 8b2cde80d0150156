import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { parseForeignJson } from '../../src/lib/json.ts';
import type { Body } from './shapes.ts';

/** One call and its answer, as they stood on the wire. */
export interface Exchange {
  upstream: string;
  method: string;
  /** From the root of the host, without query. */
  path: string;
  /** The same below the address of the upstream. */
  resource: string;
  /** Without the question mark. */
  query: string;
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body(): Body;
}

export interface Recorder {
  /** What was answered since the last time, in the order of the answers. */
  take(): Exchange[];
  stop(): void;
}

/** Node tells of the answer to every request of its own HTTP client here, before whoever asked hears of it. */
const CHANNEL = 'http.client.response.finish';

const DECODERS: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  compress: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/**
 * Keeps what the upstreams answer from now on, whichever client asks; what else this process asks is not kept.
 *
 * @param addresses of the upstreams, by name
 * @see https://nodejs.org/api/diagnostics_channel.html#http
 */
export function recordAnswers(addresses: Record<string, string>): Recorder {
  const upstreams = new Map(
    Object.entries(addresses).map(([name, address]) => [
      new URL(address).host,
      { name, base: new URL(address).pathname },
    ]),
  );
  let kept: Exchange[] = [];

  function onAnswer(message: unknown): void {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const url = new URL(request.path, `${request.protocol}//${String(request.getHeader('host'))}`);
    const upstream = upstreams.get(url.host);
    if (upstream === undefined) return;
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    // Whoever reads the answer may take the encoding out of its headers.
    const headers = plain(response.headers);
    kept.push({
      upstream: upstream.name,
      method: request.method,
      path: url.pathname,
      resource: url.pathname.slice(upstream.base.replace(/\/$/, '').length),
      query: url.search.slice(1),
      status: response.statusCode ?? 0,
      headers,
      body: () => bodyOf(Buffer.concat(chunks), headers['content-encoding'] ?? ''),
    });
  }

  subscribe(CHANNEL, onAnswer);
  return {
    take() {
      const taken = kept;
      kept = [];
      return taken;
    },
    stop: () => void unsubscribe(CHANNEL, onAnswer),
  };
}

function bodyOf(bytes: Buffer, encoding: string): Body {
  if (bytes.length === 0) return undefined;
  try {
    const text = (DECODERS[encoding.trim().toLowerCase()]?.(bytes) ?? bytes).toString();
    return { json: parseForeignJson(text) };
  } catch {
    return { text: true };
  }
}

function plain(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
