import { describe, expect, it } from 'vitest';
import { type ParameterValuesParts, parameterValuesRoute } from '../../../src/intake/parameter-values.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import type { AskedValues } from '../../../src/workflows/parameter-values.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { failuresAt, serve } from './serve.ts';

const SECRET = 'endpoint-secret-for-tests';
const QUESTION = { productId: 210, configurationParameter: 'MICROSOFT_DOMAIN', configurationParameters: {} };

async function setup(suggest: ParameterValuesParts['suggest']) {
  const { log } = createMemoryLog();
  const { url } = await serve((app) =>
    app.register(parameterValuesRoute, {
      secrets: fixedSecret([SECRET]),
      failures: failuresAt('question', log),
      deadlineMs: 1_000,
      log,
      bug: () => {},
      suggest,
    }),
  );
  return async (body: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}/configuration-parameter-values/${SECRET}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    return answer.json();
  };
}

describe('POST /configuration-parameter-values', () => {
  it('answers with the values, in their order', async () => {
    const values = ['b', 'a'].map((value) => ({ value, description: value.toUpperCase() }));
    const ask = await setup(async () => values);
    expect(await ask(QUESTION)).toEqual({ values });
  });

  it('passes on what the values depend on', async () => {
    const asked: AskedValues[] = [];
    const ask = await setup(async (question) => {
      asked.push(question);
      return null;
    });
    const entered = { MICROSOFT_DOMAIN: 'verdi' };
    await ask({
      ...QUESTION,
      productVersionId: 2101,
      configurationParameters: entered,
      buyerId: 1301,
      language: 'it',
    });
    expect(asked).toEqual([
      { parameter: 'MICROSOFT_DOMAIN', parameters: entered, planId: 2101, buyerId: 1301, language: 'it' },
    ]);
  });

  it.each([
    ['every value is allowed', QUESTION, async () => null],
    ['the question cannot be understood', { productId: 210 }, async () => []],
    ['the answer fails', QUESTION, () => Promise.reject(new Error('broken'))],
  ])('restricts nothing when %s', async (_why, question, suggest) => {
    const ask = await setup(suggest);
    expect(await ask(question)).toEqual({ values: null });
  });
});
