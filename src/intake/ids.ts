import { z } from 'zod';

const Positive = z
  .int()
  .positive()
  .max(2 ** 31 - 1);

/** An identifier of the marketplace where everything is text, as in paths and headers: decimal digits of a positive integer of 32 bits. */
export const IdText = z
  .string()
  .regex(/^\d{1,10}$/)
  .transform(Number)
  .pipe(Positive);

/** An identifier of the marketplace in JSON, where it comes as number or as text. Truth values, lists and other spellings are none. */
export const Id = z.union([Positive, IdText]);
