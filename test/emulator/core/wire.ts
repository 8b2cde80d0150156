import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Reply } from './call.ts';

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

export class TooLarge extends Error {}

/**
 * Reads the whole body of a request.
 *
 * @throws {TooLarge} over 4 MiB
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > BODY_LIMIT_BYTES) throw new TooLarge(`A body has at most ${BODY_LIMIT_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Lets the rest of a body flow away, so that the caller can finish sending and read the answer. */
export function discardBody(request: IncomingMessage): void {
  request.on('error', () => undefined).resume();
}

/** Sends a reply, with its length and with the virtual time in the `Date` header unless the reply brings its own. */
export function send(response: ServerResponse, reply: Reply, nowMs: number): void {
  response.sendDate = false;
  response.statusCode = reply.status;
  response.setHeader('date', new Date(nowMs).toUTCString());
  if (isJson(reply.body)) response.setHeader('content-type', 'application/json; charset=utf-8');
  for (const [header, value] of Object.entries(reply.headers ?? {})) response.setHeader(header, value);
  if (reply.body instanceof Readable) {
    const stream = reply.body;
    response.on('close', () => stream.destroy());
    stream.on('error', () => response.destroy()).pipe(response);
    return;
  }
  const body = toBytes(reply.body);
  if (reply.status !== 204 && reply.status !== 304) response.setHeader('content-length', body.length);
  response.end(body);
}

/** The reply as a caller sees it when half of it got lost: 200, and JSON that ends too early. */
export function cutOff(reply: Reply): Reply {
  const text = reply.body === undefined ? '{"id":"' : toBytes(reply.body).toString('utf8');
  const headers = { ...reply.headers, 'content-type': 'application/json; charset=utf-8' };
  return { status: 200, headers, body: text.slice(0, Math.max(1, Math.floor(text.length / 2))) };
}

function isJson(body: unknown): boolean {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array || body instanceof Readable);
}

function toBytes(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
