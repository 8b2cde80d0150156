import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { AskedValues, ParameterValue } from '../workflows/parameter-values.ts';
import { Id } from './ids.ts';
import { Language, optional, Parameters, type Question, questionRoute } from './question.ts';

export interface ParameterValuesParts
  extends Pick<Question<unknown>, 'secrets' | 'failures' | 'deadlineMs' | 'log' | 'bug'> {
  /** The values that may be chosen, best first, none where nothing may be, or null for all; at the latest when the signal aborts. */
  suggest(question: AskedValues, signal: AbortSignal): Promise<ParameterValue[] | null>;
}

const Body = z
  .object({
    configurationParameter: z.string(),
    configurationParameters: Parameters,
    productVersionId: optional(Id),
    buyerId: optional(Id),
    language: optional(Language),
  })
  .transform(({ configurationParameter, configurationParameters, productVersionId, ...rest }) => ({
    ...rest,
    parameter: configurationParameter,
    parameters: configurationParameters,
    planId: productVersionId,
  }));

const Values = z.object({
  values: z.array(z.object({ value: z.string(), description: z.string() })).nullable(),
});

/**
 * `POST /configuration-parameter-values/{secret}`: 200 `{"values":[{"value","description"}]}`, or `{"values":null}`, which
 * allows everything, also where the question cannot be understood or answered in time.
 *
 * @see https://docs.cloudesire.com/docs/external-configuration-parameter-values.html
 */
export const parameterValuesRoute: FastifyPluginAsync<ParameterValuesParts> = async (app, { suggest, ...parts }) => {
  await app.register(
    questionRoute({
      ...parts,
      path: '/configuration-parameter-values',
      schema: Body,
      doc: {
        summary: 'Which values a customer may choose for a parameter',
        answers: { 200: { description: 'These values; null allows all', schema: Values } },
      },
      answer: async (question, signal, reply) => reply.send({ values: await suggest(question, signal) }),
      answerAnyway: (reply) => reply.code(200).send({ values: null }),
    }),
  );
};
