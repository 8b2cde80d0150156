import { en } from './en.ts';
import { it } from './it.ts';
import type { AskedField, FailureCode, Params, Texts } from './texts.ts';

const CATALOGUE: Record<string, Texts> = { en, it };

/** The texts of the first of these languages, two letters each, that has any; English where none has. */
export function textsOf(...languages: (string | undefined)[]): Texts {
  return CATALOGUE[spokenOf(languages)] ?? en;
}

function spokenOf(languages: (string | undefined)[]): string {
  return languages.find((language) => language !== undefined && hasTexts(language)) ?? 'en';
}

/** Whether there are texts in a language. */
export function hasTexts(language: string): boolean {
  return Object.hasOwn(CATALOGUE, language);
}

/** A day as people write it in the language of those texts, e.g. 31 August 2027; empty when it is not known. */
export function dayIn(instant: string | undefined, ...languages: (string | undefined)[]): string {
  if (!instant) return '';
  const spoken = spokenOf(languages);
  const locale = spoken === 'en' ? 'en-GB' : spoken;
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(instant));
}

/** The text about a failed order, by the code of its error. */
export function failureText({ failures }: Texts, code: string): (params: Params) => string {
  return failures[Object.hasOwn(failures, code) ? (code as FailureCode) : 'other'];
}

/** Names of data are told in the language of the text. */
export function withFieldNames(params: Params, { fields }: Texts): Params {
  if (!params.fields) return params;
  const names = params.fields.split(',').map((name) => (name in fields ? fields[name as AskedField] : name));
  return { ...params, fields: names.join(', ') };
}
