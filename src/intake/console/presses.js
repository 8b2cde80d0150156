import { Away, LoggedOut, Refused, write } from './api.js';
import { byId, fieldOf } from './dom.js';
import { counted } from './parts.js';

/* What is pressed: each press asks for its reason first. */

/** @typedef {{ title: string, does: string, path: string, go: string, confirm?: string, isDangerous?: boolean }} Press */

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
    const { path, title: what, confirm } = press;
    const body = {
      reason: fieldOf(form, 'reason').value,
      ...(confirm !== undefined && { confirm: fieldOf(form, 'confirm').value.trim() }),
    };
    go.disabled = true;
    refusal.hidden = true;
    try {
      const answer = await write(path, body);
      dialog.close();
      said(outcomeOf(what, answer));
      changed();
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
    if (typed instanceof HTMLInputElement) typed.pattern = press.confirm ?? '.*';
    typed.title = press.confirm === undefined ? '' : `Type ${press.confirm}`;
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
function pressOf({ press = '', id = '', label = '', does = '', code = '', count = '', digest = '' }) {
  if (press === 'retry-all') {
    return {
      title: `Retry ${count === '1' ? 'the one' : `all ${count}`} that stand${count === '1' ? 's' : ''} still for ${code}`,
      does: 'Each resumes at its failed step, behind what customers wait for; at most 500 at once. Held and detached ones are left out. Cure the cause first.',
      path: `/dead-letters/${encodeURIComponent(code)}/retry`,
      go: count === '1' ? 'Retry' : `Retry all ${count}`,
    };
  }
  if (press === 'discard') {
    return {
      title: `Discard the body ${digest.slice(0, 12)}…`,
      does: 'It is gone for good. The sweep finds what it may have told of.',
      path: `/quarantine/${encodeURIComponent(digest)}/discard`,
      go: 'Discard',
      isDangerous: true,
    };
  }
  return {
    title: `${label}: ${id}`,
    does,
    path: `/subscriptions/${encodeURIComponent(id)}/${encodeURIComponent(press)}`,
    go: label,
    ...(press === 'detach' && { confirm: id, isDangerous: true }),
  };
}

/**
 * @param {string} what
 * @param {{ queued?: number, left?: number }} answer
 */
function outcomeOf(what, { queued, left = 0 }) {
  if (queued === undefined) return `${what}: taken.`;
  const more = left > 0 ? ` ${left} more are left: retry them again in a while.` : '';
  return `${counted(queued, 'retry', 'retries')} asked for.${more}`;
}
