import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

export interface EventLoadParts {
  /** Address of the edge, e.g. `https://localhost:8443`, and the authority of its certificate, PEM. */
  url: string;
  ca: string;
  secret: string;
  perSecond: number;
  /** So many events may be without an answer at once; a slow machine is thus asked more slowly instead of buried. */
  unanswered: number;
  /** Each event is of a subscription of its own: this one, the next, and so on. */
  firstSubscriptionId: number;
}

export interface EventAnswer {
  subscriptionId: number;
  /** Status of the answer, or why there was none. */
  outcome: number | string;
  durationMs: number;
}

/** Events that are sent until somebody says stop. */
export interface EventLoad {
  /** So many were answered until now. */
  answered(): number;
  /** Sends no more, and answers what became of each event once all have been answered. */
  stop(): Promise<EventAnswer[]>;
}

/** Sends signed events over kept connections, as the marketplace does, each once. */
export function startEventLoad({ url, ca, secret, perSecond, ...parts }: EventLoadParts): EventLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: parts.unanswered, ca });
  const answers: EventAnswer[] = [];
  const open = new Set<Promise<void>>();
  let isStopped = false;
  let sent = 0;

  async function send(subscriptionId: number): Promise<void> {
    const body = JSON.stringify({
      id: String(subscriptionId),
      entity: 'Subscription',
      entityUrl: `subscription/${subscriptionId}`,
      type: 'MODIFIED',
      date: '2026-09-01T08:00:00Z',
    });
    const headers = {
      'Content-Type': 'application/json; charset=utf-8',
      'CMW-Event-Signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
    };
    const startedAt = performance.now();
    const outcome = await new Promise<number | string>((resolve) => {
      const call = request(`${url}/event`, { agent, method: 'POST', headers });
      call.once('error', (error) => resolve(String(error)));
      call.once('response', (response) => {
        void text(response).then(
          (said) => resolve(response.statusCode === 204 ? 204 : `${response.statusCode} ${said}`),
          (error: unknown) => resolve(String(error)),
        );
      });
      call.end(body);
    });
    answers.push({ subscriptionId, outcome, durationMs: performance.now() - startedAt });
  }

  const sending = (async () => {
    let lastAt = performance.now();
    let due = 0;
    while (!isStopped) {
      const now = performance.now();
      // What could not be sent in time is not made up for: that would be another load.
      due = Math.min(due + ((now - lastAt) * perSecond) / 1_000, parts.unanswered);
      lastAt = now;
      for (; due >= 1 && open.size < parts.unanswered; due -= 1) {
        const one = send(parts.firstSubscriptionId + sent).finally(() => open.delete(one));
        open.add(one);
        sent += 1;
      }
      await pause(5);
    }
  })();

  return {
    answered: () => answers.length,
    async stop() {
      isStopped = true;
      await sending;
      await Promise.all(open);
      agent.destroy();
      return answers;
    },
  };
}
