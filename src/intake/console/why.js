import { h } from './dom.js';
import { IDENTIFIER, sentence } from './parts.js';

/* Why a subscription stands where it stands: what to do first, then since when, and folded what the support of an upstream asks for. */

const SINCE = /^((?:Has needed you|Failed|Failing) since \d{4}-\S+ \S+ UTC.*?): /s;
const CALL =
  /(\b[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*) (refused|failed at) (?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+ \(([^()]*)\)(?:: "[^"]*")?\./;
const QUOTE =
  /\bAzure says: .*?(?= (?:Then press retry\.|Then it goes on by itself|It is tried again by itself|Cure the cause, then|Look once they have|The next look has|Its next look has|No worker takes)|$)/s;

/**
 * @typedef {{ cure: string, since?: string, call?: string, status?: string, quote?: string }} Parts `cure`: what is left to say, and to do, without
 * the others; `call`: which call was refused, with `status` its code, and `quote` the words of who refused it
 */

/** @param {string} why @returns {Parts} */
function partsOf(why) {
  const since = SINCE.exec(why);
  const said = since ? why.slice(since[0].length) : why;
  const call = CALL.exec(said);
  const withoutCall = call ? said.replace(call[0], '') : said;
  const quote = QUOTE.exec(withoutCall);
  const cure = (quote ? withoutCall.replace(quote[0], '') : withoutCall).replace(/\s+/g, ' ').trim();
  if (!cure) return { cure: said, ...(since?.[1] && { since: since[1] }) };
  const details = call?.[3]?.split(', ').filter((detail) => !IDENTIFIER.test(detail)) ?? [];
  return {
    cure,
    ...(since?.[1] && { since: since[1] }),
    ...(call && { call: call[0], status: `${call[1]} ${call[2]} a call: ${details.join(', ')}` }),
    ...(quote && { quote: quote[0] }),
  };
}

/** What to do about it, and no more: for a card that says the rest itself. @param {string} why */
export function cureOf(why) {
  return sentence(partsOf(why).cure);
}

/**
 * All of it, what to do in large letters.
 *
 * @param {string} why
 * @param {string} state
 */
export function whole(why, state) {
  const { cure, since, call, status = 'What Azure says', quote } = partsOf(why);
  return [
    h('p', { class: `why state-${state}` }, sentence(cure)),
    since && h('p', { class: 'hint' }, since, '.'),
    (call || quote) &&
      h(
        'details',
        { 'data-key': 'call' },
        h('summary', {}, status),
        call && h('p', {}, sentence(call)),
        quote && h('p', {}, sentence(quote)),
      ),
  ];
}

const IN_TROUBLE = ['needs-attention', 'retrying'];

/** Since when it stands as it stands: of what fails, since its first failure. @param {Pick<import('./api.js').Subscription, 'state' | 'since' | 'failingSince'>} subscription */
export function standingSince({ state, since, failingSince }) {
  return IN_TROUBLE.includes(state) && failingSince && failingSince < since ? failingSince : since;
}
