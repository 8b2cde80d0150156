import { read } from './api.js';
import { h } from './dom.js';
import { badge, counted, empty, linkTo, PRODUCT_NAMES, pager, soldAs, stateName } from './parts.js';
import { ago } from './time.js';
import { cureOf, standingSince } from './why.js';

const STATES = ['needs-attention', 'failed', 'retrying', 'waiting', 'running', 'idle', 'done', 'held', 'detached'];

/**
 * The list of subscriptions, by what was asked for.
 *
 * @type {import('./parts.js').View}
 */
export async function subscriptions({ query }) {
  /** @type {import('./api.js').Page<import('./api.js').Subscription>} */
  const list = await read('/subscriptions', Object.fromEntries(query));
  return {
    title: 'Subscriptions',
    content: [
      h('h1', { tabindex: -1 }, 'Subscriptions'),
      filters(query),
      h('p', { class: 'hint', role: 'status' }, `${counted(list.total, 'subscription')}, what changed last first`),
      list.items.length > 0
        ? h('ul', { class: 'rows' }, ...list.items.map(row))
        : empty(
            list,
            'subscriptions',
            query,
            'Nothing fits. An order that the connector has never heard of can be looked up by its number.',
          ),
      pager(list, 'subscriptions', query),
    ],
  };
}

/** @param {URLSearchParams} query */
function filters(query) {
  const state = query.get('state') ?? '';
  const product = query.get('product') ?? '';
  return h(
    'form',
    { class: 'filters', 'data-filters': 'subscriptions', 'data-key': `filters ${query}` },
    field('Text or number', h('input', { name: 'text', type: 'search', value: query.get('text'), maxlength: 200 })),
    field(
      'State',
      h(
        'select',
        { name: 'state' },
        h('option', { value: '' }, 'any'),
        ...STATES.map((one) => h('option', { value: one, selected: one === state }, stateName(one))),
      ),
    ),
    field(
      'Product',
      h(
        'select',
        { name: 'product' },
        h('option', { value: '' }, 'any'),
        ...Object.entries(PRODUCT_NAMES).map(([value, name]) =>
          h('option', { value, selected: value === product }, `${name}s`),
        ),
      ),
    ),
    field(
      'Customer',
      h('input', {
        name: 'customer',
        value: query.get('customer'),
        placeholder: 'domain or tenant',
        title: 'Owner in the marketplace (userCompany/512), domain, or tenant',
        maxlength: 200,
        spellcheck: 'false',
        autocapitalize: 'off',
      }),
    ),
    h('div', { class: 'buttons' }, h('button', {}, 'Filter'), h('a', { href: '#subscriptions' }, 'Clear')),
  );
}

/** @param {string} name @param {HTMLElement} input */
function field(name, input) {
  return h('label', {}, h('span', {}, name), input);
}

/** One of a list. @param {import('./api.js').Subscription} subscription */
export function row(subscription) {
  const { subscriptionId, state, why, held, detached, fulfillment } = subscription;
  const domain = fulfillment?.domain;
  return h(
    'li',
    { 'data-key': subscriptionId },
    h(
      'p',
      { class: 'meta' },
      h('strong', {}, linkTo(subscriptionId)),
      badge(state),
      held && badge('held'),
      detached && badge('detached'),
      h('span', {}, soldAs(subscription)),
      typeof domain === 'string' && h('span', {}, domain),
      h('span', { class: 'age' }, ago(standingSince(subscription))),
    ),
    h('p', { class: 'sentence' }, why ? cureOf(why) : 'In order; nothing is to come.'),
  );
}
