import { inOrder } from './foreign-text.ts';
import type { Wait } from './wait.ts';

/** What an error may know beyond its sentence. Never a body, a token or a personal datum: all of it is logged. */
export interface ErrorFacts {
  /** The upstream that refused or did not answer, e.g. `partner-center`. */
  upstream?: string;
  method?: string;
  /** Path without query: identifiers only. */
  path?: string;
  status?: number;
  /** The upstream's own error code as text, e.g. `900117`. */
  upstreamCode?: string;
  /** The upstream's identifier of this very call, to quote to its support. */
  correlationId?: string;
  /** The idempotency key that was sent as `MS-RequestId`. */
  requestId?: string;
}

/**
 * What a person presses once the cause is cured: `look` only does at once what happens by itself; without `retry` what failed is not begun
 * anew.
 */
export type Cure = 'look' | 'retry';

/** What the cure changes, where the service has to take that up before anything goes on: the value of a setting. */
export type CuredBy = 'setting';

export interface ErrorOptions {
  cause?: unknown;
  facts?: ErrorFacts;
  /**
   * Whether the failed call may have had its effect. `none`: it surely had none (refused, or never sent).
   * `unknown`, the default: nobody can say before looking.
   */
  effect?: 'none' | 'unknown';
  /** Values for the text that a customer reads; never personal data. */
  params?: Record<string, string>;
  /** Where only a person can cure it: what they press then. `look` is the default. */
  cure?: Cure;
  curedBy?: CuredBy;
}

/**
 * Base of every failure that this service raises on purpose. `code` is stable: alerts, texts and tests rely on it. The message tells what
 * happened, to what, and what a person can do; not that it is tried again, which whoever does that knows, and says.
 */
export abstract class ConnectorError extends Error {
  readonly code: string;
  readonly facts: ErrorFacts;
  readonly effect: 'none' | 'unknown';
  readonly params: Record<string, string>;
  readonly cure: Cure;
  readonly curedBy: CuredBy | undefined;

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    // Whatever others have named may stand in it.
    super(inOrder(message), options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.facts = options.facts ?? {};
    this.effect = options.effect ?? 'unknown';
    this.params = options.params ?? {};
    this.cure = options.cure ?? 'look';
    this.curedBy = options.curedBy;
  }
}

/** Trying again later, unchanged, may help. */
export class RetryableError extends ConnectorError {
  /** The upstream's own wish for a pause; it outranks our back-off. */
  readonly retryAfterMs: number | undefined;
  /** What takes its time, in words that operations read: a wait, to which no deadline applies. Without it, it is a failure that repeats. */
  readonly waitingFor: Wait | undefined;

  constructor(
    code: string,
    message: string,
    options: ErrorOptions & { retryAfterMs?: number; waitingFor?: Wait } = {},
  ) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs;
    this.waitingFor = options.waitingFor;
  }
}

/** An upstream, or our own budget for it, asks us to wait: no failure, no attempt used up. */
export class ThrottledError extends RetryableError {}

/** Only a person of operations can cure it (configuration, consent, credit). The subscription waits, and resumes when cured. */
export class AttentionError extends ConnectorError {}

/** What only the customer can cure. The customer is told of each in words of its own. */
export type CustomerCode =
  | 'customer.company-required'
  | 'customer.data-missing'
  | 'customer.data-refused'
  | 'customer.tenant-of-another'
  | 'order.dns-name-taken'
  | 'order.parameter-invalid'
  | 'order.quantity-invalid'
  | 'order.quantity-out-of-bounds'
  | 'order.term-end-not-allowed';

/** Only the customer can cure it (data missing or wrong): reported `FAILED` with instructions, tried again at each look. */
export class CustomerError extends ConnectorError {
  declare readonly code: CustomerCode;

  constructor(code: CustomerCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Trying again cannot help: reported `FAILED`; only `retry` by operations starts it again. */
export class PermanentError extends ConnectorError {}

/** The dry run kept a write back. */
export class WithheldError extends ConnectorError {}
