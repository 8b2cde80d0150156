import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface SentEvent {
  subscriptionId: number;
  type: 'CREATED' | 'MODIFIED' | 'DELETED';
}

/** What became of one request: its status, or the code of the error that kept an answer from coming. */
export interface EventOutcome {
  outcome: number | string;
  durationMs: number;
}

/** Sends signed events, as the marketplace does. */
export interface EventSender {
  /** Sends one to the service at `url`. Never rejects. */
  send(url: string, event: SentEvent): Promise<EventOutcome>;
  close(): void;
}

/** Opens connections as they are needed, at most so many to each service; `keepAlive`: and keeps them, like a proxy. */
export function createEventSender(parts: { secret: string; connections: number; keepAlive: boolean }): EventSender {
  const agent = new Agent({ keepAlive: parts.keepAlive, maxSockets: parts.connections });

  return {
    async send(url, { subscriptionId, type }) {
      const body = JSON.stringify({
        date: `${new Date().toISOString().slice(0, 19)}Z`,
        entity: 'Subscription',
        entityUrl: `subscription/${subscriptionId}`,
        id: String(subscriptionId),
        type,
      });
      const headers = {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(body),
        'CMW-Event-Signature': `sha1=${createHmac('sha1', parts.secret).update(body).digest('hex')}`,
      };
      const startedAt = performance.now();
      const outcome = await new Promise<number | string>((resolve) => {
        const fail = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name);
        const call = request(`${url}/event`, { agent, method: 'POST', headers });
        call.once('error', fail);
        call.once('response', (response) => {
          void text(response).then(() => resolve(response.statusCode ?? 0), fail);
        });
        call.end(body);
      });
      return { outcome, durationMs: performance.now() - startedAt };
    },

    close: () => agent.destroy(),
  };
}
