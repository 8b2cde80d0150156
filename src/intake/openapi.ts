import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { PAGE_POLICY, writePage } from './openapi-page.ts';

/** What a route answers with one status. Without a schema the answer has no body. */
export interface AnswerDoc {
  description: string;
  schema?: z.ZodType;
  /** Media type of the body, `application/json` unless given. */
  type?: string;
}

/** What a program that calls a route has to know, told with the schemas that the route itself reads with. */
export interface RouteDoc {
  tag: 'events' | 'questions' | 'service' | 'operations';
  summary: string;
  /** How a caller proves who it is; the `{secret}` of a path needs no word. */
  security?: 'event-signature' | 'operations';
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  /** Of a JSON body. */
  body?: z.ZodType;
  answers: Record<number, AnswerDoc>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    doc?: RouteDoc;
  }
}

/** How every refusal reads. */
export const Refused = z
  .object({
    error: z.string().describe('Stable code with dots'),
    message: z.string().describe('What happened, and what to do'),
  })
  .meta({ id: 'Refusal' });

/** The answers that are refusals, by status. */
export function refusals(descriptions: Record<number, string>): Record<number, AnswerDoc> {
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [status, { description, schema: Refused }]),
  );
}

interface Documented {
  method: string;
  url: string;
  doc: RouteDoc;
}

const DESCRIPTION: RouteDoc = {
  tag: 'service',
  summary: 'This description, for programs',
  answers: {
    200: { description: 'An OpenAPI 3.1 document', schema: z.looseObject({ openapi: z.literal('3.1.0') }) },
  },
};

const PAGE: RouteDoc = {
  tag: 'service',
  summary: 'This description, for people',
  answers: { 200: { description: 'A page', type: 'text/html', schema: z.string() } },
};

/**
 * Describes all routes that are registered from now on, and serves the description as OpenAPI 3.1 at `GET /openapi.json` and as a page at
 * `GET /openapi`. A route without `doc` in its configuration cannot be registered.
 *
 * @throws {Error} when a route is registered that does not say what it is
 * @see https://spec.openapis.org/oas/v3.1.0.html
 */
export function describeRoutes(app: FastifyInstance, { version }: { version: string }): void {
  const routes: Documented[] = [];
  app.addHook('onRoute', ({ url, method, config }) => {
    const doc = config?.doc;
    const methods = [method].flat().filter((one) => one !== 'HEAD');
    if (!doc) throw new Error(`The route ${methods.join()} ${url} does not say what it is: give it a doc.`);
    routes.push(...methods.map((one) => ({ method: one, url, doc })));
  });

  // Made when it is asked for: then all routes are there, and few ever ask.
  let document: ReturnType<typeof describe> | undefined;
  const description = () => {
    document ??= describe(routes, version);
    return document;
  };
  app.get('/openapi.json', { config: { doc: DESCRIPTION } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(description())),
  );
  app.get('/openapi', { config: { doc: PAGE } }, async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', PAGE_POLICY)
      .send(writePage(description())),
  );
}

const SECURITY = {
  'event-signature': [{ eventSignature: [] }],
  operations: [{ operationsToken: [] }, { operationsCookie: [] }],
};

function describe(routes: Documented[], version: string) {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, url, doc } of routes) {
    const path = url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(path, doc) };
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Microsoft connector for Cloudesire',
      version,
      description:
        'Takes the events of the marketplace, answers its questions about orders, and lets operations see and steer what is sold.',
    },
    // In the order in which a reader wants them.
    tags: [
      { name: 'operations', description: 'For those who run the connector' },
      { name: 'questions', description: 'What the marketplace asks while a customer orders, and for its bills' },
      { name: 'events', description: 'What changes, told by the marketplace and by Microsoft' },
      { name: 'service', description: 'Health, metrics, this description' },
    ],
    paths,
    components: {
      securitySchemes: {
        eventSignature: {
          type: 'apiKey',
          in: 'header',
          name: 'CMW-Event-Signature',
          description: 'HMAC of the body, with a secret of CMW_EVENT_SECRETS',
        },
        operationsToken: { type: 'http', scheme: 'bearer', description: 'The value of OPS_TOKEN' },
        operationsCookie: { type: 'apiKey', in: 'cookie', name: 'ops', description: 'Set by POST /ops/login' },
      },
    },
  };
  return withSharedSchemas(document);
}

function describeOperation(path: string, { tag, summary, security, params, query, headers, body, answers }: RouteDoc) {
  const parameters = [
    ...parametersOf('path', params ?? z.object({}), path),
    ...parametersOf('query', query ?? z.object({})),
    ...parametersOf('header', headers ?? z.object({})),
  ];
  return {
    tags: [tag],
    summary,
    ...(security && { security: SECURITY[security] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: toJsonSchema(body, 'input') } } },
    }),
    responses: Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)])),
  };
}

/** Every name in a path is a parameter of it, whether or not more is known of it. */
function parametersOf(place: 'path' | 'query' | 'header', schema: z.ZodObject, path = '') {
  const { properties = {}, required = [] } = toJsonSchema(schema, 'input') as {
    properties?: Record<string, object>;
    required?: string[];
  };
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const missing = named.filter((name) => !(name in properties)).map((name) => [name, { type: 'string' }] as const);
  return [...Object.entries(properties), ...missing].map(([name, one]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: one,
  }));
}

function describeAnswer({ description, schema, type = 'application/json' }: AnswerDoc) {
  return {
    description,
    ...(schema && { content: { [type]: { schema: toJsonSchema(schema, 'output') } } }),
  };
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return described;
}

/** Schemas with a name are described once, among the components, and referred to everywhere else. */
function withSharedSchemas<T extends { components: object }>(document: T) {
  const schemas: Record<string, unknown> = {};
  const lift = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(lift);
    if (typeof value !== 'object' || value === null) return value;
    const { $defs, ...rest } = value as Record<string, unknown>;
    for (const [name, schema] of Object.entries($defs ?? {})) schemas[name] = lift(schema);
    return Object.fromEntries(
      Object.entries(rest).map(([name, field]) => [
        name,
        name === '$ref' ? String(field).replace('#/$defs/', '#/components/schemas/') : lift(field),
      ]),
    );
  };
  const lifted = lift(document) as T;
  return { ...lifted, components: { ...lifted.components, schemas } };
}
