import { en } from './en.ts';
import { it } from './it.ts';
import type { AskedField, Params, Texts } from './texts.ts';

const CATALOGUE: Record<string, Texts> = { en, it };

/** The texts of the first of these languages, two letters each, that has any; English where none has. */
export function textsOf(...languages: (string | undefined)[]): Texts {
  const spoken = languages.find((language) => language !== undefined && hasTexts(language));
  return CATALOGUE[spoken ?? 'en'] ?? en;
}

/** Whether there are texts in a language. */
export function hasTexts(language: string): boolean {
  return Object.hasOwn(CATALOGUE, language);
}

/** Names of data are told in the language of the text. */
export function inWords(params: Params, { fields }: Texts): Params {
  if (!params.fields) return params;
  const names = params.fields.split(',').map((name) => (name in fields ? fields[name as AskedField] : name));
  return { ...params, fields: names.join(', ') };
}
