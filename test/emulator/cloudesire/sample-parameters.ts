import type { Plan } from './model.ts';
import { parametersOf, type State } from './state.ts';

const SAMPLES: Record<string, string> = {
  DNS_PREFIX: 'officine-web',
  REGION: 'italynorth',
  ADMIN_PASSWORD: 'Kx4!example-only',
};
const SAMPLE_DOMAINS: Record<number, string> = { 1301: 'officineverdi', 1302: 'hafenkontor', 1303: 'camillemorel' };

/**
 * The parameters of an order that a test places: what it gives, and a sensible value for each required one that it
 * leaves out. An empty text leaves a parameter out on purpose.
 */
export function withSampleParameters(
  state: State,
  plan: Plan,
  buyer: number,
  given: Record<string, string>,
): Record<string, string> {
  const values: Record<string, string> = { ...given };
  for (const { code, required } of parametersOf(state, plan)) {
    if (code in given || required !== true) continue;
    const sample = code === 'MICROSOFT_DOMAIN' ? (SAMPLE_DOMAINS[buyer] ?? `buyer${buyer}`) : SAMPLES[code];
    if (sample !== undefined) values[code] = sample;
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}
