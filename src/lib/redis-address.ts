/** Where Redis is to be found: one server, or the one that Sentinels name as the master at the moment. */
export type RedisAddress =
  | { kind: 'server'; url: string }
  | {
      kind: 'sentinel';
      sentinels: { host: string; port: number }[];
      /** Name under which the Sentinels watch the master. */
      name: string;
      database: number;
      tls: boolean;
      username: string | undefined;
      password: string | undefined;
      sentinelUsername: string | undefined;
      sentinelPassword: string | undefined;
    };

const SENTINEL_ADDRESS =
  /^redis(?<tls>s?)\+sentinel:\/\/(?:(?<user>[^:@/]*)(?::(?<secret>[^@/]*))?@)?(?<hosts>[^/?#@]+)\/(?<name>[\w.-]+)(?:\/(?<database>\d{1,5}))?(?:\?(?<query>[^#]*))?$/i;
const SENTINEL_PORT = 26_379;
const SENTINEL_LOGIN = new Set(['sentinel_username', 'sentinel_password']);

/**
 * Reads `redis://…` and `rediss://…`, and, as many clients write it, `redis+sentinel://user:password@host:26379,host:26379/mymaster/0`
 * with `sentinel_username` and `sentinel_password` as query where the Sentinels ask for a login of their own; `rediss+sentinel:` means TLS to
 * Redis and to the Sentinels. User, password and port can be left out, the database is 0 then. `undefined` when it is none of these.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 */
export function parseRedisAddress(text: string): RedisAddress | undefined {
  const found = SENTINEL_ADDRESS.exec(text)?.groups;
  if (found) return sentinelAddress(found);
  const url = URL.parse(text);
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== ''
    ? { kind: 'server', url: text }
    : undefined;
}

function sentinelAddress(found: Record<string, string | undefined>): RedisAddress | undefined {
  const sentinels = (found.hosts ?? '').split(',').map(readHost);
  const query = new URLSearchParams(found.query);
  const username = readPart(found.user);
  const password = readPart(found.secret);
  if (sentinels.includes(undefined) || username === null || password === null) return undefined;
  if ([...query.keys()].some((key) => !SENTINEL_LOGIN.has(key))) return undefined;
  return {
    kind: 'sentinel',
    sentinels: sentinels.filter((one) => one !== undefined),
    name: found.name ?? '',
    database: Number(found.database ?? 0),
    tls: found.tls !== '',
    username,
    password,
    sentinelUsername: query.get('sentinel_username') ?? undefined,
    sentinelPassword: query.get('sentinel_password') ?? undefined,
  };
}

/** `host`, `host:port`, `[::1]` or `[::1]:port`. */
function readHost(text: string): { host: string; port: number } | undefined {
  const found = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<host>[\w.-]+))(?::(?<port>\d{1,5}))?$/i.exec(text)?.groups;
  const host = found?.six ?? found?.host;
  const port = Number(found?.port ?? SENTINEL_PORT);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
}

/** A part of the login, decoded; `undefined` when it is not given, `null` when its percent signs mean nothing. */
function readPart(text: string | undefined): string | undefined | null {
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
