import { compact } from './compact.ts';
import type { CaptureContext, ErrorReporting } from './error-reporting.ts';
import type { ErrorFacts } from './errors.ts';
import { type Log, scrub } from './log.ts';
import { patternOf } from './route-pattern.ts';

/** What a person of operations is told. Identifiers only: all of it is logged, and leaves the house. */
export interface AlertFacts {
  subscriptionId?: number;
  productType?: string;
  operation?: string;
  step?: string;
  /** Pattern of the HTTP route that failed, e.g. `/event`. */
  route?: string;
  /** The call to an upstream that failed, with what to quote to its support. */
  call?: ErrorFacts;
}

export interface AlertParts {
  log: Log;
  /** The service that wakes people up; without it the log has to do. */
  reporting?: Pick<ErrorReporting, 'capture'> | undefined;
  /** The trace in which it happens, as `traceparent`, where there is one. */
  trace?: (() => string | undefined) | undefined;
  /** Counts an alert by its code. */
  count: (code: string) => void;
}

export interface Alerts {
  /** Only a person can cure it: logged, counted, and captured as one matter for each code. */
  attention(facts: AlertFacts & { code: string; message: string }): void;
  /** Something that a person was told about is over: logged, and captured beside it under the same code. */
  over(matter: { code: string; message: string }): void;
  /** A mistake of ours: logged with its stack, counted as `bug`, and captured as one matter per place in the code. */
  bug(error: unknown, facts?: AlertFacts): void;
}

/** Creates the one way in which parts of the service ask for a person. */
export function createAlerts({ log, reporting, trace, count }: AlertParts): Alerts {
  function traced(): { trace_id: string; span_id: string } | undefined {
    const [, trace_id, span_id] = trace?.()?.split('-') ?? [];
    return trace_id && span_id ? { trace_id, span_id } : undefined;
  }

  function capture(error: Error, context: CaptureContext): void {
    const found = traced();
    reporting?.capture(error, found ? { ...context, contexts: { ...context.contexts, trace: found } } : context);
  }

  return {
    attention({ code, message, ...facts }) {
      log.error({ code, reason: message, ...facts }, 'a person has to look');
      count(code);
      // Whom it concerns is a tag: an outage would otherwise be as many matters as there are subscriptions.
      capture(named(code, message), { level: 'warning', fingerprint: [code], ...described(code, facts) });
    },

    over({ code, message }) {
      log.info({ code, reason: message }, 'what a person was told of is over');
      capture(named(code, message), { level: 'info', fingerprint: [code, 'over'], ...described(code, {}) });
    },

    bug(error, facts = {}) {
      const thrown = error instanceof Error ? error : new Error('Something was thrown that is no Error.');
      log.error({ err: thrown, ...facts }, 'bug');
      count('bug');
      capture(thrown, { level: 'error', ...described('bug', facts) });
    },
  };
}

/** An error that is titled by its code, since the place that raised the alert says nothing about the matter. */
function named(code: string, message: string): Error {
  const error = new Error(scrub(message));
  error.name = code;
  return error;
}

function described(code: string, { call, ...facts }: AlertFacts): Pick<CaptureContext, 'tags' | 'contexts'> {
  const { upstream, correlationId, requestId, path, ...rest } = call ?? {};
  const tags = scrubbed({ code, ...facts, upstream, correlationId, requestId });
  if (!call) return { tags };
  const context = {
    ...rest,
    upstream,
    ...(path !== undefined && { route: patternOf(path) }),
    correlationId,
    requestId,
  };
  return { tags, contexts: { 'upstream call': scrubbed(context) } };
}

function scrubbed(facts: Record<string, string | number | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(compact(facts)).map(([name, value]) => [name, scrub(String(value))]));
}
