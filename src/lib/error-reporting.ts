import type { ErrorFacts } from './errors.ts';

/** How what is captured is told apart, grouped and searched for. */
export interface CaptureContext {
  level: 'info' | 'warning' | 'error';
  tags: Record<string, string>;
  /** Events with the same fingerprint are one issue; without one, those from the same place in the code are. */
  fingerprint?: string[];
  contexts?: Record<string, Record<string, string>>;
}

/** A call to an upstream, on the way to what went wrong. No query, no body, and a path without what names anybody. */
export interface Crumb extends ErrorFacts {
  errorCode?: string;
  durationMs: number;
}

/** Work that is repeated on a schedule, so that somebody has to hear when it stops. */
export interface Regular {
  name: string;
  /** A run that starts more than two periods after the last one, or takes longer than one, counts as failed. */
  everyMs: number;
  /** How many failures in a row raise an issue. */
  failuresUntilTold: number;
}

/** The service that collects what went wrong and wakes people up. Whatever it is given leaves the house. */
export interface ErrorReporting {
  capture(error: Error, context: CaptureContext): unknown;
  /** Runs work in a scope of its own: its breadcrumbs go only with errors captured inside it. */
  apart<T>(work: () => T): T;
  crumb(call: Crumb): void;
  /** Does regular work, and tells that it began and how it ended. */
  regularly<T>(regular: Regular, work: () => Promise<T>): Promise<T>;
}
