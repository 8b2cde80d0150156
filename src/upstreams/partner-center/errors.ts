import { z } from 'zod';
import {
  AttentionError,
  type ConnectorError,
  CustomerError,
  type ErrorFacts,
  type ErrorOptions,
  PermanentError,
  RetryableError,
} from '../../lib/errors.ts';
import { SIGN_IN } from '../../lib/sign-in.ts';
import type { Wait } from '../../lib/wait.ts';
import type { Answer } from '../http.ts';
import { Code, type Fault } from './schema.ts';

/** What a refusal means for us. */
interface Decision {
  meaning: 'retry' | 'attention' | 'customer' | 'permanent';
  /** What it says, and what its reader should do about it. */
  advice: string;
  retryAfterMs?: number;
  /** What a long pause is for, in words that operations read. */
  waitingFor?: Wait;
  /** Fields of the buyer's profile that the customer has to correct, comma separated. */
  fields?: string;
  /** `none` unless the refusal leaves open what has happened. */
  effect?: 'none' | 'unknown';
}

interface Rule extends Decision {
  /** HTTP status → codes. The same number means different things under different statuses. */
  codes: Record<number, number[]>;
}

/** Partner Center knows of no accepted Customer Agreement, or wants a newer one accepted. */
export const AGREEMENT_MISSING = '13605';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const END_NOT_ALLOWED =
  'The chosen end of the term is not allowed, or not for this item: terminate the order, and have the customer order again with another day, or with none.';
/** While a renewal is being processed, Partner Center asks for a pause of two minutes. */
const CONFLICT_PAUSE_MS = 2 * MINUTE_MS;

