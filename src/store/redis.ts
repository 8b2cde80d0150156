import { Redis, type RedisOptions, ReplyError } from 'ioredis';
import { parseRedisAddress } from '../lib/redis-address.ts';

/** Longest pause between two attempts to reconnect. */
const LONGEST_PAUSE_MS = 1_000;
/**
 * Silence after which a connection counts as dead and is replaced. A host that has lost power or network closes nothing, and TCP alone
 * would take a quarter of an hour to notice. That of a worker is longer than a blocking read of BullMQ, which takes at most 10 s.
 */
const SILENCE_MS = { producer: 3_000, worker: 15_000 };

/**
 * Replies of a Redis that takes no writes at the moment: a replica or a master about to become one, too few replicas, no memory, no disk,
 * still loading, busy. Redis refuses the first write of a command or script, so that nothing of it was done. Before version 7 the reply to
 * a script names the script first and then the reason.
 */
const REFUSAL =
  /^(?:ERR Error running script .* -)?(?:READONLY|UNBLOCKED|MASTERDOWN|NOREPLICAS|OOM|MISCONF|LOADING|BUSY) /;
/** Of these, the replies of a server that is no longer the master: another one may be. */
const DEMOTED = /^(?:ERR Error running script .* -)?(?:READONLY|UNBLOCKED|MASTERDOWN) /;

/** What `reconnectOnError` of ioredis may answer. */
const KEEP = false;
const RECONNECT = 1;
const RECONNECT_AND_SEND_AGAIN = 2;

/**
 * A connection for code that somebody waits for: a command fails at once while Redis is away or refuses writes, and after 1.5 s when Redis
 * does not answer. The command may have been carried out all the same.
 * It reconnects by itself, at least once a second, to the current master.
 */
export function producerConnection(url: string): Redis {
  return connectForCaller(url, { commandTimeout: 1_500, socketTimeout: SILENCE_MS.producer });
}

/**
 * As `producerConnection`, for a person at a terminal, who rather waits for 10 s than begins anew: where the machine is overloaded, the
 * answer is there in time, and this process does not get to read it.
 */
export function terminalConnection(url: string): Redis {
  return connectForCaller(url, { commandTimeout: 10_000, socketTimeout: SILENCE_MS.worker });
}

function connectForCaller(
  url: string,
  patience: Required<Pick<RedisOptions, 'commandTimeout' | 'socketTimeout'>>,
): Redis {
  const redis = connect(url, {
    connectionName: 'microsoft-connector-producer',
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    ...patience,
    ...reconnecting((message) => (DEMOTED.test(message) ? RECONNECT : KEEP)),
  });
  noteOutages(redis);
  return redis;
}

/**
 * A connection for work that can wait: commands are queued while Redis is away or refuses writes, and sent once it takes them. BullMQ
 * requires the former for its workers, whose blocking reads also rule out a command timeout; without the latter it would send to a refusing
 * Redis ten thousand times a second. A command may be carried out twice, if the connection breaks before its reply.
 */
export function workerConnection(url: string): Redis {
  return connect(url, {
    connectionName: 'microsoft-connector-worker',
    maxRetriesPerRequest: null,
    socketTimeout: SILENCE_MS.worker,
    ...reconnecting((message) => (REFUSAL.test(message) ? RECONNECT_AND_SEND_AGAIN : KEEP)),
  });
}

/**
 * Answers that say nothing against a command either: its user may not send it, or Redis began to refuse ahead of the end of a transaction.
 */
const DENIED =
  /^(?:NOPERM |NOAUTH |WRONGPASS |ERR ACL failure in script|ERR The user executing the script can't|EXECABORT .* because of: )/;

/** Errors of commands with which nothing was wrong. */
const outages = new WeakSet<Error>();

/**
 * Whether a command of a producer connection failed because of Redis: it is away, does not answer, keeps nothing at the moment, or does not
 * let us. What it answers otherwise, a wrong type for example, is a mistake of ours.
 */
export function isOutage(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  // A transaction is discarded for what was answered to the commands in it.
  const { previousErrors } = error as { previousErrors?: unknown };
  return outages.has(error) || (Array.isArray(previousErrors) && previousErrors.some(isOutage));
}

/** ioredis words and classes what is no answer of Redis in many ways, but fails every command in this one place. */
function noteOutages(redis: Redis): void {
  const { sendCommand } = redis;
  redis.sendCommand = (command, stream) => {
    const { reject } = command;
    command.reject = (error) => {
      const isAnswer = error instanceof ReplyError;
      if (!isAnswer || REFUSAL.test(error.message) || DENIED.test(error.message)) outages.add(error);
      reject(error);
    };
    return sendCommand.call(redis, command, stream);
  };
}

/** Resolves when the connection can be used, now or later. */
export function whenReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve) => redis.once('ready', () => resolve()));
}

/** Reconnects when the connection breaks, and after an error reply for which `decide` says so: then after the longest pause. */
function reconnecting(
  decide: (message: string) => 1 | 2 | false,
): Required<Pick<RedisOptions, 'reconnectOnError' | 'retryStrategy'>> {
  let isRefused = false;
  return {
    reconnectOnError({ message }) {
      const answer = decide(message);
      isRefused ||= answer !== KEEP;
      return answer;
    },
    retryStrategy(attempt) {
      const pauseMs = isRefused ? LONGEST_PAUSE_MS : Math.min(50 * 2 ** Math.min(attempt, 5), LONGEST_PAUSE_MS);
      isRefused = false;
      return pauseMs;
    },
  };
}

type Options = Omit<RedisOptions, 'replyMapping'>;

function connect(url: string, options: Options): Redis {
  const address = parseRedisAddress(url);
  if (address === undefined)
    throw new TypeError('REDIS_URL is not a usable address; config.ts should have refused it.');
  const all = { connectTimeout: 2_000, ...options };
  if (address.kind === 'server') return prepared(new Redis(address.url, all));

  const { sentinels, name, database, tls, username, password, sentinelUsername, sentinelPassword } = address;
  const viaSentinels: Options = {
    ...all,
    sentinels,
    name,
    db: database,
    sentinelCommandTimeout: 1_000,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, tls: {}, sentinelTLS: {} }),
  };
  return prepared(new Redis(viaSentinels));
}

/** A Redis whose administrator forbids INFO is used as if it had said this, instead of never becoming ready. */
const UNTOLD = 'redis_version:6.2.0\r\nloading:0\r\n';
const FORBIDDEN = /^(?:NOPERM|ERR unknown command)/;

function prepared(redis: Redis): Redis {
  // Whoever watches the connection tells of an outage; without a listener ioredis prints each failed reconnection.
  redis.on('error', () => {});
  const { info, duplicate } = redis;
  redis.info = ((...args: unknown[]) => {
    const tell = args.findLast((arg) => typeof arg === 'function');
    const told = (
      info.apply(
        redis,
        args.filter((arg) => typeof arg === 'string'),
      ) as Promise<string>
    ).catch((error: Error) => {
      if (FORBIDDEN.test(error.message)) return UNTOLD;
      throw error;
    });
    if (tell)
      told.then(
        (text) => tell(null, text),
        (error) => tell(error),
      );
    return told;
  }) as Redis['info'];
  // BullMQ makes its connections for blocking reads this way.
  redis.duplicate = (override) => prepared(duplicate.call(redis, override));
  return redis;
}
