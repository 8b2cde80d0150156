import { expect, it } from 'vitest';
import { parseRedisAddress } from '../../../src/lib/redis-address.ts';

it.each(['redis://127.0.0.1:6379', 'redis://user:secret@cache/3', 'rediss://cache:6380'])(
  'takes the address of one server as it is: %s',
  (url) => {
    expect(parseRedisAddress(url)).toEqual({ kind: 'server', url });
  },
);

it('reads Sentinels, the master they watch, and the logins of both', () => {
  const text =
    'rediss+sentinel://app:s%40crет%2F@one:5000,two,[2001:db8::1]:26380,[::1]/orders-1/3?sentinel_username=watch&sentinel_password=p%26q';
  expect(parseRedisAddress(text)).toEqual({
    kind: 'sentinel',
    sentinels: [
      { host: 'one', port: 5000 },
      { host: 'two', port: 26379 },
      { host: '2001:db8::1', port: 26380 },
      { host: '::1', port: 26379 },
    ],
    name: 'orders-1',
    database: 3,
    tls: true,
    username: 'app',
    password: 's@crет/',
    sentinelUsername: 'watch',
    sentinelPassword: 'p&q',
  });
});

it('needs no more than a Sentinel and the name of the master', () => {
  expect(parseRedisAddress('redis+sentinel://sentinel/mymaster')).toEqual({
    kind: 'sentinel',
    sentinels: [{ host: 'sentinel', port: 26379 }],
    name: 'mymaster',
    database: 0,
    tls: false,
    username: undefined,
    password: undefined,
    sentinelUsername: undefined,
    sentinelPassword: undefined,
  });
});

it('takes a login without user for that of the default user', () => {
  expect(parseRedisAddress('redis+sentinel://:secret@sentinel/mymaster')).toMatchObject({
    username: undefined,
    password: 'secret',
  });
});

it.each([
  'cache:6379',
  'http://cache',
  'redis://',
  'redis-cluster://one,two',
  'redis+cluster://one,two',
  'redis+sentinel://one,two',
  'redis+sentinel://one,two/',
  'redis+sentinel:///mymaster',
  'redis+sentinel://one,/mymaster',
  'redis+sentinel://one:0/mymaster',
  'redis+sentinel://one:99999/mymaster',
  'redis+sentinel://one:p/mymaster',
  'redis+sentinel://one/mymaster/first',
  'redis+sentinel://one/mymaster/0/1',
  'redis+sentinel://:100%@one/mymaster',
  'redis+sentinel://one/mymaster?sentinelPassword=x',
])('knows no such address: %s', (text) => {
  expect(parseRedisAddress(text)).toBeUndefined();
});