/** https://learn.microsoft.com/partner-center/developer/error-codes */
const RULES: Rule[] = [
  // Rights
  {
    codes: { 403: [900329] },
    meaning: 'attention',
    advice: 'The call needs a user: set PARTNER_CENTER_REFRESH_TOKEN.',
  },
  {
    codes: { 403: [900308, 900150, 2032, 600006] },
    meaning: 'attention',
    advice: 'The application or its user lacks the right: give it the role of an admin agent in Partner Center.',
  },
  {
    codes: { 403: [900309, 90000] },
    meaning: 'attention',
    advice:
      'Entra ID refuses the application or its user: check the Conditional Access policies of the partner tenant.',
  },
  {
    codes: { 400: [900127] },
    meaning: 'permanent',
    advice:
      'This Microsoft cloud does not offer the call: check PARTNER_CENTER_BASE_URL, and report it to the developers of the connector.',
  },

  // Customer
  {
    codes: { 400: [600002, 600049, 600050] },
    meaning: 'customer',
    fields: 'registrationNumber',
    advice:
      'The registration number is missing, malformed, or not wanted in the country; the customer is asked for it.',
  },
  {
    codes: { 400: [600051] },
    meaning: 'customer',
    fields: 'phoneNumber',
    advice: 'The telephone number is missing; the customer is asked for it.',
  },
  {
    codes: { 404: [60003], 403: [20002, 900159], 400: [900118] },
    meaning: 'attention',
    advice: 'The customer is unknown or not ours (any more): restore the reseller relationship in Partner Center.',
  },
  {
    codes: { 403: [800073, 800074] },
    meaning: 'retry',
    retryAfterMs: 6 * HOUR_MS,
    waitingFor: 'Microsoft to review the account of the customer, which takes days',
    advice:
      'Microsoft reviews the customer, which takes days. Partner Center shows under account verification how far it is.',
  },
  {
    codes: { 403: [800075, 900416] },
    meaning: 'attention',
    advice: 'Microsoft has refused or locked the customer: see the account verification in Partner Center.',
  },

  // Agreements
  {
    codes: { 403: [13605] },
    meaning: 'attention',
    // What the customer has ordered asks them for it; only what nobody ordered, such as an end, comes to operations.
    advice:
      'Microsoft knows of no accepted Customer Agreement, or wants it accepted anew: have the customer accept it in the Microsoft 365 admin center.',
  },
  {
    codes: { 403: [900123], 400: [2203] },
    meaning: 'attention',
    advice: 'The indirect reseller has not signed the Microsoft Partner Agreement: have its administrator sign it.',
  },
  {
    codes: { 403: [900124] },
    meaning: 'attention',
    advice:
      'Our own company has not signed the Microsoft Partner Agreement: a global administrator has to sign it in Partner Center.',
  },

  // Catalogue, cart, order
  {
    codes: { 404: [400013, 400018, 400019], 400: [800004, 800009, 800021, 900142] },
    meaning: 'attention',
    advice: 'The item is not sold like this any more: check the offer of the plan against the catalogue.',
  },
  {
    codes: { 403: [400030, 400036] },
    meaning: 'attention',
    advice: 'The partner may not sell to this segment: check the segment of the plan.',
  },
  {
    codes: { 400: [20000, 800070, 800086], 403: [2030] },
    meaning: 'attention',
    advice: "The item or the partner is not authorised for the customer's country: check where the plan may be sold.",
  },
  {
    codes: { 403: [2006, 2085, 2091, 800020, 800028], 400: [800022, 800024, 800026, 800062] },
    meaning: 'attention',
    advice: 'The partner or the customer is not eligible for the item: ask the support of Partner Center.',
  },
  {
    codes: { 400: [800010, 800017] },
    meaning: 'attention',
    advice: 'Microsoft has no stock of the item: offer the customer another plan, or wait.',
  },
  {
    codes: { 404: [800008] },
    meaning: 'attention',
    advice: 'The cart is gone: a new one is needed, which a purchase makes by itself.',
  },
  {
    codes: { 400: [800065] },
    meaning: 'retry',
    effect: 'unknown',
    advice: 'The cart was checked out before: its order is looked for.',
  },
  {
    codes: { 409: [800064, 800060] },
    meaning: 'retry',
    effect: 'unknown',
    retryAfterMs: 15 * SECOND_MS,
    advice: 'Another request is processing the same purchase: its outcome is looked for.',
  },
  {
    codes: { 409: [800014] },
    meaning: 'retry',
    effect: 'unknown',
    retryAfterMs: CONFLICT_PAUSE_MS,
    advice: 'An adjustment of the order is pending at Microsoft.',
  },
  {
    codes: { 409: [900114] },
    meaning: 'attention',
    advice:
      "An upgrade of the customer's Azure has failed and blocks purchases: settle it with the support of Partner Center.",
  },
  {
    codes: { 400: [900169] },
    meaning: 'attention',
    advice: "The currency is neither the partner's nor the customer's: check the market of the plan.",
  },
  {
    codes: { 400: [900275, 2002], 403: [800067, 800088, 800089] },
    meaning: 'attention',
    advice: 'The quantity is outside the bounds of the item: correct the limits of the plan.',
  },
  {
    codes: { 403: [800066, 800068], 400: [900419] },
    meaning: 'attention',
    advice: 'The customer has reached the limit of subscriptions: end some that are not needed.',
  },
  {
    codes: { 400: [800018, 900116] },
    meaning: 'attention',
    advice: 'A limit of the integration sandbox is reached: clean it up.',
  },
  {
    codes: { 403: [900322] },
    meaning: 'permanent',
    advice: 'The item cannot be bought in the integration sandbox: order it in production, or another one here.',
  },
  {
    codes: { 403: [900121, 800023], 400: [800025] },
    meaning: 'attention',
    advice: "The partner's credit line is too low: have Microsoft raise it, or pay open invoices.",
  },
  {
    codes: { 403: [800069] },
    meaning: 'attention',
    advice: "Microsoft's risk management refuses the purchase: ask the support of Partner Center.",
  },
  {
    codes: { 403: [800039, 900149] },
    meaning: 'attention',
    advice: 'The enrolment in the reseller programme is not active: see Partner Center.',
  },
  {
    codes: { 404: [800015, 2072], 400: [800016, 900154, 2200, 2204] },
    meaning: 'attention',
    advice:
      'The PartnerID of the reseller is wrong, or it is no indirect reseller of ours: correct RESELLER_PARTNER_IDS.',
  },
  {
    codes: { 400: [2201] },
    meaning: 'attention',
    advice: 'The indirect reseller belongs to another region than we do: correct RESELLER_PARTNER_IDS.',
  },
  {
    codes: { 400: [900128, 900129, 900318] },
    meaning: 'attention',
    advice: 'The item needs an active Azure plan with Azure subscriptions: order these for the customer first.',
  },
  {
    codes: { 404: [20000] },
    meaning: 'retry',
    retryAfterMs: MINUTE_MS,
    advice: 'The order is not shown yet, which may take 15 minutes.',
  },

  // Partner subscriptions
  {
    codes: { 404: [20003] },
    meaning: 'attention',
    advice: 'The partner subscription does not exist: somebody may have removed it, or the record names a wrong one.',
  },
  {
    codes: { 400: [2055], 412: [2055] },
    meaning: 'retry',
    advice: 'Somebody changed the resource meanwhile: it is read anew.',
  },
  {
    codes: { 400: [2001, 800091] },
    meaning: 'attention',
    advice:
      'The partner subscription is suspended, so that nothing else can be changed: resume it first, or see in Partner Center why Microsoft has suspended it.',
  },
  {
    codes: { 400: [800090, 900214, 900257] },
    meaning: 'permanent',
    advice: 'The window for giving seats back has closed: fewer seats can only be scheduled for the renewal.',
  },
  {
    codes: { 400: [900117, 900213] },
    meaning: 'permanent',
    advice: 'The window for cancelling has closed: it can only be ended with its term, by switching renewal off.',
  },
  {
    codes: { 400: [2011, 900279] },
    meaning: 'permanent',
    advice: 'The partner subscription has ended for good: if it is still wanted, it has to be bought anew.',
  },
  {
    codes: { 400: [900277, 900280] },
    meaning: 'retry',
    retryAfterMs: 12 * HOUR_MS,
    waitingFor: 'Microsoft to process the end of the term, until which nothing can be changed',
    advice: 'Its term is ending, and changes are closed until Microsoft has processed that.',
  },
  {
    codes: { 409: [900278] },
    meaning: 'retry',
    effect: 'unknown',
    retryAfterMs: 15 * MINUTE_MS,
    waitingFor: 'Microsoft to finish another operation on the partner subscription, which may take 24 hours',
    advice: 'Another operation is pending on it, for up to 24 hours.',
  },
  {
    codes: { 409: [800082] },
    meaning: 'retry',
    effect: 'unknown',
    retryAfterMs: CONFLICT_PAUSE_MS,
    advice: 'It is not ready for changes yet.',
  },
  {
    codes: { 400: [800081] },
    meaning: 'retry',
    retryAfterMs: 15 * MINUTE_MS,
    waitingFor: 'the customer to activate the partner subscription',
    advice: 'The customer has not activated it yet.',
  },
  {
    codes: { 400: [800093] },
    meaning: 'permanent',
    advice: 'It cannot renew by itself: what is wanted after the end of its term has to be bought anew.',
  },
  {
    codes: { 400: [800095], 403: [800027] },
    meaning: 'permanent',
    advice: 'Its number of seats is fixed, as that of a trial is: other seats have to be bought separately.',
  },
  {
    codes: { 400: [800096] },
    meaning: 'permanent',
    advice: 'It can be neither suspended nor cancelled, as a trial cannot: it can only be ended with its term.',
  },
  {
    codes: { 400: [800097] },
    meaning: 'permanent',
    advice: 'Its billing cycle is fixed within the term: another one can only be scheduled for the renewal.',
  },
  {
    codes: { 400: [800098] },
    meaning: 'permanent',
    advice: 'Its reseller of record is fixed: only the support of Partner Center can change it.',
  },
  {
    codes: { 400: [900311] },
    meaning: 'attention',
    advice: 'It was changed more often than Microsoft allows: ask the support of Partner Center.',
  },
  {
    codes: { 400: [800107] },
    meaning: 'attention',
    advice: 'A trial keeps its term: check whether the plan that was changed to is meant for its conversion.',
  },
  {
    codes: { 400: [800121, 800122, 900267, 900268, 900269, 900270] },
    meaning: 'attention',
    advice:
      'Within the term, it can only be changed for one as long or longer, and billed no more seldom than it lasts: check duration and billing period of the plan that was changed to.',
  },
  {
    codes: { 400: [900236, 900258, 900259, 900260] },
    meaning: 'attention',
    advice:
      'The partner subscription that was to take the seats does not suit: it must be another one of the wanted offer, active, and end no earlier.',
  },
  {
    codes: { 400: [900261] },
    meaning: 'attention',
    advice:
      'The partner subscription that was to take the seats is not ready yet, for instance while it can still be cancelled: it goes on when it is.',
  },
  {
    codes: { 400: [900242, 900244, 900245, 900246] },
    meaning: 'attention',
    advice: END_NOT_ALLOWED,
  },

  // Azure
  {
    codes: { 403: [900115] },
    meaning: 'attention',
    advice: 'The Azure plan still has active Azure subscriptions: cancel them first.',
  },
  {
    codes: { 403: [900263], 400: [2054] },
    meaning: 'attention',
    advice: 'A legacy subscription must be changed in Partner Center.',
  },
  {
    codes: { 404: [800111] },
    meaning: 'attention',
    advice: 'The Azure subscription is not under this plan: look for it in Partner Center.',
  },

  // The request itself
  {
    codes: { 400: [800002, 3000, 2000, 900126, 900203, 900206, 900307] },
    meaning: 'attention',
    advice: 'The request does not fit the API: report it to the developers of the connector, with the identifier.',
  },
  {
    codes: { 417: [800036] },
    meaning: 'permanent',
    advice: 'A precondition of the call can never be met: report it to the developers of the connector.',
  },
];

