import { readSentry } from './config.ts';
import { compact } from './lib/compact.ts';
import type { Crumb, ErrorReporting } from './lib/error-reporting.ts';
import { scrub } from './lib/log.ts';
import { patternOf } from './lib/route-pattern.ts';
import { REVISION, VERSION } from './version.ts';

/**
 * They slow down every request and collect what must not leave the house; we report from our own error handlers. Without the one for
 * rejections that nobody handles, these end the process as they do without Sentry, and are captured then; with it they would be printed, and
 * the process would go on.
 */
const LEFT_OUT = new Set([
  'Console',
  'Fastify',
  'Http',
  'NodeFetch',
  'OnUnhandledRejection',
  'ProcessSession',
  'Redis',
  'RequestData',
]);
/** Of a look, so many calls to upstreams go with what is captured in it. */
const MOST_CRUMBS = 50;
const MINUTE_MS = 60_000;
const FLUSH_WITHIN_MS = 2_000;

const settings = readSentry(process.env);

/** Sentry takes 50 MB of memory, so it is not even loaded when it is not configured. */
const sentry = settings && (await import('@sentry/node'));

// Loaded ahead of everything else with `node --import`.
if (settings !== undefined && sentry !== undefined) {
  sentry.init({
    ...settings,
    release: `microsoft-connector@${VERSION}${REVISION === 'unknown' ? '' : `+${REVISION}`}`,
    maxBreadcrumbs: MOST_CRUMBS,
    integrations: (defaults) => defaults.filter(({ name }) => !LEFT_OUT.has(name)),
    dataCollection: {
      userInfo: false,
      cookies: false,
      httpHeaders: false,
      httpBodies: [],
      urlQueryParams: false,
      databaseQueryData: false,
      queues: false,
      stackFrameVariables: false,
    },
    beforeSend(event) {
      for (const exception of event.exception?.values ?? []) {
        if (exception.value !== undefined) exception.value = scrub(exception.value);
      }
      if (event.message !== undefined) event.message = scrub(event.message);
      return event;
    },
  });
}

/**
 * What is sent to Sentry; `undefined` when it is off. It records no traces: those of the service are OpenTelemetry's, and what is captured
 * bears their number.
 */
export const errorReporting: ErrorReporting | undefined = sentry && {
  capture: (error, context) => sentry.captureException(error, context),
  apart: (work) => sentry.withIsolationScope(() => work()),
  crumb: (call) => sentry.addBreadcrumb(toBreadcrumb(call)),
  regularly({ name, everyMs, failuresUntilTold }, work) {
    const everyMinutes = Math.max(1, Math.round(everyMs / MINUTE_MS));
    return sentry.withMonitor(name, work, {
      schedule: { type: 'interval', value: everyMinutes, unit: 'minute' },
      checkinMargin: everyMinutes,
      maxRuntime: everyMinutes,
      failureIssueThreshold: failuresUntilTold,
    });
  },
};

/** Sends what is not sent yet, and takes no longer than 2 s for it. */
export async function flushErrorReporting(): Promise<void> {
  await sentry?.flush(FLUSH_WITHIN_MS);
}

function toBreadcrumb({ upstream, method, path = '', status, durationMs, correlationId, requestId, errorCode }: Crumb) {
  const facts = { upstream, method, route: patternOf(path), status, durationMs, correlationId, requestId, errorCode };
  return {
    type: 'http',
    category: `upstream.${upstream}`,
    level: errorCode === undefined ? ('info' as const) : ('warning' as const),
    data: compact(facts),
  };
}
