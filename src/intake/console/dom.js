/* Elements, made of texts and never of markup: whatever a text says, it is shown as it stands. */

/** @typedef {Node | string | number | null | undefined | false | (Node | string)[]} Child */

/**
 * An element with attributes and children. An attribute that is `undefined`, `null` or `false` is left out, and so is such a child.
 *
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(2).flatMap(asNode));
  return element;
}

/**
 * @param {Node | string | number | null | undefined | false} child
 * @returns {(Node | string)[]}
 */
function asNode(child) {
  if (child === undefined || child === null || child === false) return [];
  return [child instanceof Node ? child : String(child)];
}

/**
 * Makes the children of an element those of another one, keeping every node that is still wanted: with it stay focus, selection, scroll
 * position, what was typed and what was unfolded. Children are known by their `data-key`, those without one by their place.
 *
 * @param {Element} kept
 * @param {Element} fresh
 */
export function renew(kept, fresh) {
  const wantedKeys = new Set([...fresh.children].flatMap((child) => keyOf(child) ?? []));
  const byKey = new Map([...kept.children].flatMap((child) => keyed(child)));
  let at = kept.firstChild;
  const dropUnwanted = () => {
    while (at && keyOf(at) !== undefined && !wantedKeys.has(String(keyOf(at)))) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  for (const wanted of [...fresh.childNodes]) {
    dropUnwanted();
    const key = keyOf(wanted);
    const match = key === undefined ? at : byKey.get(key);
    if (match && isAlike(match, wanted)) {
      if (match === at) at = at.nextSibling;
      else kept.insertBefore(match, at);
      renewNode(match, wanted);
    } else {
      kept.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/**
 * @param {Node} kept
 * @param {Node} fresh
 */
function renewNode(kept, fresh) {
  if (!(kept instanceof Element) || !(fresh instanceof Element)) {
    if (kept.nodeValue !== fresh.nodeValue) kept.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...kept.attributes]) {
    // What a reader has unfolded stays so.
    if (!fresh.hasAttribute(name) && name !== 'open') kept.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (kept.getAttribute(name) !== value) kept.setAttribute(name, value);
  }
  renew(kept, fresh);
}

/**
 * @param {Node} one
 * @param {Node} other
 */
function isAlike(one, other) {
  return one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof HTMLElement ? node.dataset.key : undefined;
}

/**
 * @param {Element} child
 * @returns {[string, Element][]}
 */
function keyed(child) {
  const key = keyOf(child);
  return key === undefined ? [] : [[key, child]];
}

/**
 * The element with this id, which the page has from the beginning.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} with the id ${id}.`);
  return element;
}

/**
 * A field of a form.
 *
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement}
 */
export function fieldOf(form, name) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement) {
    return field;
  }
  throw new Error(`The form has no field ${name}.`);
}
