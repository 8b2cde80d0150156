import { type BuiltIns, define, type FunctionCall, integerAt, stringAt, unable } from './built-in.ts';

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
const DURATION = /^(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
/** Milliseconds of each part of a duration; a year counts 365 days and a month 30, as ARM documents. */
const PARTS_MS = [365 * DAY_MS, 30 * DAY_MS, 7 * DAY_MS, DAY_MS, 3_600_000, 60_000, SECOND_MS];
const ISO = 'yyyy-MM-ddTHH:mm:ssZ';
const STANDARD: Record<string, string> = {
  d: 'M/d/yyyy',
  s: 'yyyy-MM-ddTHH:mm:ss',
  u: 'yyyy-MM-dd HH:mm:ssZ',
  o: 'yyyy-MM-ddTHH:mm:ss.fffffffZ',
  O: 'yyyy-MM-ddTHH:mm:ss.fffffffZ',
};

/**
 * Functions on dates, in UTC.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-date
 */
export const DATE_FUNCTIONS: BuiltIns = {
  dateTimeAdd: define(2, 3, (call) => {
    const atMs = dateAt(call) + durationMs(call);
    return formatDate(atMs, call.args.length > 2 ? stringAt(call, 2) : ISO);
  }),
  dateTimeFromEpoch: define(1, 1, (call) => formatDate(integerAt(call, 0) * SECOND_MS, ISO)),
  dateTimeToEpoch: define(1, 1, (call) => Math.floor(dateAt(call) / SECOND_MS)),
  utcNow: define(
    0,
    1,
    (call) => formatDate(call.env.scope.nowMs, call.args.length > 0 ? stringAt(call, 0) : 'yyyyMMddTHHmmssZ'),
    ['parameter'],
  ),
};

function dateAt(call: FunctionCall): number {
  const text = stringAt(call, 0);
  const compact = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const [, year, month, day, hour, minute, second] = compact ?? [];
  const atMs = Date.parse(compact ? `${year}-${month}-${day}T${hour}:${minute}:${second}Z` : text.replace(' ', 'T'));
  return Number.isNaN(atMs) ? unable(call, `'${text}' is not a valid ISO 8601 date and time.`) : atMs;
}

function durationMs(call: FunctionCall): number {
  const text = stringAt(call, 1);
  const match = DURATION.exec(text);
  if (match === null || /[PT]$/.test(text)) return unable(call, `'${text}' is not a valid ISO 8601 duration.`);
  const [, minus, ...parts] = match;
  const totalMs = parts.reduce((sum, part, index) => sum + Number(part ?? 0) * (PARTS_MS[index] ?? 0), 0);
  return minus === undefined ? totalMs : -totalMs;
}

/** Writes a time in a format of .NET: the custom specifiers of dates and times, or one of the usual standard letters. */
function formatDate(atMs: number, format: string): string {
  const iso = new Date(atMs).toISOString();
  const [year = '', month = '', day = '', hour = '', minute = '', second = '', milliseconds = ''] =
    iso.split(/[-T:.Z]/);
  const parts: Record<string, string> = { yyyy: year, yy: year.slice(2), MM: month, dd: day, HH: hour, mm: minute };
  Object.assign(parts, { ss: second, M: String(Number(month)), d: String(Number(day)), H: String(Number(hour)) });
  return (STANDARD[format] ?? format).replaceAll(/yyyy|yy|MM|M|dd|d|HH|H|mm|ss|f+/g, (specifier) => {
    return parts[specifier] ?? `${milliseconds}0000`.slice(0, specifier.length);
  });
}
