import { createInterface } from 'node:readline/promises';
import type { SignInParts } from '../commands/sign-in.ts';
import type { Config } from '../config.ts';
import { PermanentError } from '../lib/errors.ts';
import { createHttp } from '../upstreams/http.ts';
import { beginSignIn } from '../upstreams/partner-center/sign-in.ts';

export type SetUp = SignInParts;

/** What is needed before there is a service: nothing but the configuration. */
export function composeSetUp({ partnerCenter, timing }: Config): SetUp {
  const http = createHttp({
    upstream: 'entra',
    baseUrl: partnerCenter.authorityUrl,
    readTimeoutMs: timing.httpTimeoutMs,
    // To sign in is what the person is here for, whatever the service may do.
    readOnly: false,
    observe() {},
  });
  return {
    beginSignIn: () => beginSignIn({ ...partnerCenter, http }),
    ask,
    tell: (text) => process.stderr.write(text),
  };
}

/** @throws {PermanentError} `command.no-answer` when nobody answers */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  for await (const line of createInterface({ input: process.stdin })) return line;
  throw new PermanentError('command.no-answer', 'Nothing was pasted. In a container, begin with docker exec -i.');
}
