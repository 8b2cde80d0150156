import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether one of the secrets has signed exactly these bytes: `sha1=` and the lower-case hexadecimal HMAC-SHA1 of the
 * body, as `CMW-Event-Signature` carries it. Takes equally long whichever secret fits, and whether one does.
 *
 * @see https://docs.cloudesire.com/docs/event-notification.html
 */
export function isSignedBy(secrets: readonly string[], rawBody: Buffer, header: unknown): boolean {
  const hex = typeof header === 'string' ? /^sha1=([0-9a-f]{40})$/.exec(header)?.[1] : undefined;
  if (hex === undefined) return false;
  const claimed = Buffer.from(hex, 'hex');
  const fitting = secrets.filter((secret) =>
    timingSafeEqual(createHmac('sha1', secret).update(rawBody).digest(), claimed),
  );
  return fitting.length > 0;
}
