/** One call to an upstream, read completely. Header names are in lower case; `path` has no query. */
export interface Call {
  method: string;
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: Record<string, string>;
  rawBody: Buffer;
  /** @throws {BadBody} when the body is not JSON */
  json(): unknown;
}

/**
 * An answer: an object or array is sent as JSON, a string or bytes as they are, and nothing as an empty body. A stream is
 * sent piece by piece, without a length, until it ends or the caller goes away.
 */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

/**
 * A line of the call log, in order of arrival; `seq` counts through all servers of the process, `at` is virtual time.
 * `status` is what the upstream made of the call, even when a fault kept it from the caller; 0 when it made nothing.
 */
export interface CallRecord {
  seq: number;
  at: string;
  server: string;
  method: string;
  path: string;
  query: string;
  status: number;
  requestId?: string;
  fault?: string;
}

/** The body of a call is not JSON; a handler that lets it pass answers 400. */
export class BadBody extends Error {}
