import { parseForeignJson } from '../lib/json.ts';

/** What a body says, as text or as bytes; `undefined` where it is no JSON in UTF-8, or nested more than 256 levels deep. */
export function readJson(body: unknown): unknown {
  try {
    const text = Buffer.isBuffer(body) ? new TextDecoder('utf-8', { fatal: true }).decode(body) : body;
    return typeof text === 'string' ? parseForeignJson(text) : undefined;
  } catch {
    return undefined;
  }
}
