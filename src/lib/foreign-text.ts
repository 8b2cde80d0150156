/** Characters that order text anew, or mark its direction, and show nothing themselves. https://www.unicode.org/reports/tr9/ */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const LONGEST_NAME = 80;

/** A text without what makes it read otherwise than it is written: whoever names a plan must not reorder the sentence around it. */
export function inOrder(text: string): string {
  return text.replace(DIRECTIONS, '');
}

/** A name that others have given, fit for a sentence: in order, on one line, of 80 characters at most. */
export function nameIn(text: string): string {
  const name = inOrder(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (name.length <= LONGEST_NAME) return name;
  // Not between the two halves of a letter.
  return `${name.slice(0, LONGEST_NAME - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
