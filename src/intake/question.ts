import type { FastifyError, FastifyPluginAsync, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import type { Failures } from './failures.ts';
import { readJson } from './json.ts';
import { type RouteDoc, refusals } from './openapi.ts';
import { refuse } from './replies.ts';
import { isOneOf } from './secret.ts';

/** A question that the marketplace asks, and waits for the answer of. */
export interface Question<Q> {
  /** Path before the secret. */
  path: string;
  /** One of them is the last part of the path, since these calls are not signed. */
  secrets: Secret<readonly string[]>;
  schema: z.ZodType<Q>;
  /** What a program has to know of it, besides schema and secret. */
  doc: Pick<RouteDoc, 'summary' | 'answers'>;
  /** Sends the answer; the signal aborts when it has to be there. */
  answer(question: Q, signal: AbortSignal, reply: FastifyReply): Promise<FastifyReply>;
  /** Sends what keeps the customer from nothing: to a question that cannot be understood, or whose answer failed. */
  answerAnyway(reply: FastifyReply): FastifyReply;
  /** Whoever has another secret is counted; who has the right one is never held up by that. */
  failures: Pick<Failures, 'note'>;
  /** Longest time for finding the answer. */
  deadlineMs: number;
  log: Log;
  /** Told of what should not have failed. */
  bug(error: unknown, facts: { route: string }): void;
}

/** Two letters of `it`, `it_IT` or `it-IT`, in lower case. */
export const Language = z
  .string()
  .regex(/^[a-z]{2}([_-].*)?$/i)
  .transform((text) => text.slice(0, 2).toLowerCase());
/** What the customer entered, by code of the parameter. */
export const Parameters = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String).nullable().catch(null))
  .nullish()
  .catch(undefined)
  .transform((values) =>
    Object.fromEntries(Object.entries(values ?? {}).filter((entry): entry is [string, string] => entry[1] !== null)),
  );

/** For what need not be there: unreadable counts as absent. */
export function optional<S extends z.ZodType>(schema: S) {
  return schema.optional().catch(undefined);
}

/**
 * `POST <path>/<secret>`: 404 with another secret, else always an answer, for one that is missing or that nobody understands
 * makes the marketplace refuse the customer.
 */
export function questionRoute<Q>(question: Question<Q>): FastifyPluginAsync {
  const { path, secrets, schema, doc, answer, answerAnyway, failures, deadlineMs, log, bug } = question;
  return async (app) => {
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text));

    app.setErrorHandler((error: FastifyError, _request, reply) => {
      if ((error.statusCode ?? 500) < 500) log.warn({ err: error, route: path }, 'question that could not be read');
      else bug(error, { route: path });
      return answerAnyway(reply);
    });

    app.post<{ Params: { secret: string } }>(
      `${path}/:secret`,
      {
        config: {
          doc: {
            tag: 'questions',
            ...doc,
            body: schema,
            answers: { ...doc.answers, ...refusals({ 404: 'The address does not hold ENDPOINT_SECRET' }) },
          },
        },
        onRequest: async (request, reply) => {
          if (isOneOf(secrets, request.params.secret)) return undefined;
          failures.note(request.ip, 'question refused: its address does not hold ENDPOINT_SECRET');
          return refuse(reply, 404, { error: 'route.unknown', message: 'There is nothing at this address.' });
        },
      },
      async (request, reply) => {
        const asked = schema.safeParse(readJson(request.body));
        if (asked.success) return answer(asked.data, AbortSignal.timeout(deadlineMs), reply);
        const fields = [...new Set(asked.error.issues.map((issue) => String(issue.path[0] ?? 'body')))];
        log.warn({ route: path, fields }, 'question that could not be understood');
        return answerAnyway(reply);
      },
    );
  };
}
