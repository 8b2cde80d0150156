import { z } from 'zod';

/** A variable: what a good value is, for the message, and how its text is read (`undefined`: it cannot be). */
export function variable<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string({ error: `missing; expected ${expected}` }).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `not usable; expected ${expected}` });
    return z.NEVER;
  });
}

/** A whole number in decimal digits, from `least` to `most`. */
export function wholeNumber(least: number, most: number) {
  return variable(`a whole number from ${least} to ${most}`, (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });
}

/** One of these words, spelled exactly so. */
export function oneOf<const T extends string>(...choices: T[]) {
  return variable(`one of ${choices.join(', ')}`, (text) => choices.find((choice) => choice === text));
}

/** The address of an upstream: without the slashes at its end. */
export function address() {
  return variable(
    'an https: address without credentials, query or fragment (http: for loopback hosts only)',
    readAddress,
  );
}

/** The Azure SDK sends no token over plain http, not even to loopback. */
export function secureAddress() {
  return variable(
    'an https: address without credentials, query or fragment (the Azure SDK refuses http:, for loopback hosts too)',
    (text) => (text.startsWith('https:') ? readAddress(text) : undefined),
  );
}

/** A name as the marketplace knows it. */
export function name() {
  return variable('a name without blanks', matching(/^\S+$/));
}

/** A text that travels in a header, where blanks and control characters would come from a bad copy. */
export function headerText(what: string) {
  return variable(`${what}, printable ASCII without blanks`, matching(/^[\x21-\x7e]+$/));
}

/** Reads a text that matches the pattern, as it is. */
export function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

/** Reads `true`, `1`, `false` and `0`. */
export function readBoolean(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

/** Comma separated, trimmed, each once; unreadable when an item is empty or `readItem` refuses it. */
export function readList(
  text: string,
  readItem: (item: string) => string | undefined = (item) => item,
): string[] | undefined {
  const items = text.split(',').map((item) => readItem(item.trim()));
  return items.every((item) => item !== undefined && item !== '') ? [...new Set(items as string[])] : undefined;
}

/** Reads an address as `address` has it. */
export function readAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return undefined;
  return isPrivateOnTheWire(url) ? url.href.replace(/\/+$/, '') : undefined;
}

/** The agent is on this machine or on its private network, where Consul speaks plain HTTP unless told otherwise. */
export function readOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? url.origin : undefined;
}

/** A collector stands on this machine or in the private network, where it speaks plain HTTP unless told otherwise. */
export function readCollector(text: string): string | undefined {
  const url = URL.parse(text);
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url.href.replace(/\/+$/, '') : undefined;
}

/** As the specification of OpenTelemetry has it. https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
export function readHeaders(text: string): Record<string, string> | undefined {
  const pairs = text.split(',').map((pair) => /^([\w!#$%&'*+.^`|~-]+)=([\x21-\x7e]+)$/.exec(pair.trim()));
  try {
    const headers = pairs.map((pair) => [pair?.[1] ?? '', decodeURIComponent(pair?.[2] ?? '')] as const);
    const areUsable = headers.every(([headerName, value]) => headerName !== '' && /^[\x20-\x7e]+$/.test(value));
    return areUsable ? Object.fromEntries(headers) : undefined;
  } catch {
    return undefined; // a percent sign that begins nothing
  }
}

/** Reads the DSN of a Sentry project, as it is. */
export function readDsn(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && url.username !== '' && url.pathname.length > 1 && isPrivateOnTheWire(url) ? text : undefined;
}

/** Reads a name that Sentry takes for an environment. */
export function readSentryEnvironment(text: string): string | undefined {
  return /^[\w.-]{1,64}$/.test(text) ? text : undefined;
}

/** Whether nobody between here and there can read what is sent. */
export function isPrivateOnTheWire(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

/** Whether it is this very host. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Reads a host with or without a port, in lower case. */
export function readHost(text: string): string | undefined {
  const host = text.toLowerCase();
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/.test(host) ? host : undefined;
}

/** Reads keys of 32 bytes each, in base64, comma separated. */
export function readKeys(text: string): Buffer[] | undefined {
  const keys = readList(text, matching(/^[A-Za-z0-9+/]{43}=$/));
  return keys?.map((key) => Buffer.from(key, 'base64'));
}

/** Reads pairs of reseller slug and PartnerID. */
export function readResellers(text: string): Map<string, string> | undefined {
  const pairs = text.split(',').map((pair) => /^([^=\s]+)=(\d{1,10})$/.exec(pair.trim()));
  const resellers = new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
  return resellers.size === pairs.length && !resellers.has('') ? resellers : undefined;
}
