import { systemClock } from '../lib/clock.ts';
import { fixedSecret, type Secret, type SecretNews, secretInFile } from '../lib/secret.ts';
import { type Environment, readSecret } from './environment.ts';
import { Settings } from './settings.ts';

/** Secrets whose files are read again while the service runs. The others are needed once, at the start. */
const FOLLOWED = [
  'CMW_AUTH_TOKEN',
  'CMW_EVENT_SECRETS',
  'PARTNER_CENTER_CLIENT_SECRET',
  'PARTNER_CENTER_REFRESH_TOKEN',
  'ENDPOINT_SECRET',
  'OPS_TOKEN',
  'CONSUL_TOKEN',
] as const;

type FollowedSecret = (typeof FOLLOWED)[number];

const KEY_LOST =
  'STATE_KEY is not set, so that it follows from the client secret: after the next start nothing that is sealed can be opened. Set it before, to the key of the former client secret; docs/security.md says how.';

/** Hears that a secret was replaced in its file, or what is wrong with the file; never a value. */
export type TellSecret = (news: SecretNews & { variable: string; warning?: string }) => void;

/** Makes a secret of the value that a variable had at the start. */
export type Follow = <T>(variableName: FollowedSecret, initial: T) => Secret<T>;

/** Makes a secret of a value: one that follows its file, where it was given by one, and then is added to `followed`. */
export function followFiles(env: Environment, followed: Secret<unknown>[], tell: TellSecret): Follow {
  return <T>(variableName: FollowedSecret, initial: T): Secret<T> => {
    if (!env[`${variableName}_FILE`]) return fixedSecret(initial);
    let known = { text: readSecret(env, variableName).text, value: initial };
    const secret = secretInFile<T>({
      initial,
      clock: systemClock,
      load() {
        const { text, problem } = readSecret(env, variableName);
        if (problem !== undefined) return { problem };
        if (text === undefined) return { problem: 'empty' };
        if (text === known.text) return known;
        const { data, error } = Settings.shape[variableName].safeParse(text);
        if (error) return { problem: error.issues[0]?.message ?? 'not usable' };
        known = { text, value: data as T };
        return known;
      },
      tell(news) {
        const isKeyLost =
          variableName === 'PARTNER_CENTER_CLIENT_SECRET' && !news.problem && !readSecret(env, 'STATE_KEY').text;
        tell({ variable: variableName, ...news, ...(isKeyLost && { warning: KEY_LOST }) });
      },
    });
    followed.push(secret);
    return secret;
  };
}