/** Faults of cart lines have numbers of their own. https://learn.microsoft.com/partner-center/developer/cart-resources */
const CART_LINE_RULES = new Map<string, Decision>([
  ['10000', { meaning: 'attention', advice: 'The currency is not supported: check the market of the plan.' }],
  [
    '10001',
    { meaning: 'retry', advice: 'The catalogue item has changed since it was looked up: it is looked up anew.' },
  ],
  ['10002', { meaning: 'attention', advice: 'The quota is used up: have Microsoft raise it.' }],
  [
    '10003',
    {
      meaning: 'attention',
      advice: 'Microsoft has no stock of the item: offer the customer another plan, or wait.',
    },
  ],
  ['10004', { meaning: 'attention', advice: 'The partner may not name a reseller: check RESELLER_PARTNER_IDS.' }],
  ['10009', { meaning: 'attention', advice: 'A limit of the integration sandbox is reached: clean it up.' }],
  ['10013', { meaning: 'attention', advice: 'The billing cycle is not sold: correct the billing period of the plan.' }],
  [
    '10015',
    { meaning: 'attention', advice: 'One subscription cannot have that many seats: correct the limits of the plan.' },
  ],
  ['10016', { meaning: 'attention', advice: END_NOT_ALLOWED }],
  ['10017', { meaning: 'attention', advice: END_NOT_ALLOWED }],
  [
    '10018',
    {
      meaning: 'attention',
      advice: 'The base product has too few seats for this add-on: have the customer order more of them.',
    },
  ],
  ['10019', { meaning: 'attention', advice: 'The add-on needs more seats: have the customer order more of them.' }],
  [
    '400041',
    {
      meaning: 'attention',
      advice: 'The add-on needs a base product, which the customer does not have: have them order it first.',
    },
  ],
  ['500600', { meaning: 'attention', advice: 'Legacy offers are no longer sold: give the plan a current offer.' }],
]);

