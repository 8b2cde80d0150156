import { Away, LoggedOut, now, Refused, write } from './api.js';
import { byId, fieldOf, h } from './dom.js';
import { codeOf, foundBy } from './found.js';
import { counted } from './parts.js';
import { clockOf } from './time.js';

/* What is pressed: each press asks for its reason first, and tells what came of it. */

/** @typedef {{ title: string, does: string, path: string, go: string, ids: number[], isLook?: boolean, code?: string, confirm?: string, isDangerous?: boolean }} Press */

const dialog = byId('press', HTMLDialogElement);
const form = /** @type {HTMLFormElement} */ (dialog.querySelector('form'));
const title = byId('press-title', HTMLElement);
const effect = byId('press-effect', HTMLElement);
const confirmation = byId('press-confirm', HTMLElement);
const refusal = /** @type {HTMLElement} */ (form.querySelector('.refusal'));
const go = /** @type {HTMLButtonElement} */ (form.elements.namedItem('go'));

/**
 * Opens the question for a reason when a button with `data-press` was pressed, and says what came of it.
 *
 * @param {{ said(text: string): void, loggedOut(over: LoggedOut): void, changed(): void }} parts
 * @returns {(button: HTMLElement) => void}
 */
export function createPresses({ said, loggedOut, changed }) {
  /** @type {Press | undefined} */
  let press;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!press || go.disabled) return;
    if (press.confirm !== undefined && fieldOf(form, 'confirm').value.trim() !== press.confirm) {
      refuse(`This is not the number of the subscription: type ${press.confirm}.`);
      fieldOf(form, 'confirm').focus();
      return;
    }
    const reason = fieldOf(form, 'reason').value.trim();
    if (reason === '') {
      refuse('Say why: blanks tell nobody anything.');
      fieldOf(form, 'reason').focus();
      return;
    }
    const { path, confirm, ids, code } = press;
    const [first] = ids;
    const body = {
      reason,
      ...(confirm !== undefined && { confirm: fieldOf(form, 'confirm').value.trim() }),
    };
    go.disabled = true;
    refusal.hidden = true;
    try {
      const before = code ?? (first === undefined ? undefined : await codeOf(first));
      const answer = await write(path, body);
      dialog.close();
      const taken = outcomeOf(press, answer);
      const looked = answer.status === 'backlog-full' ? [] : ids;
      said(looked.length > 0 ? `${taken} Waiting for the look …` : taken);
      changed();
      void follow(looked, before);
    } catch (error) {
      if (error instanceof LoggedOut) loggedOut(error);
      else if (error instanceof Away)
        refuse(`${error.message} Whether it was taken is not certain: see the audit trail.`);
      else if (error instanceof Refused) refuse(error.message);
      else throw error;
    } finally {
      go.disabled = false;
    }
  });
  fieldOf(form, 'reason').addEventListener('keydown', (event) => {
    if (!(event instanceof KeyboardEvent) || event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(go);
  });
  form.querySelector('[name=cancel]')?.addEventListener('click', () => dialog.close());

  /** Counts what is followed: only the last press is. */
  let following = 0;
  /** @param {number[]} ids of which something is to come @param {string | undefined} code why they stood still */
  async function follow(ids, code) {
    following += 1;
    const ours = following;
    if (ids.length === 0) return;
    try {
      const found = await foundBy(ids, code, () => ours === following);
      if (ours !== following) return;
      said(found);
      changed();
    } catch (error) {
      if (error instanceof LoggedOut) loggedOut(error);
      else if (!(error instanceof Away || error instanceof Refused)) throw error;
    }
  }

  /** @param {string} text */
  function refuse(text) {
    refusal.textContent = text;
    refusal.hidden = false;
  }

  return (button) => {
    press = pressOf(button.dataset);
    title.textContent = press.title;
    effect.textContent = press.does;
    go.textContent = press.go;
    go.className = press.isDangerous ? 'danger' : 'primary';
    refusal.hidden = true;
    form.reset();
    confirmation.hidden = press.confirm === undefined;
    const typed = fieldOf(form, 'confirm');
    typed.required = press.confirm !== undefined;
    const label = confirmation.querySelector('label');
    if (label) label.textContent = `Type ${press.confirm ?? ''} to confirm`;
    dialog.showModal();
    (press.confirm === undefined ? fieldOf(form, 'reason') : typed).focus();
  };
}

