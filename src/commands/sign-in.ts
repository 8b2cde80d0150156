import { parseArgs } from 'node:util';
import { type Command, EXIT } from './command.ts';

export interface SignInParts {
  /** Begins a sign-in: the address for the browser, and what to do with the one that it ends at. */
  beginSignIn(): {
    address: string;
    finish(reached: string): Promise<{ refreshToken: string; hasMfa: boolean | undefined }>;
  };
  /** Asks the person at the terminal, beside the result, and returns the line that they type. */
  ask(question: string): Promise<string>;
  /** Tells the person something, beside the result. */
  tell(text: string): void;
}

/** How a person consents to the application, once. The refresh token is the whole of the result, to be sent into a file. */
export const signIn: Command<SignInParts> = {
  usage: '> <file>',
  summary:
    'has a user of the partner sign in with MFA, and writes the refresh token, for PARTNER_CENTER_REFRESH_TOKEN_FILE',

  read(args) {
    parseArgs({ args });

    return async ({ beginSignIn, ask, tell }, output) => {
      const { address, finish } = beginSignIn();
      const { refreshToken, hasMfa } = await finish(await ask(questionFor(address)));
      if (hasMfa === false) {
        tell(
          'Microsoft refuses a sign-in without MFA, as this one was. Give the user a second factor, and begin anew.\n',
        );
        return EXIT.found;
      }
      output.write(`${refreshToken}\n`);
      tell('Signed in. With the token in its place, connector doctor says whether all is well.\n');
      return EXIT.fine;
    };
  },
};

function questionFor(address: string): string {
  return `Open this address in a browser, and sign in as the admin agent that works for the connector:

  ${address}

The browser ends at an address that begins with http://localhost and cannot be reached. Copy all of it from the address bar,
paste it here within ten minutes, and press Enter: `;
}
