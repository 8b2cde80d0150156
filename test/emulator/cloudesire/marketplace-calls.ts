import type { Attempt, Transport } from './event-transport.ts';
import { idOf, type Product } from './model.ts';
import { refusal } from './refusal.ts';
import { isObject } from './reports.ts';
import { pick, type State } from './state.ts';

const TIMEOUT_MS = 10_000;

/** How one address answered: status, parsed body (or its text), and how long that took in real time. */
export interface Answer {
  url: string;
  status?: number;
  body?: unknown;
  error?: string;
  durationMs: number;
}

export interface MarketplaceCalls {
  /** Asks every order-validation address of the product; only 204 from all of them accepts. */
  validateOrder: (
    body: Record<string, unknown>,
  ) => Promise<{ accepted: boolean; messages: string[]; answers: Answer[] }>;
  /** Asks the address of the parameter for its possible values. */
  parameterValues: (body: Record<string, unknown>) => Promise<Answer>;
  /** Reads a metric of a subscription. */
  readMetric: (request: { url: string; subscription: number }) => Promise<Answer>;
  /** The same question in the form in which a shop front asks it. */
  valuesFor: (parameterId: number, body: unknown) => Promise<unknown>;
}

/**
 * Returns the calls that the marketplace itself makes to a connector, apart from events, each with 10 s of real time.
 *
 * @see https://docs.cloudesire.com/docs/order-validation.html
 * @see https://docs.cloudesire.com/docs/external-configuration-parameter-values.html
 */
export function createMarketplaceCalls(parts: { state: State; transport: Transport }): MarketplaceCalls {
  const { state, transport } = parts;

  async function post(url: string, body: unknown): Promise<Answer> {
    const headers = { Accept: 'application/json', 'Content-Type': 'application/json; charset=utf-8' };
    const attempt = await transport.send({
      method: 'POST',
      url,
      headers,
      body: JSON.stringify(body),
      timeoutMs: TIMEOUT_MS,
    });
    return answerOf(url, attempt);
  }

  function productOf(body: Record<string, unknown>): Product {
    return pick(state.products, 'Product', Number(body.productId));
  }

  async function parameterValues(body: Record<string, unknown>): Promise<Answer> {
    const parameter = productOf(body)
      .configurationParameters.map((reference) =>
        pick(state.configurationParameters, 'ConfigurationParameter', idOf(reference)),
      )
      .find(({ code }) => code === body.configurationParameter);
    if (parameter?.externalValuesUrl === undefined) throw refusal(400, 'The parameter has no externalValuesUrl');
    return post(parameter.externalValuesUrl, body);
  }

  return {
    parameterValues,

    async validateOrder(body) {
      const urls = productOf(body).orderValidationUrls;
      if (urls.length === 0) throw refusal(400, 'The product has no orderValidationUrls');
      const answers = await Promise.all(urls.map((url) => post(url, body)));
      const accepted = answers.every(({ status }) => status === 204);
      return { accepted, messages: answers.flatMap(messagesOf), answers };
    },

    async readMetric({ url, subscription }) {
      const headers = { Accept: 'application/json', 'CD-Subscription-Id': String(subscription) };
      return answerOf(url, await transport.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS }));
    },

    async valuesFor(parameterId, body) {
      if (!isObject(body) || !isObject(body.productVersion)) throw refusal(400, 'The productVersion is missing');
      const plan = pick(state.plans, 'ProductVersion', idOf(String(body.productVersion.url)));
      const product = pick(state.products, 'Product', idOf(plan.product));
      const chosen = isObject(body.configurationParameters) ? Object.entries(body.configurationParameters) : [];
      const answer = await parameterValues({
        productId: product.id,
        productIdentifier: product.sku,
        productVersionId: plan.id,
        productVersionIdentifier: plan.identifier,
        configurationParameter: pick(state.configurationParameters, 'ConfigurationParameter', parameterId).code,
        configurationParameters: Object.fromEntries(
          chosen.map(([path, value]) => [
            pick(state.configurationParameters, 'ConfigurationParameter', idOf(path)).code,
            value,
          ]),
        ),
        ...(typeof body.buyerId === 'number' ? { buyerId: body.buyerId } : {}),
        language: 'en',
      });
      return answer.body ?? {};
    },
  };
}

function answerOf(url: string, { status, error, body, durationMs }: Attempt): Answer {
  return {
    url,
    ...(status === undefined ? {} : { status }),
    ...(error === undefined ? {} : { error }),
    ...(body === '' ? {} : { body: parsed(body) }),
    durationMs,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function messagesOf({ status, body }: Answer): string[] {
  if (status === 204) return [];
  const errors = status === 200 && isObject(body) && Array.isArray(body.errors) ? body.errors : [];
  const messages = errors.flatMap((error: unknown) => (isObject(error) ? [String(error.message)] : []));
  return messages.length > 0 ? messages : ['The order cannot be checked now; please try again later'];
}
