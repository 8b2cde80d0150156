import { Refused, read } from './api.js';
import { h } from './dom.js';
import { badge, copyable, counted, listAddress, money, soldAs } from './parts.js';
import { isFailed, isHeldBack, story } from './story.js';
import { ago, day, lasting } from './time.js';
import { standingSince, whole } from './why.js';

/** @typedef {import('./api.js').Story} Story */

/** What each button does, for those who have never pressed it. @type {Record<string, { name: string, does: string }>} */
const ACTIONS = {
  look: {
    name: 'Look now',
    does: 'Reads marketplace and Microsoft anew and goes on where it stands. Does no harm.',
  },
  retry: {
    name: 'Retry',
    does: 'Forgets the failure and resumes at the failed step. Nothing is bought twice. Cure the cause first.',
  },
  hold: { name: 'Hold', does: 'Nothing is sent for it from its next step on, until it is released.' },
  release: { name: 'Release', does: 'It goes on from where it was held.' },
  detach: {
    name: 'Detach',
    does: 'The connector leaves it alone for good; everything at Microsoft stays, and is charged. For what you finish by hand.',
  },
  attach: { name: 'Attach', does: 'Gives it back to the connector, which looks at it at once.' },
};

const FAILED_CALLS = 3;
const STUCK = ['needs-attention', 'failed', 'retrying'];

/**
 * One subscription: why it stands where it stands, what can be pressed, its facts and its story.
 *
 * @type {import('./parts.js').View}
 */
export async function subscription({ path }) {
  const id = path[1] ?? '';
  if (!/^\d{1,10}$/.test(id)) return { title: id, content: unreadable(id) };
  /** @type {Story | undefined} */
  const found = await read(`/subscriptions/${encodeURIComponent(id)}`).catch((error) => {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  });
  return found ? { title: `${id} ${found.state}`, content: known(found) } : { title: id, content: unknown(id) };
}

/** @param {string} id */
function unreadable(id) {
  return [
    h('h1', { tabindex: -1 }, 'Not the number of a subscription'),
    h('p', {}, `“${id}” is no number. Subscriptions have one, like 50010. `),
    h('p', {}, h('a', { href: listAddress({ text: id }) }, 'Look for it as a text')),
  ];
}

/** @param {string} id */
function unknown(id) {
  return [
    h('h1', { tabindex: -1 }, id),
    h('p', { class: 'why' }, 'The connector has never heard of this subscription.'),
    h(
      'p',
      {},
      'If the marketplace sells it, and it is a product of Microsoft, have the connector look at it: events can be lost on their way.',
    ),
    h('ul', { class: 'actions' }, action('look', Number(id), true)),
  ];
}

/** @param {Story} story */
function known({ timeline, actions, ...subscription }) {
  const { subscriptionId, state, step, why, held, detached, nextTryAt, lastError } = subscription;
  const what = soldAs(subscription);
  const best = recommended(subscription);
  const ordered = [...actions].sort((one, other) => Number(other === best) - Number(one === best));
  return [
    h(
      'div',
      { class: 'heading' },
      h('h1', { tabindex: -1 }, subscriptionId),
      badge(state),
      held && badge('held'),
      detached && badge('detached'),
      h(
        'span',
        { class: 'hint' },
        what ? `${what} · for ` : 'for ',
        lasting(standingSince(subscription)),
        STUCK.includes(state) && lastError && [', last found so ', ago(lastError.at)],
        state === 'retrying' && nextTryAt && [', next try ', ago(nextTryAt)],
      ),
    ),
    ...whole(why ?? 'In order; nothing is to come.', state),
    stillCharged(subscription),
    // In the other states the sentence says it.
    (state === 'waiting' || state === 'running') &&
      step &&
      h('p', { class: 'hint' }, 'At step ', h('strong', {}, step), '.'),
    h(
      'section',
      { 'aria-labelledby': 'actions' },
      h('h2', { id: 'actions' }, 'What you can do'),
      h('ul', { class: 'actions' }, ...ordered.map((name) => action(name, subscriptionId, name === best))),
    ),
    state !== 'done' && state !== 'idle' && failedCalls(timeline),
    messages(timeline),
    h('section', { 'aria-labelledby': 'facts' }, h('h2', { id: 'facts' }, 'Facts'), ...facts(subscription)),
    h('section', { 'aria-labelledby': 'story' }, h('h2', { id: 'story' }, 'What happened'), story(timeline)),
  ];
}

