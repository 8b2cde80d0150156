import type { Buyer } from '../buyer.ts';

const SUFFIX = '.onmicrosoft.com';
const LONGEST = 27;
const SHORTEST = 3;

/** Words that name a legal form, not a company. Compared without dots and blanks. */
const LEGAL_FORMS = new Set(
  'ab ag as asa bv bvba co company corp corporation eirl eurl gbr gmbh gmbhcokg inc incorporated kft kg kgaa limited llc llp ltd ltda mbh nv ohg oy oyj plc pte pty sa sarl sas sasu sapa sccrl scrl se sl slu snc soc sp spa spzoo srl srls srlu sro ug unipersonale zoo'.split(
    ' ',
  ),
);

/** How a buyer's wish for a domain is to be read. */
export type DomainWish =
  | { kind: 'new'; prefix: string }
  /** A whole name of Microsoft's: a tenant of the buyer if there is one, else the name of a new one. */
  | { kind: 'either'; domain: string; prefix: string }
  | { kind: 'existing'; domain: string }
  | { kind: 'none' };

/**
 * Reads the value of the domain parameter: the prefix of a tenant to be created (`contoso`), a whole name at Microsoft
 * (`contoso.onmicrosoft.com`), or the own domain of a tenant that exists (`contoso.com`). What cannot become any of these is no wish.
 */
export function readDomainWish(value: string | undefined): DomainWish {
  const text = (value ?? '').trim().toLowerCase();
  if (text.endsWith(SUFFIX)) {
    const prefix = toPrefix(text.slice(0, -SUFFIX.length));
    return prefix ? { kind: 'either', domain: prefix + SUFFIX, prefix } : { kind: 'none' };
  }
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text)) return { kind: 'existing', domain: text };
  const prefix = toPrefix(text);
  return prefix ? { kind: 'new', prefix } : { kind: 'none' };
}

/** The whole name of a new tenant. */
export function newDomain(prefix: string): string {
  return prefix + SUFFIX;
}

/** What a buyer enters for a tenant: the prefix of a name of Microsoft's, else the domain as it is. */
export function enteredFor(domain: string): string {
  return domain.endsWith(SUFFIX) ? domain.slice(0, -SUFFIX.length) : domain;
}

/**
 * Names to try for the new tenant of a buyer, best first: by their wish, else by the name of their company. The name of a private
 * person is nothing that a domain should tell.
 */
export function domainsFor(
  { owner, companyName }: Pick<Buyer, 'owner' | 'companyName'>,
  wish: DomainWish,
): Generator<string> {
  const fallback = `c${owner.replace(/[^0-9]/g, '')}customer`;
  const derived = owner.startsWith('user/') ? fallback : companyName;
  return tenantDomains(wish.kind === 'new' || wish.kind === 'either' ? wish.prefix : derived, fallback);
}

/**
 * Names to try, best first: the wish or the company's name without its legal form, then the same with a number behind it.
 * Lower-case letters and digits, starting with a letter, 3 to 27 characters: what every Microsoft cloud accepts.
 *
 * @param fallback used where the name has no Latin letters; must start with a letter
 */
export function* tenantDomains(name: string, fallback: string): Generator<string> {
  const base = toPrefix(withoutLegalForm(name)) ?? toPrefix(name) ?? fallback;
  yield base + SUFFIX;
  for (let number = 2; number < 100; number += 1)
    yield `${base.slice(0, LONGEST - String(number).length)}${number}${SUFFIX}`;
}

/** Words that end the name of a company, and are names themselves. */
const ALSO_NAMES = new Set(['company', 'sp', 'unipersonale', 'zoo']);

/** Whether a name is a legal form and nothing else, such as "S.r.l.". */
export function isLegalForm(name: string): boolean {
  const bare = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  return LEGAL_FORMS.has(bare) && !ALSO_NAMES.has(bare);
}

function withoutLegalForm(name: string): string {
  const words = name.split(/[\s,]+/).filter(Boolean);
  while (words.length > 1 && saysNothing(words.at(-1) ?? '')) words.pop();
  return words.join('');
}

function saysNothing(word: string): boolean {
  const bare = letters(word);
  return bare === '' || LEGAL_FORMS.has(bare);
}

function toPrefix(text: string): string | undefined {
  const prefix = letters(text)
    .replace(/^[0-9]+/, '')
    .slice(0, LONGEST);
  return prefix.length >= SHORTEST ? prefix : undefined;
}

/** Letters that no decomposition turns into ASCII. */
const SPELLED_OUT: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  ø: 'o',
  œ: 'oe',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};

function letters(text: string): string {
  return text
    .toLowerCase()
    .replace(/[ßæøœłđðþı]/g, (letter) => SPELLED_OUT[letter] ?? '')
    .normalize('NFKD')
    .replace(/[^a-z0-9]/g, '');
}
