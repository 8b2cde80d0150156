import { createHash } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const GUID_NAMESPACE = '11fb06fb712d4ddd98c7e71bbd588830';

/**
 * The 13 characters of `uniqueString()`: a 64-bit Murmur hash of the arguments, joined by hyphens, in base 32.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string#uniquestring
 */
export function uniqueText(parts: string[]): string {
  let hash = murmur64(Buffer.from(parts.join('-'), 'utf8'));
  let text = '';
  for (let digit = 0; digit < 13; digit += 1) {
    text += ALPHABET[Number((hash >> 59n) & 31n)];
    hash = BigInt.asUintN(64, hash << 5n);
  }
  return text;
}

/**
 * The name-based UUID of `guid()`: version 5 in a namespace of Microsoft's own.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string#guid
 */
export function nameBasedGuid(parts: string[]): string {
  const sha1 = createHash('sha1').update(Buffer.from(GUID_NAMESPACE, 'hex')).update(parts.join('-')).digest();
  const bytes = sha1.subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mixLane(lane: number, first: number, bits: number, second: number): number {
  return Math.imul(rotate(Math.imul(lane, first), bits), second);
}

function finish(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

function murmur64(bytes: Buffer): bigint {
  const A = 0xab0e9789;
  const B = 0x239b961b;
  let low = 0;
  let high = 0;
  const whole = bytes.length - (bytes.length % 8);
  for (let at = 0; at < whole; at += 8) {
    low = Math.imul(rotate(low ^ mixLane(bytes.readInt32LE(at), B, 15, A), 19) + high, 5) + 0x561ccd1b;
    high = Math.imul(rotate(high ^ mixLane(bytes.readInt32LE(at + 4), A, 17, B), 13) + low, 5) + 0x0bcaa747;
  }
  const tail = Buffer.alloc(8);
  bytes.copy(tail, 0, whole);
  low ^= mixLane(tail.readInt32LE(0), B, 15, A);
  high ^= mixLane(tail.readInt32LE(4), A, 17, B);

  high ^= bytes.length;
  low = ((low ^ bytes.length) + high) | 0;
  high = (high + low) | 0;
  low = finish(low);
  high = finish(high);
  low = (low + high) | 0;
  high = (high + low) | 0;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