/** What Microsoft charges on although it was ended. @param {import('./api.js').Subscription} subscription */
function stillCharged({ fulfillment }) {
  /** @type {any} what the connector keeps of it, as GET /ops/api/exposures tells it too */
  const exposure = fulfillment?.exposure;
  if (typeof exposure !== 'object' || exposure === null) return undefined;
  const { seats, until, price } = exposure;
  return h(
    'p',
    {},
    `Microsoft charges ${counted(Number(seats), 'seat')} on, `,
    typeof until === 'string' ? ['until ', day(until)] : 'until when is not known',
    price && `: ${money(price.amount * seats, String(price.currency))} a billing period, before tax`,
    '. ',
    h('a', { href: '#exposures' }, 'Exposures'),
  );
}

/** The action that helps most as it stands. @param {import('./api.js').Subscription} subscription */
function recommended({ state, held, detached, lastError }) {
  if (detached) return undefined;
  if (held) return 'release';
  return state === 'failed' || state === 'needs-attention' ? (lastError?.cure ?? 'look') : undefined;
}

/** @param {string} name @param {number} id @param {boolean} isBest */
function action(name, id, isBest) {
  const { name: label, does } = ACTIONS[name] ?? { name, does: '' };
  const kind = name === 'detach' ? 'danger' : isBest ? 'primary' : undefined;
  return h(
    'li',
    { 'data-key': name },
    h(
      'button',
      {
        type: 'button',
        class: kind,
        'data-press': name,
        'data-id': id,
        'data-label': label,
        'data-does': does,
        'aria-describedby': `does-${name}`,
      },
      `${label} …`,
    ),
    h('span', { id: `does-${name}`, class: 'hint' }, does),
  );
}

/**
 * The last calls that an upstream refused and that have not succeeded since, with what its support asks for; and apart from them, which the
 * connector itself did not send.
 *
 * @param {Story['timeline']} timeline
 */
function failedCalls(timeline) {
  const calls = timeline.filter(({ kind }) => kind === 'call');
  const failed = calls.filter((call, at) => isFailed(call) && !calls.slice(0, at).some((later) => isOver(call, later)));
  const own = calls.filter(isHeldBack);
  const [newest] = own;
  if (failed.length === 0 && !newest) return undefined;
  return h(
    'section',
    { 'aria-labelledby': 'refused' },
    h('h2', { id: 'refused' }, failed.length > 0 ? 'Calls that failed last' : 'Calls that were not sent'),
    failed.length > 0 &&
      h(
        'ul',
        { class: 'rows' },
        ...failed
          .slice(0, FAILED_CALLS)
          .map((call) =>
            h(
              'li',
              { 'data-key': `${call.at} ${String(call.correlationId)}` },
              h('p', { class: 'meta' }, h('code', {}, call.text), h('span', { class: 'age' }, ago(call.at))),
              h('dl', { class: 'pairs' }, ...pairsOf(call, ['errorCode', 'correlationId', 'requestId'])),
            ),
          ),
      ),
    newest &&
      h(
        'p',
        { class: 'hint', 'data-key': 'own' },
        `${counted(own.length, 'call was', 'calls were')} not sent, by the connector itself, for a limit or an outage; the last `,
        ago(newest.at),
        '. Microsoft knows nothing of them. ',
        h('a', { href: '#limits' }, 'Limits'),
      ),
  );
}

/** Whether the same call has succeeded later. @param {Story['timeline'][number]} call @param {Story['timeline'][number]} later */
function isOver(call, later) {
  const what = call.text.split(' → ')[0];
  return later.errorCode === undefined && later.text.split(' → ')[0] === what;
}

