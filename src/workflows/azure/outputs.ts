import type { Outputs } from './deploy.ts';

/** What the outputs of a deployment give the customer. */
export interface Given {
  endpoints: { url: string; category: 'APP' | 'PASSWORD_RESET' | 'DOCUMENTATION' | 'VIDEO'; name?: string }[];
  /** Names and values for the list of credentials, in the order of the outputs. */
  details: { name: string; value: string }[];
  /** Instructions by language, where the template has its own. */
  instructions: Record<string, string>;
}

/** Outputs of these names stand for pages of a certain kind; every other address is an application. */
const CATEGORIES = new Map<string, Given['endpoints'][number]['category']>(
  Object.entries({
    documentationurl: 'DOCUMENTATION',
    docsurl: 'DOCUMENTATION',
    passwordreseturl: 'PASSWORD_RESET',
    videourl: 'VIDEO',
  } as const),
);
/** Names that say no more than that it is an application. */
const NAMELESS = new Set(['url', 'appurl', 'applicationurl', 'weburl', 'endpoint']);
/** Outputs of these names hold a host that answers to https. */
const HOSTS = new Set(['fqdn', 'hostname', 'platformfqdn']);
const LONGEST_DETAIL = 1_000;
const LONGEST_ADDRESS = 2_000;
const LONGEST_INSTRUCTIONS = 3_000;

/**
 * Sorts the outputs of a deployment by their names: an `https:` address is an endpoint (`documentationUrl`, `passwordResetUrl` and `videoUrl`
 * of their kind, all others applications); `fqdn`, `hostname` and `platformFqdn` are one where no output is an application; `instructions`
 * is a text, or an object of texts by language; all other texts, numbers and truth values are shown with their names, but for ids
 * of Azure resources.
 */
export function readOutputs(outputs: Outputs): Given {
  const given: Given = { endpoints: [], details: [], instructions: {} };
  const hosts: string[] = [];
  for (const [name, { type, value }] of Object.entries(outputs)) {
    const plainName = name.toLowerCase().replaceAll(/[_-]/g, '');
    if (type.toLowerCase().startsWith('secure')) continue;
    if (plainName === 'instructions') {
      given.instructions = readInstructions(value);
      continue;
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    const text = String(value).trim();
    if (text === '') continue;
    const url = readAddress(text);
    if (url) {
      const category = CATEGORIES.get(plainName) ?? 'APP';
      given.endpoints.push({ url, category, ...(!NAMELESS.has(plainName) && { name: inWords(name) }) });
    } else if (HOSTS.has(plainName) && readAddress(`https://${text}`)) {
      hosts.push(`https://${text}`);
      given.details.push({ name: inWords(name), value: text });
    } else if (!isResourceId(text) && text.length <= LONGEST_DETAIL) {
      given.details.push({ name: inWords(name), value: text });
    }
  }
  if (!given.endpoints.some(({ category }) => category === 'APP')) {
    given.endpoints.unshift(...hosts.map((url) => ({ url, category: 'APP' as const })));
  }
  return given;
}

/** Plain text without addresses: the marketplace allows none in instructions. */
function readInstructions(value: unknown): Record<string, string> {
  if (typeof value === 'string') return isPlain(value) ? { en: value } : {};
  if (typeof value !== 'object' || value === null) return {};
  const texts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts.filter(([language, text]) => /^[a-z]{2}$/.test(language) && isPlain(text)));
}

function isPlain(text: string): boolean {
  return text.length <= LONGEST_INSTRUCTIONS && text.trim() !== '' && !/https?:|www\.|<[a-z/]/i.test(text);
}

function readAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username || url.password || text.length > LONGEST_ADDRESS) return undefined;
  return url.href.replace(/\/$/, '');
}

function isResourceId(text: string): boolean {
  return text.toLowerCase().startsWith('/subscriptions/');
}

/** `databaseHost` → `Database host`, `publicIpAddress` → `Public IP address`. */
export function inWords(name: string): string {
  const words = name
    .replaceAll(/[_-]+/g, ' ')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .trim()
    .toLowerCase()
    .replaceAll(/\b(ip|ssh|url|fqdn|dns|vm|id)\b/g, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}
