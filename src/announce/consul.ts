import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';

/** What others look for in Consul. */
const NAME = 'microsoft-connector';
/** How the agent checks whether we are ready; two failures in a row come within seconds. */
const CHECK = { Interval: '5s', Timeout: '2s' };
/** How long a vanished instance stays listed, as critical. Longer than an outage of Redis; an instance that lives registers again. */
const FORGET_AFTER = '30m';
const AGENT_WITHIN_MS = 2_000;

export interface AnnouncementParts {
  /** Address of the Consul agent of this machine. */
  agentUrl: string;
  /** Where the agent asks for one: it needs `service:write` for `microsoft-connector`. */
  token: Secret | undefined;
  role: 'web' | 'worker' | 'all';
  /** Address that the service was told to listen on; a wildcard leaves open which one others shall use. */
  host: string;
  /** How often to check that the agent still knows us. */
  everyMs: number;
  log: Log;
}

/** Tells the Consul agent of this machine that the service is here. */
export interface Announcement {
  /** Announces the service at this port, and again whenever the agent has forgotten it. Never throws: an agent may come later, or never. */
  start(port: number): void;
  /** A sentence while the agent does not know of this instance. */
  note(): string | undefined;
  /** Takes the instance out of the list, for good. Resolves within six seconds, also when the agent does not answer. */
  withdraw(): Promise<void>;
}

/**
 * Creates the announcement: a service `microsoft-connector` with the tags `web` and `worker` by what it does, and `/health/ready` as its
 * check. Instances are told apart by machine and port, so that one that is started again takes the place of the former.
 *
 * Others reach it at the address that the agent is reached from; where that is loopback, at the agent's own.
 *
 * @see https://developer.hashicorp.com/consul/api-docs/agent/service
 * @see https://developer.hashicorp.com/consul/api-docs/agent/check
 */
export function createAnnouncement({ agentUrl, token, role, host, everyMs, log }: AnnouncementParts): Announcement {
  let problem: string | undefined = 'The Consul agent has not been told of this instance yet.';
  /** The port that is registered with the agent. */
  let announcedPort: number | undefined;
  let isWithdrawn = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  function start(port: number): void {
    if (isWithdrawn) return;
    running = makeSure(port).finally(() => {
      if (!isWithdrawn) timer = setTimeout(() => start(port), everyMs).unref();
    });
  }

  async function makeSure(port: number): Promise<void> {
    try {
      const known = await ask('GET', `/v1/agent/service/${encodeURIComponent(idOf(port))}`);
      // A former process may have registered something else under the same name.
      if (announcedPort === undefined || known.status === 404) {
        expectSuccess(await ask('PUT', '/v1/agent/service/register', describe(port, known.localAddress)));
        log.info({ agent: agentUrl, address: known.localAddress, port }, 'announced to Consul');
        announcedPort = port;
      } else expectSuccess(known);
      problem = undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const sentence = `Consul does not know of this instance (${reason}); it is announced again every ${everyMs / 1_000} s.`;
      if (sentence !== problem)
        log.warn({ agent: agentUrl, reason }, 'cannot be announced to Consul; it is tried again');
      problem = sentence;
    }
  }

  function describe(port: number, localAddress: string): object {
    const isAnywhere = host === '0.0.0.0' || host === '::';
    const isBeside = isAnywhere && /^(127\.|::1$)/.test(localAddress);
    const address = isAnywhere ? localAddress : host;
    return {
      ID: idOf(port),
      Name: NAME,
      Tags: role === 'all' ? ['web', 'worker'] : [role],
      ...(!isBeside && { Address: address }),
      Port: port,
      Check: {
        Name: 'ready',
        HTTP: `http://${isIPv6(address) ? `[${address}]` : address}:${port}/health/ready`,
        ...CHECK,
        DeregisterCriticalServiceAfter: FORGET_AFTER,
      },
    };
  }

  function ask(method: string, path: string, body?: object): Promise<Answer> {
    const url = new URL(agentUrl + path);
    const sendRequest = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = {
      ...(token && { 'X-Consul-Token': token.read() }),
      ...(body && { 'Content-Type': 'application/json' }),
    };
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(AGENT_WITHIN_MS);
      const sent = sendRequest(url, { method, headers, signal, agent: false }, (response) => {
        // Where the socket is IPv6, Node reports an IPv4 address in its IPv4-mapped form.
        const localAddress = (response.socket.localAddress ?? '').replace(/^::ffff:/, '');
        response.resume();
        resolve({ status: response.statusCode ?? 0, localAddress });
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        reject(new Error(signal.aborted ? 'no answer in time' : (error.code ?? 'the connection failed')));
      });
      sent.end(body && JSON.stringify(body));
    });
  }

  return {
    start,
    note: () => problem,

    async withdraw() {
      isWithdrawn = true;
      clearTimeout(timer);
      await running;
      if (announcedPort === undefined) return;
      try {
        expectSuccess(await ask('PUT', `/v1/agent/service/deregister/${encodeURIComponent(idOf(announcedPort))}`));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.warn({ agent: agentUrl, reason }, 'could not be taken out of Consul; its check does that');
      }
    },
  };
}

interface Answer {
  status: number;
  /** Which of our addresses the request was sent from. */
  localAddress: string;
}

function idOf(port: number): string {
  return `${NAME}-${hostname()}-${port}`;
}

/** @throws {Error} with what the agent's refusal means */
function expectSuccess({ status }: Answer): void {
  if (status === 200) return;
  throw new Error(status === 403 ? 'CONSUL_TOKEN does not suffice' : `the agent answers ${status}`);
}
