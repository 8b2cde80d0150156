import type { Redis } from 'ioredis';

/** A Lua script, which Redis runs atomically: what it reads cannot change before it has written. */
export type Script = (keys: string[], args: (string | number)[]) => Promise<unknown>;

/** Registers a Lua script with the connection under a name of ours. It is sent once and called by its digest from then on. */
export function defineScript(redis: Redis, name: string, lua: string): Script {
  redis.defineCommand(name, { lua });
  // ioredis adds the command to the connection itself, which its types cannot know.
  const commands = redis as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
  return (keys, args) => commands[name]!(keys.length, ...keys, ...args);
}
