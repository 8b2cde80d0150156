import { type Environment, SECRETS } from './environment.ts';
import { VARIABLES } from './settings.ts';

const FILE_VARIABLES = SECRETS.map((secret) => `${secret}_FILE`);

/** Finds variables of one of our families that are none of ours, though nearly: most likely slips. `meant` is the nearest of ours. */
export function findNearMisses(env: Environment): { given: string; meant: string }[] {
  const known = [...VARIABLES, ...FILE_VARIABLES];
  const families = new Set(known.filter((knownName) => knownName.includes('_')).map(familyOf));
  return Object.keys(env)
    .filter((given) => !known.includes(given) && families.has(familyOf(given)))
    .flatMap((given) => {
      const meant = [1, 2].map((slips) => known.find((name) => editDistance(given, name) === slips)).find(Boolean);
      return meant === undefined ? [] : [{ given, meant }];
    });
}

/** `CMW` of `CMW_BASE_URL`. */
function familyOf(variableName: string): string {
  return variableName.slice(0, variableName.indexOf('_'));
}

/** Letters to insert, delete or replace to get from one text to the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