const rules = new Map<string, Rule>(
  RULES.flatMap((rule) =>
    Object.entries(rule.codes).flatMap(([status, codes]) => codes.map((code) => [`${status} ${code}`, rule] as const)),
  ),
);

/** The code that Partner Center gives in the body of a refusal, as text; empty without one. */
export function codeOf({ body }: Answer): string {
  if (typeof body !== 'object' || body === null) return '';
  const found = Object.entries(body).find(([name]) => name.toLowerCase() === 'code');
  return Code.pipe(z.string().regex(/^\w{1,40}$/))
    .catch('')
    .parse(found?.[1]);
}

/** Recognises refusals with one of these codes, for calls that understand them. */
export function refusedWith(...codes: string[]): (answer: Answer) => boolean {
  return (answer) => answer.status >= 400 && codes.includes(codeOf(answer));
}

/**
 * The meaning of a refusal, from status and code. `undefined` for 408 and 5xx, which are simply tried again.
 *
 * Codes are `partner-center.<code>`; a conflict without known code is `partner-center.conflict`, any other refusal
 * `partner-center.refused` and a matter for a person, since money is involved.
 */
export function refusalOf(answer: Answer): ConnectorError | undefined {
  const { status } = answer;
  const code = codeOf(answer);
  const facts = factsOf(answer);
  const what = describe(facts);
  const rule = rules.get(`${status} ${code}`);
  if (rule) return errorBy(rule, `partner-center.${code}`, what, facts);

  if (status === 409) {
    return new RetryableError(`partner-center.${code || 'conflict'}`, `${what} Something else is in progress there.`, {
      facts,
      retryAfterMs: CONFLICT_PAUSE_MS,
    });
  }
  if (status === 417 || status === 501) {
    return new PermanentError(
      `partner-center.${code || 'unsupported'}`,
      `${what} Repeating it cannot help: report it to the developers of the connector, with the identifier.`,
      {
        facts,
        effect: 'none',
      },
    );
  }
  if (status === 408 || status >= 500) return undefined;
  return new AttentionError(
    'partner-center.refused',
    `${what} ${code ? 'The reason is not known here: look the code up before anything is repeated.' : unexplained(facts)}`,
    { facts },
  );
}

