import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Call, EmulatorServer, Reply } from '../core/server.ts';
import type { Authentication, Principal } from './authentication.ts';
import type { Cause } from './books.ts';
import { isGuid, keyOf, subscriptionOf, subscriptionScope } from './ids.ts';
import type { AzureSubscription, State } from './model.ts';
import { isApiVersion } from './provider-catalog.ts';
import { ArmRefusal, disabledSubscription, invalidContent, refuse, subscriptionNotFound } from './refusals.ts';
import type { Roles } from './roles.ts';
import { createScopedRoutes } from './routes.ts';
import type { Throttle } from './throttle.ts';

export type Fields = Record<string, unknown>;

/** What an operation needs: which namespace's api-versions it takes, and which action on which scope must be allowed. */
export interface Rule {
  /** `any` for that of the path's own parameter `:namespace`. */
  namespace: string;
  /** The permission; none for what every caller of the tenant may do. */
  action?: string;
  /** The scope of the permission; by default the path without what follows the last name. */
  scope?: (params: Record<string, string>) => string;
  /** Whether it works in a disabled subscription although it is no read and no delete. */
  whenDisabled?: boolean;
}

/** A call that has passed authentication, throttling and authorization. */
export interface Request {
  call: Call;
  principal: Principal;
  params: Record<string, string>;
  query: URLSearchParams;
  cause: Cause;
  correlationId: string;
  /** `https://host:port` as the caller wrote it. */
  origin: string;
  /** The subscription of the path. */
  subscription: AzureSubscription;
  /** @throws {ArmRefusal} 400 when the body is no JSON object */
  fields(): Fields;
}

export type Operation = (request: Request) => Reply | Promise<Reply>;

export interface Api {
  define(method: string, pattern: string, rule: Rule, operation: Operation): void;
}

export interface ApiParts {
  server: EmulatorServer;
  clock: Clock;
  state: State;
  authentication: Authentication;
  roles: Roles;
  throttle: Throttle;
}

interface Ids {
  requestId: string;
  correlationId: string;
  rate: Record<string, string>;
}

