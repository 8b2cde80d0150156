import { z } from 'zod';

/** What stands in place of a secret. */
export const HIDDEN = '***';
/** Shortest secret that is removed: shorter ones occur in ordinary sentences. */
const SHORTEST_SECRET = 4;
/** Shortest piece of base64 that is removed: shorter ones occur in identifiers. */
const SHORTEST_PIECE = 8;

const Sent = z.object({
  properties: z.object({
    template: z.object({ parameters: z.record(z.string(), z.object({ type: z.string() })) }),
    parameters: z.record(z.string(), z.object({ value: z.unknown().optional() })),
  }),
});

/** The texts that a deployment was given for secure parameters, the longest first. */
export function secretsIn(body: unknown): string[] {
  const { data } = Sent.safeParse(body);
  if (!data) return [];
  const { template, parameters } = data.properties;
  const secure = new Set(
    Object.entries(template.parameters).flatMap(([name, { type }]) =>
      type.toLowerCase().startsWith('secure') ? [name.toLowerCase()] : [],
    ),
  );
  return Object.entries(parameters)
    .flatMap(([name, { value }]) => (secure.has(name.toLowerCase()) ? textsIn(value) : []))
    .filter((text) => text.trim().length >= SHORTEST_SECRET)
    .toSorted((one, other) => other.length - one.length);
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/**
 * A text without these secrets, also where they are escaped for JSON, an address, a form or HTML, several times over, or stand in base64,
 * alone or among other things.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let told = text;
  for (const secret of secrets) {
    told = told.replaceAll(escapedOrNot(secret), HIDDEN);
    for (const piece of piecesOfBase64(secret)) told = told.replaceAll(piece, HIDDEN);
  }
  return told;
}

/**
 * Escaping multiplies backslashes, and texts are folded, so that runs count rather than single characters. From any position there is at
 * most one way to match, and every repetition is bounded: an ambiguous pattern backtracks for ever on some texts.
 */
function escapedOrNot(secret: string): RegExp {
  const parts = secret.trim().match(/\\+|[\s+]+|[^\\\s+]/gu) ?? [];
  const forms = parts.map((part, index) => {
    // Its own backslashes stand at the end of the run before it.
    const backslashes = parts[index - 1]?.startsWith('\\') ? '' : '\\\\{1,8}';
    if (part.startsWith('\\')) return backslashRun(part.length);
    return /^[\s+]/.test(part) ? spaceRun(part, backslashes) : character(part, backslashes);
  });
  return new RegExp(forms.join(''), 'giu');
}

function backslashRun(length: number): string {
  return `(?:\\\\{${length},${8 * length}}|(?:${inAddress('\\')}|${inHtml('\\')}){${length}})`;
}

function spaceRun(run: string, backslashes: string): string {
  const forms = [...new Set(` +${run}`)].flatMap((one) => [inJson(one, backslashes), inAddress(one), inHtml(one)]);
  const named = backslashes ? [`${backslashes}[nrtfv]`] : [];
  return `(?:${['[\\s+]', '&nbsp;', ...named, ...forms].join('|')}){1,${run.length}}`;
}

function character(one: string, backslashes: string): string {
  if (/^[a-z0-9]$/i.test(one)) return one;
  const plain = `\\u{${one.codePointAt(0)?.toString(16)}}`;
  const preceded = backslashes && `(?:${backslashes})?`;
  return `(?:${[`${preceded}${plain}`, inJson(one, backslashes), inAddress(one), inHtml(one)].join('|')})`;
}

function inJson(one: string, backslashes: string): string {
  const units = one.split('').map((unit) => `u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${backslashes}${units.join('\\\\{1,8}')}`;
}

function inAddress(one: string): string {
  return [...Buffer.from(one)].map((byte) => `%(?:25){0,3}${byte.toString(16).padStart(2, '0')}`).join('');
}

const NAMES_IN_HTML: Record<string, string> = { '"': 'quot', '&': 'amp', "'": 'apos', '<': 'lt', '>': 'gt' };

function inHtml(one: string): string {
  const code = one.codePointAt(0) ?? 0;
  const references = [`#0{0,4}${code}`, `#x0{0,4}${code.toString(16)}`, NAMES_IN_HTML[one] ?? []].flat();
  return `&(?:amp;){0,3}(?:${references.join('|')});`;
}

/**
 * The part of a secret that shows in base64 wherever it stands in the encoded text: one for each offset within three bytes, without the
 * digits that it shares with its neighbours.
 */
function piecesOfBase64(secret: string): string[] {
  return [0, 1, 2].flatMap((place) => {
    const bytes = Buffer.concat([Buffer.alloc(place), Buffer.from(secret)]);
    const [from, to] = [Math.ceil((place * 8) / 6), Math.floor((bytes.length * 8) / 6)];
    const piece = bytes.toString('base64').slice(from, to);
    if (piece.length < SHORTEST_PIECE) return [];
    return [piece, encodeURIComponent(piece), bytes.toString('base64url').slice(from, to)];
  });
}
