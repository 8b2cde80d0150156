/* How a story is folded. The command line folds as the page does, so nothing here knows of either. */

/** @typedef {{ at: string, kind: string, text: string }} Told */
/**
 * What repeats one sentence, newest first, and the calls that were made meanwhile. Calls that led to nothing yet stand without a sentence.
 *
 * @template {Told} Entry
 * @typedef {{ entries: Entry[], calls: Entry[] }} Chapter
 */

/**
 * A timeline as chapters: calls stand with what they have led to, and what repeats itself stands once.
 *
 * @template {Told} Entry
 * @param {Entry[]} timeline newest first
 * @returns {Chapter<Entry>[]} newest first
 */
export function chaptersOf(timeline) {
  /** @type {Chapter<Entry>[]} */
  const chapters = [];
  /** @type {Entry[]} */
  let calls = [];
  for (const entry of timeline) {
    if (entry.kind === 'call') {
      calls.push(entry);
      continue;
    }
    settle(entry);
    calls = [];
  }
  const oldest = chapters.at(-1);
  if (oldest && !FROM_OUTSIDE.has(oldest.entries[0]?.kind ?? 'event')) oldest.calls.push(...calls);
  else if (calls.length > 0) chapters.push({ entries: [], calls });
  return chapters;

  /** @param {Entry} entry older than the calls that were just read */
  function settle(entry) {
    const last = chapters.at(-1);
    const [newer] = last?.entries ?? [];
    if (last && newer && isRepeated(newer, entry)) {
      last.entries.push(entry);
      last.calls.push(...calls);
      return;
    }
    if (last && newer && !FROM_OUTSIDE.has(newer.kind)) last.calls.push(...calls);
    else if (calls.length > 0) chapters.push({ entries: [], calls });
    chapters.push({ entries: [entry], calls: [] });
  }
}

/** What comes in between; to all else the calls have led that were made just before it. */
const FROM_OUTSIDE = new Set(['event', 'operator']);

/** @param {Told} one @param {Told} other */
function isRepeated(one, other) {
  return one.kind === other.kind && one.kind !== 'operator' && essence(one.text) === essence(other.text);
}

/** A sentence without what is another one each time: identifiers, instants, numbers. @param {string} text */
function essence(text) {
  return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '').replace(/\d+/g, '');
}