/**
 * Puts operations on the server as Azure Resource Manager does: token, api-version, subscription and its tenant, second
 * factor, rate, permission, state of the subscription, then the operation; errors in their documented bodies, and the
 * tracing and rate headers on every reply. Paths match without regard to case, and doubled slashes count as one.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
export function createApi(parts: ApiParts): Api {
  const { server, clock, state, authentication, roles, throttle } = parts;
  const routes = createScopedRoutes<{ rule: Rule; operation: Operation }>();
  const idsOfCall = new WeakMap<Call, Ids>();

  function identify(call: Call): Ids {
    const known = idsOfCall.get(call);
    if (known !== undefined) return known;
    const requestId = randomUUID();
    const ids = { requestId, correlationId: call.headers['x-ms-correlation-request-id'] ?? requestId, rate: {} };
    idsOfCall.set(call, ids);
    return ids;
  }

  function findSubscription(path: string): AzureSubscription | undefined {
    const id = subscriptionOf(path);
    if (id === undefined) return undefined;
    if (!isGuid(id)) {
      throw refuse(
        400,
        'InvalidSubscriptionId',
        `The provided subscription identifier '${id}' is malformed or invalid.`,
      );
    }
    const subscription = state.subscriptions.get(keyOf(id));
    if (subscription === undefined || subscription.visibleAt > clock.now() || subscription.state === 'Deleted') {
      throw subscriptionNotFound(id);
    }
    return subscription;
  }

  function checkVersion(call: Call, namespace: string): void {
    const version = call.query.get('api-version');
    if (!version) {
      throw refuse(
        400,
        'MissingApiVersionParameter',
        'The api-version query parameter (?api-version=) is required for all requests.',
      );
    }
    if (isApiVersion(namespace, version)) return;
    throw refuse(
      400,
      'InvalidApiVersionParameter',
      `The api-version '${version}' is invalid. The supported versions of '${namespace}' do not include it.`,
    );
  }

  function countCall(call: Call, principal: Principal, subscription: AzureSubscription | undefined): void {
    const { method } = call;
    const { tenantId, objectId } = principal;
    const verdict = throttle.take({
      method,
      tenantId,
      principalId: objectId,
      ...(subscription === undefined ? {} : { subscriptionId: subscription.id }),
    });
    Object.assign(identify(call).rate, verdict.headers);
    if (verdict.waitS !== undefined) throw tooManyRequests(method, verdict.waitS, principal, subscription);
  }

  async function run(call: Call, path: string): Promise<Reply> {
    const principal = authentication.authenticate(call);
    const match = routes.find(call.method, path);
    if (match === undefined) throw unknownRoute(call.method, path, routes.methodsOf(path));
    const { rule, operation } = match.target;
    checkVersion(call, rule.namespace === 'any' ? (match.params.namespace ?? 'any') : rule.namespace);
    const subscription = findSubscription(path);
    if (subscription !== undefined) authentication.requireTenant(principal, subscription.tenantId);
    countCall(call, principal, subscription);
    authentication.requireMfa(principal, call.method);
    const scope = rule.scope?.(match.params) ?? scopeOf(path);
    if (rule.action !== undefined) roles.require(principal, rule.action, scope);
    const isHarmless = ['GET', 'HEAD', 'DELETE'].includes(call.method) || rule.whenDisabled === true;
    if (subscription?.state === 'Disabled' && !isHarmless) throw disabledSubscription(subscription.id);

    const { correlationId } = identify(call);
    const clientRequestId = call.headers['x-ms-client-request-id'];
    return operation({
      call,
      principal,
      params: match.params,
      query: call.query,
      correlationId,
      cause: {
        by: principal.objectId,
        correlationId,
        ...(clientRequestId === undefined ? {} : { clientRequestId }),
      },
      origin: `https://${call.headers.host}`,
      get subscription() {
        if (subscription === undefined) throw new Error(`The path ${path} names no subscription.`);
        return subscription;
      },
      fields: () => readFields(call),
    });
  }

  server.notFound(async (call) => {
    try {
      return await run(call, call.path.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1'));
    } catch (error) {
      if (!(error instanceof ArmRefusal)) throw error;
      return call.method === 'HEAD' ? { status: error.status, headers: error.headers } : error.toReply();
    }
  });

  server.finish((call, reply) => {
    const { requestId, correlationId, rate } = identify(call);
    const clientRequestId = call.headers['x-ms-client-request-id'];
    const returnsId = call.headers['x-ms-return-client-request-id']?.toLowerCase() === 'true';
    return {
      ...reply,
      headers: {
        'cache-control': 'no-cache',
        'x-ms-request-id': requestId,
        'x-ms-correlation-request-id': correlationId,
        'x-ms-routing-request-id': `EMULATED:${new Date(clock.now()).toISOString()}:${requestId}`,
        ...(returnsId && clientRequestId !== undefined ? { 'x-ms-client-request-id': clientRequestId } : {}),
        ...rate,
        ...reply.headers,
      },
    };
  });

  return {
    define(method, pattern, rule, operation) {
      routes.add(method, pattern, { rule, operation });
    },
  };
}

/** The object in a field; an empty one when it is absent. */
export function objectIn(fields: Fields, name: string): Fields {
  const value = fields[name];
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text in a field; undefined when it is absent or no text. */
export function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

/** The texts of an object's fields, as tags are. @throws {ArmRefusal} 400 for a value that is no text */
export function textsIn(fields: Fields, name: string): Record<string, string> {
  const entries = Object.entries(objectIn(fields, name));
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw invalidContent(`The value of '${name}.${key}' must be a string.`);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

/** @throws {ArmRefusal} 400 when the field is missing or no text */
export function requireText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw invalidContent(`Required property '${name}' not found in JSON.`);
  return value;
}

function readFields(call: Call): Fields {
  if (call.rawBody.length === 0) throw refuse(400, 'MissingRequestBody', 'The request body is required.');
  let body: unknown;
  try {
    body = call.json();
  } catch {
    throw invalidContent('Unexpected character encountered while parsing value.');
  }
  if (!isObject(body)) throw invalidContent('The body must be a JSON object.');
  return body;
}

/** The resource or group that a path is about: the path itself, cut before an action such as `/deallocate`. */
function scopeOf(path: string): string {
  const at = path.toLowerCase().lastIndexOf('/providers/');
  if (at < 0) {
    const [, , id, kind, group] = path.split('/');
    return kind?.toLowerCase() === 'resourcegroups' ? `/subscriptions/${id}/resourceGroups/${group}` : path;
  }
  const segments = path.slice(at).split('/');
  return (
    path.slice(0, at) + (segments.length % 2 === 0 && segments.length > 5 ? segments.slice(0, -1) : segments).join('/')
  );
}

function tooManyRequests(
  method: string,
  waitS: number,
  { objectId, tenantId }: Principal,
  subscription: AzureSubscription | undefined,
): ArmRefusal {
  const kind = method === 'GET' || method === 'HEAD' ? 'read' : method === 'DELETE' ? 'delete' : 'write';
  const where = subscription === undefined ? `tenant '${tenantId}'` : `subscription '${subscription.id}'`;
  return new ArmRefusal(
    429,
    {
      code: subscription === undefined ? 'TenantRequestsThrottled' : 'SubscriptionRequestsThrottled',
      message:
        `Number of '${kind}' requests for ${where} actor '${objectId}' exceeded. Please try again after '${waitS}' seconds ` +
        'after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.',
    },
    { 'retry-after': String(waitS) },
  );
}

function unknownRoute(method: string, path: string, methods: string[]): ArmRefusal {
  if (methods.length > 0) {
    return refuse(405, 'MethodNotAllowed', `The request method '${method}' is not allowed for '${path}'.`);
  }
  const subscription = subscriptionOf(path);
  return refuse(
    404,
    'InvalidResourceType',
    `The resource type of '${path}' could not be found${subscription === undefined ? '' : ` in ${subscriptionScope(subscription)}`}.`,
  );
}
