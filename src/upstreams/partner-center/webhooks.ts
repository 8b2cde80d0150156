import { z } from 'zod';
import { readBody } from '../http.ts';
import type { Call } from './call.ts';
import { collection, RegisteredWebhook } from './schema.ts';

/** What Partner Center delivers, and where to. */
export interface WebhookRegistration {
  /** Public, https. */
  url: string;
  /** Names of events, such as `subscription-updated`. */
  events: string[];
}

const REGISTRATION = '/webhooks/v1/registration';

export type Webhooks = ReturnType<typeof createWebhooks>;

/**
 * Returns the calls about Partner Center's own webhook, of which a partner has one.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhooks
 */
export function createWebhooks(call: Call) {
  /** The names of all events that can be registered for. Microsoft adds to them. */
  async function events(): Promise<string[]> {
    return readBody(await call({ method: 'GET', path: `${REGISTRATION}/events` }), collection(z.string()));
  }

  /** What is registered; `undefined` when nothing is. */
  async function registration(): Promise<WebhookRegistration | undefined> {
    const answer = await call({ method: 'GET', path: REGISTRATION, accept: ({ status }) => status === 404 });
    // How Partner Center says that there is none is not documented: no resource, no body, or one without an address.
    return answer.status === 404 ? undefined : (readBody(answer, RegisteredWebhook.nullish()) ?? undefined);
  }

  /**
   * Has these events delivered to this public address, signed in the `Authorization` header. Sends nothing when that is so
   * already, and puts the registration in the place of any other.
   */
  async function register(wanted: WebhookRegistration): Promise<'unchanged' | 'created' | 'replaced'> {
    const present = await registration();
    if (present && isSame(present, wanted)) return 'unchanged';
    await call({
      method: present ? 'PUT' : 'POST',
      path: REGISTRATION,
      body: { WebhookUrl: wanted.url, WebhookEvents: wanted.events },
    });
    return present ? 'replaced' : 'created';
  }

  return { events, registration, register };
}

/** The order of the events does not matter, nor does their case. */
function isSame(one: WebhookRegistration, other: WebhookRegistration): boolean {
  return one.url === other.url && sorted(one.events) === sorted(other.events);
}

function sorted(names: string[]): string {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort().join();
}
