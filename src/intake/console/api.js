/* The API of operations, as GET /openapi.json describes it. */

/**
 * @template T
 * @typedef {{ items: T[], page: number, total: number }} Page
 */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsOverview>} Overview */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsSubscription>} Subscription */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsSubscriptionStory>} Story */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsExposure>} Exposure */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsCustomer>} Customer */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsQuarantined>} Quarantined */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsDeadLetterList>} DeadLetterList */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsBudgets>} Budgets */
/** @typedef {import('zod').infer<typeof import('../ops-answers.ts').OpsAuditEntry>} AuditEntry */

const ANSWER_WITHIN_MS = 10_000;

/** The connector cannot be reached, or cannot reach its Redis. */
export class Away extends Error {}
/** Nobody is logged in any more; the message tells why when the token was changed. */
export class LoggedOut extends Error {
  /**
   * @param {boolean} isTokenChanged
   * @param {string} message
   */
  constructor(isTokenChanged, message) {
    super(message);
    this.isTokenChanged = isTokenChanged;
  }
}
/** The connector says no, and why. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** How far the clock of the connector is ahead of this one, in ms. */
let aheadMs = 0;

/** The time as the connector has it, so that ages are right on a machine whose clock is not. */
export function now() {
  return Date.now() + aheadMs;
}

/**
 * Reads.
 *
 * @param {string} path below /ops/api
 * @param {Record<string, string | number | undefined>} [query]
 * @returns {Promise<any>}
 */
export function read(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return send('GET', `/api${path}${given.length > 0 ? `?${search}` : ''}`);
}

/**
 * Presses.
 *
 * @param {string} path below /ops/api
 * @param {object} body
 * @returns {Promise<any>}
 */
export function write(path, body) {
  return send('POST', `/api${path}`, body);
}

/** @param {{ token: string, operator: string }} who */
export function logIn(who) {
  return send('POST', '/login', who);
}

export function logOut() {
  return send('POST', '/logout');
}

/**
 * @param {string} method
 * @param {string} path below /ops
 * @param {object} [body]
 */
async function send(method, path, body) {
  const response = await fetch(`/ops${path}`, {
    method,
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Away('The connector does not answer.');
  });
  const date = Date.parse(response.headers.get('date') ?? '');
  // The header has whole seconds.
  if (Math.abs(date - Date.now()) > 2_000) aheadMs = date - Date.now();
  else if (!Number.isNaN(date)) aheadMs = 0;

  if (response.status === 204) return undefined;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const message = typeof answer.message === 'string' ? answer.message : `The answer was ${response.status}.`;
  if (response.status === 401 && path !== '/login') throw new LoggedOut(answer.error === 'ops.token-changed', message);
  if (response.status >= 502 && response.status <= 504) throw new Away(message);
  throw new Refused(response.status, message);
}