/** @param {Story['timeline']} timeline */
function messages(timeline) {
  const told = timeline.filter(({ kind }) => kind === 'report');
  if (told.length === 0) return undefined;
  return h(
    'section',
    { 'aria-labelledby': 'messages' },
    h('h2', { id: 'messages' }, 'What the customer was told'),
    h(
      'ul',
      { class: 'lines' },
      ...told.map((entry) => {
        const { at, kind, text, sent, ...more } = entry;
        const aside = [text, Object.keys(more).length > 0 && printed(more)].filter(Boolean).join(' ');
        // In the language of the console; the customer reads it in that of the marketplace.
        const told = typeof sent === 'string' ? [`“${sent}”`, h('span', { class: 'hint' }, ` ${aside}`)] : aside;
        return h('li', { 'data-key': `${at} ${kind}` }, h('span', { class: 'hint' }, ago(at)), h('span', {}, told));
      }),
    ),
  );
}

/** @type {Record<string, string>} */
const NAMES = {
  owner: 'Customer in the marketplace',
  customerId: 'Microsoft customer (tenant)',
  domain: 'Domain',
  partnerSubscriptionId: 'Partner subscription',
  orderId: 'Order at Microsoft',
  cartId: 'Cart',
  offerId: 'Offer',
  errorCode: 'Error code',
  correlationId: 'Correlation id',
  requestId: 'Request id',
};
const FIRST = ['owner', 'customerId', 'domain', 'partnerSubscriptionId', 'orderId', 'cartId', 'offerId'];

/**
 * @param {Record<string, unknown>} from
 * @param {string[]} names
 */
function pairsOf(from, names) {
  return names.flatMap((name) => {
    const value = from[name];
    if (typeof value !== 'string' || value === '') return [];
    const label = NAMES[name] ?? name;
    return [h('div', { 'data-key': name }, h('dt', {}, label), h('dd', {}, copyable(value, label)))];
  });
}

/** @param {import('./api.js').Subscription} subscription */
function facts({ subscriptionId, fulfillment, lastError }) {
  const owner = fulfillment?.owner;
  const { exposure, ...rest } = fulfillment ?? {};
  const others = Object.entries(rest).filter(([name]) => !FIRST.includes(name) && name !== 'productType');
  return [
    h(
      'dl',
      { class: 'pairs' },
      ...pairsOf({ id: String(subscriptionId) }, ['id']).map((pair) => {
        pair.querySelector('dt')?.replaceChildren('Subscription');
        return pair;
      }),
      ...pairsOf(fulfillment ?? {}, FIRST),
      ...azurePairs(fulfillment?.azure),
    ),
    typeof owner === 'string' &&
      h(
        'p',
        {},
        h(
          'a',
          { href: `#subscriptions?${new URLSearchParams({ customer: owner })}` },
          'All subscriptions of this customer',
        ),
      ),
    lastError && h('p', { class: 'hint' }, 'Last error: ', h('code', {}, lastError.code), ' ', ago(lastError.at)),
    others.length > 0 &&
      h(
        'details',
        { 'data-key': 'others' },
        h('summary', {}, `${others.length} more facts`),
        h(
          'dl',
          { class: 'pairs' },
          ...others.map(([name, value]) =>
            h('div', { 'data-key': name }, h('dt', {}, spaced(name)), h('dd', {}, shown(name, value))),
          ),
          exposure !== undefined && h('div', {}, h('dt', {}, 'still charged'), h('dd', {}, printed(exposure))),
        ),
      ),
  ];
}

/** @param {unknown} azure */
function azurePairs(azure) {
  if (typeof azure !== 'object' || azure === null || !('subscriptionId' in azure)) return [];
  return pairsOf(azure, ['subscriptionId']).map((pair) => {
    pair.querySelector('dt')?.replaceChildren('Azure subscription');
    pair.dataset.key = 'azure subscription';
    return pair;
  });
}

/** @param {string} name @param {unknown} value */
function shown(name, value) {
  if (typeof value === 'string' && name.endsWith('At')) return ago(value);
  if (typeof value === 'string' && name.endsWith('Date')) return day(value);
  return printed(value);
}

/** @param {unknown} value @returns {string} */
function printed(value) {
  if (Array.isArray(value)) return value.map(printed).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, one]) => `${spaced(name)}: ${printed(one)}`)
    .join(', ');
}

/** `commitmentEndDate` → `commitment end date`. @param {string} name */
function spaced(name) {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
