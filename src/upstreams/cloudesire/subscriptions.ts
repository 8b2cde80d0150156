import { z } from 'zod';
import { type Answer, malformed, path, readBody } from '../http.ts';
import { type Call, isNotFound } from './call.ts';
import {
  BillingItem,
  ConfigurationParameter,
  type DeploymentStatus,
  type Endpoint,
  FoundSubscription,
  Metadata,
  type Subscription,
  type SubscriptionSummary,
} from './schema.ts';

/** Which subscriptions are listed. A filter by date does not exist. */
export interface SubscriptionFilter {
  /** `CSP` for the products of this connector. */
  productType?: string;
  statuses?: DeploymentStatus[];
}

/** Something that the customer needs for getting in, shown once provisioning is complete. */
export interface Credential {
  /** Unique in its set, 1 to 125 characters. */
  key: string;
  value: string;
  /** Order of display. */
  weight: number;
  /** Two-letter language → text. */
  description: Record<string, string>;
}

/** The largest page that the API gives. */
const PAGE_SIZE = 50;
const LONGEST_LIST_PASSES = 3;
/** Half a million subscriptions; a list that goes on for ever ends there. */
const MOST_PAGES = 10_000;

export type Subscriptions = ReturnType<typeof createSubscriptions>;

/**
 * Returns the calls about subscriptions.
 *
 * @see https://docs.cloudesire.com/docs/syndication.html
 */
export function createSubscriptions(call: Call) {
  const identifierOf = createNames(
    async (id) => readBody(await call('GET', path`/billingItem/${id}`), BillingItem).identifier,
  );
  const codeOf = createNames(
    async (id) => readBody(await call('GET', path`/configurationParameter/${id}`), ConfigurationParameter).code,
  );

  async function summarize({ subscription, resources }: FoundSubscription): Promise<SubscriptionSummary> {
    const extraResources: SubscriptionSummary['extraResources'] = [];
    for (const { name, value } of resources) {
      if (value !== undefined) extraResources.push({ identifier: await identifierOf(name), value });
    }
    return { ...subscription, extraResources };
  }

  /** The subscription with all that the customer ordered and entered; `undefined` when it does not exist (any more). */
  async function get(id: number): Promise<Subscription | undefined> {
    const answer = await call('GET', path`/subscription/${id}`, { accept: isNotFound });
    if (isNotFound(answer)) return undefined;
    const found = readBody(answer, FoundSubscription);
    const parameters: Subscription['parameters'] = {};
    for (const { name, value } of found.parameters) {
      if (value !== undefined) parameters[await codeOf(name)] = value;
    }
    return { ...(await summarize(found)), parameters };
  }

  /**
   * Every subscription that fits the filter, each once. Pages shift while they are read, so the list is read again while
   * the total changes in between, at most three times.
   *
   * @throws {RetryableError} `cloudesire.malformed` at the end, after all others, when elements could not be read
   */
  async function* list({ productType, statuses }: SubscriptionFilter = {}): AsyncGenerator<SubscriptionSummary> {
    const query = { productType, status: statuses?.join(','), pageSize: PAGE_SIZE };
    const told = new Set<number>();
    let unreadable: Answer | undefined;

    for (let pass = 1; pass <= LONGEST_LIST_PASSES; pass += 1) {
      const totals = new Set<string>();
      const seen = new Set<number | string>();
      for (let pageNumber = 1; ; pageNumber += 1) {
        const answer = await call('GET', '/subscription', { query: { ...query, pageNumber } });
        const page = readBody(answer, z.array(z.unknown()));
        const { 'cmw-totalitems': total, 'cmw-pagesize': pageSize } = answer.headers;
        if (pageNumber > MOST_PAGES) throw malformed(answer, 'belongs to a list that never ends');
        if (total) totals.add(total);
        const seenBefore = seen.size;
        for (const element of page) {
          const { data: found } = FoundSubscription.safeParse(element);
          if (!found) {
            unreadable = answer;
            seen.add(JSON.stringify(element));
            continue;
          }
          const { id } = found.subscription;
          seen.add(id);
          if (told.has(id)) continue;
          told.add(id);
          yield await summarize(found);
        }
        // A short page is the last one. One without anything new also ends the pass: paging cannot have worked.
        if (page.length < (Number(pageSize) || PAGE_SIZE) || seen.size === seenBefore) break;
      }
      if (totals.size <= 1) break;
    }
    if (unreadable) throw malformed(unreadable, 'holds subscriptions that could not be read; all others were');
  }

  /** Shows the customer these addresses. Send the complete set, with at least one `APP`, all https. */
  async function setEndpoints(id: number, endpoints: Endpoint[]): Promise<void> {
    await call('POST', path`/subscription/${id}/endpoints`, { body: endpoints, ignoreBody: true });
  }

  /** Shows the customer a text: two-letter language → plain text below 4096 characters, without links or tags. */
  async function setInstructions(id: number, texts: Record<string, string>): Promise<void> {
    await call('POST', path`/subscription/${id}/instructions`, { body: texts, ignoreBody: true });
  }

  /** Hands credentials over to the customer. Send the complete set: the values can never be read back. */
  async function setCredentials(id: number, credentials: Credential[]): Promise<void> {
    await call('POST', path`/subscription/${id}/credentials`, { body: credentials, ignoreBody: true, isSecret: true });
  }

  /** Reports the outcome. How the API reacts to a repeated or impossible transition is not documented: read the state first. */
  async function setStatus(id: number, status: 'DEPLOYED' | 'UNDEPLOYED' | 'FAILED'): Promise<void> {
    await call('PATCH', path`/subscription/${id}`, { body: { deploymentStatus: status }, ignoreBody: true });
  }

  /** The pairs kept with a subscription. Customers and their exports see them. */
  async function metadata(id: number): Promise<Record<string, string>> {
    return readBody(await call('GET', path`/subscription/${id}/metadata`), Metadata);
  }

  /** Writes the pairs. Whether others survive is not documented: send what `metadata` returned together with the change. */
  async function putMetadata(id: number, pairs: Record<string, string>): Promise<void> {
    await call('PUT', path`/subscription/${id}/metadata`, { body: pairs, ignoreBody: true });
  }

  return { get, list, setEndpoints, setInstructions, setCredentials, setStatus, metadata, putMetadata };
}

/** Passes names through and looks numbers up, each once per process: the name behind a number does not change. */
function createNames(lookUp: (id: number) => Promise<string>) {
  const known = new Map<number, string>();
  return async (name: string | number): Promise<string> => {
    if (typeof name === 'string') return name;
    const found = known.get(name) ?? (await lookUp(name));
    known.set(name, found);
    return found;
  };
}
