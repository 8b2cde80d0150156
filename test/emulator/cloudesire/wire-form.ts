import type { Switches } from './switches.ts';

/** An instant (milliseconds since the epoch) in the chosen form of dates. */
export function writeDate(at: number, form: Switches['dateForm']): string | number {
  const iso = new Date(at).toISOString();
  switch (form) {
    case 'seconds':
      return `${iso.slice(0, 19)}Z`;
    case 'offset':
      return `${iso.slice(0, 19)}.000+00:00`;
    case 'epoch':
      return Math.floor(at / 1000) * 1000;
  }
}

// JSON.rawJSON exists in this Node but not yet in the library types.
const json = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/** A quantity as a number that JSON.stringify writes in the chosen form. */
export function writeQuantity(value: number, form: Switches['quantityForm']): number | object {
  return form === 'plain' ? value : json.rawJSON(value.toFixed(10));
}

/** The same body as it goes over the wire: dates written in the chosen form, and nothing for what is null or absent. */
export function toWire(value: unknown, form: Switches['dateForm']): unknown {
  if (value instanceof Date) return writeDate(value.getTime(), form);
  if (Array.isArray(value)) return value.map((item) => toWire(item, form));
  if (typeof value !== 'object' || value === null || json.isRawJSON(value)) return value;
  const written: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined && field !== null) written[name] = toWire(field, form);
  }
  return written;
}
