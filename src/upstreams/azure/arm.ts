import { z } from 'zod';
import { ConnectorError, RetryableError } from '../../lib/errors.ts';
import { once } from '../../lib/once.ts';
import { type Http, readBody } from '../http.ts';
import { type Credential, type Credentials, SCOPE } from './credentials.ts';
import { type Actor, isChallenge, refusalOf } from './errors.ts';
import { loadSdk } from './sdk.ts';
import { createHttpClient, createSend, type Decide, type HttpClient } from './transport.ts';

const USER_AGENT = 'cloudesire-microsoft-connector';
/** Most pages of one list: far more than any list of ours has, so that one that repeats itself ends. */
const MOST_PAGES = 1000;
/** Reads, although they are made by POST. */
const READS_BY_POST = /\/(validate|whatIf)$/i;
const SUBSCRIPTION = /^\/subscriptions\/([^/]+)/i;

export interface Request {
  /** Built with `path`; or an absolute address from an answer, which has its version. */
  path: string;
  apiVersion?: string;
  query?: Record<string, string>;
}

export interface Reply {
  status: number;
  headers: Record<string, string | undefined>;
  body: unknown;
}

/** The clients of the SDK, for one actor in one tenant. */
export type Clients = Awaited<ReturnType<typeof createClients>>;

/** ARM, in the name of one actor in one tenant. `what` names the resource in messages. */
export interface Arm {
  /** Sends one request with the bare client. Bodies are as they come. */
  send(method: 'GET' | 'PUT' | 'POST' | 'DELETE', request: Request & { body?: unknown }): Promise<Reply>;
  /** Reads a resource with the bare client. */
  read<S extends z.ZodType>(request: Request, schema: S): Promise<z.output<S>>;
  /** Reads all pages of a list with the bare client. */
  list<S extends z.ZodType>(request: Request, schema: S): Promise<z.output<S>[]>;
  /** Makes a call of the SDK's clients. */
  call(what: string, work: (clients: Clients) => Promise<unknown>): Promise<void>;
  /** Makes a call of the SDK's clients and reads what it returns. */
  ask<S extends z.ZodType>(what: string, work: (clients: Clients) => Promise<unknown>, schema: S): Promise<z.output<S>>;
  /** Reads all pages of a list of the SDK's clients. */
  pages<S extends z.ZodType>(what: string, work: (clients: Clients) => Pages, schema: S): Promise<z.output<S>[]>;
}

interface Pages {
  byPage(): AsyncIterable<unknown[]>;
}

export interface ArmParts {
  http: Http;
  armUrl: string;
  credentials: Credentials;
}