/** The error for a call that stays unauthorized with a fresh token. */
export function unauthorized(answer: Answer): AttentionError {
  const facts = factsOf(answer);
  const options = { facts, effect: 'none' } as const;
  return facts.upstreamCode === '900421'
    ? new AttentionError(
        'partner-center.mfa-required',
        `${describe(facts)} The user's consent was given without multi-factor authentication: ${SIGN_IN}`,
        { ...options, curedBy: 'setting' },
      )
    : new AttentionError(
        'partner-center.unauthorized',
        `${describe(facts)} Even a fresh token is refused: check that the application is registered in Partner Center's app management, and its API access.`,
        options,
      );
}

/** The error for a line that Partner Center put into the cart but will not sell. The cart costs nothing. */
export function cartLineError(fault: Fault): ConnectorError {
  return faultError('Partner Center will not sell a cart line', fault, CART_LINE_RULES.get(fault.code), 'none');
}

/** The error for a group of cart lines that a checkout did not order, although it answered with success. */
export function orderError(fault: Fault): ConnectorError {
  const rule = RULES.find(({ codes }) => Object.values(codes).flat().map(String).includes(fault.code));
  return faultError('Partner Center did not order what was checked out', fault, rule, 'unknown');
}

/** A fault inside a successful answer has no status of its own: its code alone decides. */
function faultError(
  what: string,
  { code }: Fault,
  known: Decision | undefined,
  effect: 'none' | 'unknown',
): ConnectorError {
  const decision = known ?? { meaning: 'attention', advice: 'Look the code up before the order goes on.' };
  const facts: ErrorFacts = { upstream: 'partner-center', upstreamCode: code };
  return errorBy(
    { ...decision, effect },
    `partner-center.${known ? code : 'refused'}`,
    `${what} (code ${code}).`,
    facts,
  );
}

function errorBy(decision: Decision, code: string, what: string, facts: ErrorFacts): ConnectorError {
  const { meaning, advice, retryAfterMs, waitingFor, fields, effect = 'none' } = decision;
  const message = `${what} ${advice}`;
  const options: ErrorOptions = { facts, effect };
  switch (meaning) {
    case 'retry':
      return new RetryableError(code, message, {
        ...options,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
        ...(waitingFor && { waitingFor }),
      });
    case 'attention':
      return new AttentionError(code, message, options);
    case 'customer':
      return new CustomerError('customer.data-refused', message, { ...options, ...(fields && { params: { fields } }) });
    case 'permanent':
      return new PermanentError(code, message, options);
  }
}

function factsOf(answer: Answer): ErrorFacts {
  const code = codeOf(answer);
  return { ...answer.facts, ...(code && { upstreamCode: code }) };
}

/** What is left to do where the body of a refusal was empty. */
function unexplained({ method, path = '', correlationId }: ErrorFacts): string {
  // The names of the resources, without identifiers.
  const resource = path.split('/').filter((part) => /^[a-z]+$/i.test(part));
  return `Microsoft gave no reason for refusing ${method} ${resource.join('/')}: ask the support of Partner Center${correlationId ? ', and quote the correlation id' : ''}.`;
}

function describe({ method, path, status, upstreamCode, correlationId }: ErrorFacts): string {
  const details = [status, upstreamCode && `code ${upstreamCode}`, correlationId && `correlation id ${correlationId}`];
  return `Partner Center refused ${method} ${path} (${details.filter(Boolean).join(', ')}).`;
}
