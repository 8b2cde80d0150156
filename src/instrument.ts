import { readSentryDsn } from './config.ts';
import { scrub } from './lib/log.ts';

/** They slow down every request and collect what must not leave the house; we report from our own error handlers. */
const LEFT_OUT = new Set(['Console', 'Fastify', 'Http', 'NodeFetch', 'ProcessSession', 'Redis', 'RequestData']);

const dsn = readSentryDsn(process.env);

/** Sentry when it is configured; it takes 50 MB of memory, so it is not even loaded otherwise. */
export const sentry = dsn === undefined ? undefined : await import('@sentry/node');

// Loaded ahead of everything else with `node --import`.
if (dsn !== undefined && sentry !== undefined) {
  sentry.init({
    dsn,
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
      return event;
    },
  });
}