/**
 * Returns ARM as seen by an actor in a tenant. What is read by POST counts as a read in a dry run, and as a write for the rate
 * limit, which is per subscription, principal and kind of operation.
 *
 * @throws {AttentionError | RetryableError} `arm.<code>` by the table of refusals; `arm.malformed` for an answer that does not
 *   say what it should; what `createHttp` names; and what the credential throws
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
export function createArm(parts: ArmParts, actor: Actor, tenantId: string, subscriptionId = ''): Arm {
  const { http, armUrl, credentials } = parts;
  const send = createSend({ http, upstream: 'arm', baseUrl: armUrl });
  const ours = new WeakSet<object>();
  let clients = once(makeClients);

  function makeClients(): Promise<Clients> {
    const credential = credentials.of(actor, tenantId);
    const httpClient = createHttpClient(send, decideFor);
    return createClients({
      armUrl,
      subscriptionId,
      credential: { getToken: (scopes, options) => marked(() => credential.getToken(scopes, options)) },
      httpClient: { sendRequest: (request) => marked(() => httpClient.sendRequest(request)) },
    });
  }

  /** Marks errors that were thrown by our code beneath the SDK, such as that Redis is away. */
  async function marked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (typeof error === 'object' && error !== null) ours.add(error);
      throw error;
    }
  }

  /**
   * What was not thrown on our side, the SDK has thrown at an answer that it could not read: all refusals are ours. It is not kept
   * as the cause, for it holds the request with its token.
   */
  async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isOurs = error instanceof ConnectorError || (error instanceof Object && ours.has(error));
      if (isOurs) throw error;
      throw malformed(what, `could not be read (${error instanceof Error ? error.name : typeof error})`);
    }
  }

  const challenged = new WeakSet<object>();
  function decideFor(request: object): Decide {
    return ({ method, path, body }) => {
      const isGet = method === 'GET' || method === 'HEAD';
      const owner = SUBSCRIPTION.exec(path)?.[1] ?? `tenant-${tenantId}`;
      return {
        isRead: isGet || READS_BY_POST.test(path),
        budgetKeys: [`arm-${isGet ? 'read' : 'write'}/${owner.toLowerCase()}`],
        // The SDK answers a challenge by itself, once.
        accept(answer) {
          if (!isChallenge(answer) || challenged.has(request)) return false;
          challenged.add(request);
          return true;
        },
        toError(answer) {
          const error = refusalOf(answer, actor, body === undefined ? undefined : JSON.parse(body));
          // A new sign-in with a second factor shows only in a new token.
          if (answer.status === 401 || error?.code === 'entra.mfa-needed') {
            credentials.forget(actor, tenantId);
            clients = once(makeClients);
          }
          return error;
        },
      };
    };
  }

  const sendBare: Arm['send'] = async (method, { path, apiVersion, query, body }) => {
    const { bare } = await clients();
    const parameters = {
      queryParameters: { ...query, ...(apiVersion && { 'api-version': apiVersion }) },
      ...(body !== undefined && { body }),
    };
    const resource = bare.pathUnchecked(path);
    const verb = { GET: resource.get, PUT: resource.put, POST: resource.post, DELETE: resource.delete }[method];
    const answer = await guarded(path.split('?')[0] ?? '', async () => await verb(parameters));
    return { status: Number(answer.status), headers: answer.headers, body: answer.body };
  };

  const read: Arm['read'] = async (request, schema) =>
    readAs(request.path, (await sendBare('GET', request)).body, schema);

  return {
    send: sendBare,
    read,

    async list(request, schema) {
      const found = [];
      const Page = z.object({ value: z.array(schema), nextLink: z.string().nullish() });
      let next: Request | undefined = request;
      for (let count = 0; next; count += 1) {
        if (count === MOST_PAGES) throw malformed(request.path, 'never ends');
        const { body }: Reply = await sendBare('GET', next);
        const { value, nextLink }: z.output<typeof Page> = readAs(request.path, body, Page);
        found.push(...value);
        next = nextLink ? { path: nextLink } : undefined;
      }
      return found;
    },

    async call(what, work) {
      const given = await clients();
      await guarded(what, () => work(given));
    },

    async ask(what, work, schema) {
      const given = await clients();
      return readAs(what, await guarded(what, () => work(given)), schema);
    },

    async pages(what, work, schema) {
      const given = await clients();
      const found = await guarded(what, async () => {
        const elements: unknown[] = [];
        let count = 0;
        for await (const page of work(given).byPage()) {
          count += 1;
          if (count > MOST_PAGES) throw malformed(what, 'never ends');
          elements.push(...page);
        }
        return elements;
      });
      return readAs(what, found, z.array(schema));
    },
  };
}

async function createClients({
  armUrl,
  subscriptionId,
  credential,
  httpClient,
}: {
  armUrl: string;
  subscriptionId: string;
  credential: Credential;
  httpClient: HttpClient;
}) {
  const sdk = await loadSdk();
  const options = {
    endpoint: armUrl,
    credentials: { scopes: [SCOPE] },
    httpClient,
    // A failed call is tried again as a job, which holds nobody up and sends no write twice.
    retryOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: USER_AGENT },
  };
  return {
    bare: sdk.getClient(armUrl, credential, options),
    deployments: new sdk.DeploymentsClient(credential, subscriptionId, options).deployments,
    resources: new sdk.ResourceManagementClient(credential, subscriptionId, options),
    compute: new sdk.ComputeManagementClient(credential, subscriptionId, options),
  };
}

function readAs<S extends z.ZodType>(what: string, body: unknown, schema: S): z.output<S> {
  return readBody(
    { status: 200, headers: {}, body, facts: { upstream: 'arm', path: what }, effect: 'unknown' },
    schema,
  );
}

/** The error for an answer that does not say what it should. */
export function malformed(what: string, why: string): RetryableError {
  const message = `The answer of Azure about ${what} ${why}. If that goes on, check AZURE_ARM_URL.`;
  return new RetryableError('arm.malformed', message, { facts: { upstream: 'arm', path: what } });
}
