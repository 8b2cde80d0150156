import { textOf } from '../json.ts';

const ITEM = /\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^}]*))?\}/g;

/**
 * Fills a composite format string of .NET: `{0}`, `{1,8}`, `{2:D3}`, doubled braces.
 *
 * @throws {RangeError} when an item has no argument
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string#format
 */
export function fillFormat(format: string, args: unknown[]): string {
  return format.replaceAll(ITEM, (whole, index?: string, width?: string, spec?: string) => {
    if (index === undefined) return whole.charAt(0);
    if (Number(index) >= args.length) throw new RangeError(format);
    const text = formatItem(args[Number(index)], spec);
    if (width === undefined) return text;
    return width.startsWith('-') ? text.padEnd(-Number(width)) : text.padStart(Number(width));
  });
}

function formatItem(value: unknown, spec: string | undefined): string {
  if (spec === undefined || typeof value !== 'number') return textOf(value);
  const standard = /^([DdNnFfXx])(\d*)$/.exec(spec);
  if (standard === null) return formatCustom(value, spec);
  const [, letter = '', digits] = standard;
  const precision = digits === '' ? undefined : Number(digits);
  const sign = value < 0 ? '-' : '';
  switch (letter) {
    case 'D':
    case 'd':
      return sign + String(Math.abs(value)).padStart(precision ?? 0, '0');
    case 'X':
      return value
        .toString(16)
        .toUpperCase()
        .padStart(precision ?? 0, '0');
    case 'x':
      return value.toString(16).padStart(precision ?? 0, '0');
    case 'F':
    case 'f':
      return value.toFixed(precision ?? 2);
    default: {
      const places = precision ?? 2;
      return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
    }
  }
}

/** A custom format of zeros alone, as `000`; anything else is left to the plain number. */
function formatCustom(value: number, spec: string): string {
  if (!/^0+$/.test(spec)) return String(value);
  return (value < 0 ? '-' : '') + String(Math.abs(value)).padStart(spec.length, '0');
}
