import type { FastifyReply } from 'fastify';

/** Why a request is refused: a stable dotted code, and a sentence that says what to do. */
export interface Refusal {
  error: string;
  message: string;
}

/** Answers with a refusal, and with the time after which the caller may come back, when there is one. */
export function refuse(
  reply: FastifyReply,
  status: number,
  refusal: Refusal,
  retryAfterSeconds?: number,
): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  return reply.code(status).send(refusal);
}