/**
 * @param {DOMStringMap} data of the button
 * @returns {Press}
 */
function pressOf({ press = '', id = '', ids = '', label = '', does = '', code = '', count = '', digest = '' }) {
  if (press === 'look-all') {
    return {
      title: `Look again at ${count === '1' ? 'the one' : `all ${count}`} that stand${count === '1' ? 's' : ''} still for ${code}`,
      does: 'Each is read anew and goes on where it stands, behind what customers wait for; at most 500 at once. Held and detached ones are left out. The audit trail has it as retry-all.',
      path: `/dead-letters/${encodeURIComponent(code)}/retry`,
      go: count === '1' ? 'Look now' : `Look at all ${count} now`,
      isLook: true,
      ids: numbersOf(ids),
      code,
    };
  }
  if (press === 'retry-all') {
    return {
      title: `Retry ${count === '1' ? 'the one' : `all ${count}`} that stand${count === '1' ? 's' : ''} still for ${code}`,
      does: 'Each resumes at its failed step, behind what customers wait for; at most 500 at once. Held and detached ones are left out. Cure the cause first.',
      path: `/dead-letters/${encodeURIComponent(code)}/retry`,
      go: count === '1' ? 'Retry' : `Retry all ${count}`,
      ids: numbersOf(ids),
      code,
    };
  }
  if (press === 'discard') {
    return {
      title: `Discard the body ${digest.slice(0, 12)}…`,
      does: 'It is gone for good. The sweep finds what it may have told of.',
      path: `/quarantine/${encodeURIComponent(digest)}/discard`,
      go: 'Discard',
      ids: [],
      isDangerous: true,
    };
  }
  return {
    title: `${label}: ${id}`,
    does,
    path: `/subscriptions/${encodeURIComponent(id)}/${encodeURIComponent(press)}`,
    go: label,
    ids: numbersOf(id),
    ...(press === 'detach' && { confirm: id, isDangerous: true }),
  };
}

/** @param {string} ids `50010 50011` */
function numbersOf(ids) {
  return ids.split(' ').filter(Boolean).map(Number);
}

/**
 * The button that does what the cure names, for all that stand still for a reason.
 *
 * @param {Pick<import('./reasons.js').Letters, 'code' | 'count' | 'subscriptionIds'>} letters
 * @param {'look' | 'retry'} [cure]
 */
export function cureButton({ code, count, subscriptionIds }, cure = 'retry') {
  const one = cure === 'look' ? 'Look now' : 'Retry';
  const all = cure === 'look' ? `Look at all ${count} now` : `Retry all ${count}`;
  return h(
    'button',
    {
      type: 'button',
      'data-press': `${cure}-all`,
      'data-code': code,
      'data-count': count,
      'data-ids': subscriptionIds.join(' '),
    },
    `${count === 1 ? one : all} …`,
  );
}

/**
 * @param {Press} press
 * @param {{ status?: string, queued?: number, left?: number }} answer
 */
function outcomeOf({ title: what, isLook }, { status, queued, left = 0 }) {
  if (status === 'backlog-full')
    return `${what}: taken at ${clockOf(now())}. Too many subscriptions wait for a look: the next sweep asks for this one.`;
  if (queued === undefined) return `${what}: taken at ${clockOf(now())}.`;
  const more = left > 0 ? ` ${left} more are left: press it again in a while.` : '';
  const asked = isLook ? counted(queued, 'look') : counted(queued, 'retry', 'retries');
  return `${asked} asked for.${more}`;
}
