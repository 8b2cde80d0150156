import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { ProposedOrder } from '../workflows/checks.ts';
import { Id } from './ids.ts';
import { Language, optional, Parameters, type Question, questionRoute } from './question.ts';

export interface OrderValidationParts
  extends Pick<Question<unknown>, 'secrets' | 'failures' | 'deadlineMs' | 'log' | 'bug'> {
  /** What speaks against the order, in the language asked for; at the latest when the signal aborts. */
  validate(order: ProposedOrder, language: string | undefined, signal: AbortSignal): Promise<string[]>;
}

/** As number or, as in the marketplace's subscriptions, as text such as `25.0000000000`. Truth values, lists and other spellings are none. */
const Quantity = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,15}(\.\d{1,20})?$/)
    .transform(Number),
]);

const Body = z
  .object({
    productId: Id,
    productVersionId: Id,
    orderType: z.string().catch('UNKNOWN'),
    billingItems: z.record(z.string(), Quantity.nullable()).nullish(),
    configurationParameters: Parameters,
    buyerId: optional(Id),
    subscriptionId: optional(Id),
    language: optional(Language),
  })
  .transform(({ productVersionId: planId, billingItems, configurationParameters: parameters, language, ...order }) => ({
    order: {
      ...order,
      planId,
      parameters,
      extraResources: Object.entries(billingItems ?? {}).flatMap(([identifier, value]) =>
        value === null ? [] : [{ identifier, value }],
      ),
    },
    language,
  }));

const Errors = z.object({
  errors: z.array(z.object({ message: z.string().describe('For the customer, in the language asked for') })).min(1),
});

/**
 * `POST /order-validation/{secret}`: 204 accepts the order, 200 `{"errors":[{"message"}]}` refuses it. Accepted is also
 * whatever cannot be understood or found out in time: a refusal costs a sale, or keeps a customer from ending one.
 *
 * @see https://docs.cloudesire.com/docs/order-validation.html
 */
export const orderValidationRoute: FastifyPluginAsync<OrderValidationParts> = async (app, { validate, ...parts }) => {
  await app.register(
    questionRoute({
      ...parts,
      path: '/order-validation',
      schema: Body,
      doc: {
        summary: 'Whether an order can be delivered, asked before the customer buys',
        answers: {
          200: { description: 'It cannot, for these reasons', schema: Errors },
          204: { description: 'Nothing speaks against it, or that could not be found out in time' },
        },
      },
      async answer({ order, language }, signal, reply) {
        const messages = await validate(order, language, signal);
        if (messages.length === 0) return reply.code(204).send();
        return reply.send({ errors: messages.map((message) => ({ message })) });
      },
      answerAnyway: (reply) => reply.code(204).send(),
    }),
  );
};
