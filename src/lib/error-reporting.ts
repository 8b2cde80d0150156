import type { ErrorFacts } from './errors.ts';

/** How what is captured is told apart, grouped and searched for. */
export interface CaptureContext {
  level: 'info' | 'warning' | 'error';
  tags: Record<string, string>;
  /** Matters of the same fingerprint are one; without one, those of the same place in the code are. */
  fingerprint?: string[];
  contexts?: Record<string, Record<string, string>>;
}

/** A call to an upstream, on the way to what went wrong. No query, no body, and a path without what names anybody. */
export interface Crumb extends ErrorFacts {
  errorCode?: string;
  durationMs: number;
}

/** Work that is done again and again, of which somebody has to hear when it stops being done. */
export interface Regular {
  name: string;
  /** What begins later than after two of them, or takes longer than one, has failed. */
  everyMs: number;
  /** So many failures in a row are one that somebody hears of. */
  failuresUntilTold: number;
}

/** The service that collects what went wrong and wakes people up. Whatever it is given leaves the house. */
export interface ErrorReporting {
  capture(error: Error, context: CaptureContext): unknown;
  /** Does a piece of work of which the crumbs go with what is captured in it, and with nothing else. */
  apart<T>(work: () => T): T;
  crumb(call: Crumb): void;
  /** Does regular work, and tells that it began and how it ended. */
  regularly<T>(regular: Regular, work: () => Promise<T>): Promise<T>;
}
