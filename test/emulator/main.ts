import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Emulators, startEmulators } from './emulators.ts';

const USAGE = `npm run emulator -- [options]
  --cloudesire-port 8091
  --partner-center-port 8092
  --entra-port 8443
  --arm-port 8444
  --templates-port 8445
  --connector http://127.0.0.1:8080   where events are sent
  --name HOST       what other machines call this one; all of them speak HTTPS then
  --share FOLDER    writes there what others need, in a folder for each of them: connector/ (a file for each variable of its
                    environment, and the authority, ca.pem), edge/ (a certificate for HOST and the host of the connector:
                    fullchain.pem, privkey.pem), authority/ (ca.pem, for whoever only calls)`;

const EXIT_USAGE = 64;

interface Options {
  ports: { cloudesire: number; partnerCenter: number; entra: number; arm: number; templates: number };
  connectorUrl: string;
  name: string | undefined;
  share: string | undefined;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      'cloudesire-port': { type: 'string', default: '8091' },
      'partner-center-port': { type: 'string', default: '8092' },
      'entra-port': { type: 'string', default: '8443' },
      'arm-port': { type: 'string', default: '8444' },
      'templates-port': { type: 'string', default: '8445' },
      connector: { type: 'string', default: 'http://127.0.0.1:8080' },
      name: { type: 'string' },
      share: { type: 'string' },
    },
  });
  if (!URL.canParse(values.connector)) throw new Error(`--connector takes an address, not ${values.connector}`);
  return {
    ports: {
      cloudesire: readPort('--cloudesire-port', values['cloudesire-port']),
      partnerCenter: readPort('--partner-center-port', values['partner-center-port']),
      entra: readPort('--entra-port', values['entra-port']),
      arm: readPort('--arm-port', values['arm-port']),
      templates: readPort('--templates-port', values['templates-port']),
    },
    connectorUrl: values.connector,
    name: values.name,
    share: values.share,
  };
}

function readPort(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`${option} takes a port from 0 to 65535, not ${text}`);
  return port;
}

function describe(emulators: Emulators, connectorUrl: string): string {
  const { cloudesire, partnerCenter, entra, arm, templates } = emulators;
  const cloudesireOrigin = new URL(cloudesire.url).origin;
  const exports = Object.entries(emulators.environment()).map(([name, value]) => `export ${name}='${value}'`);
  return `Cloudesire      ${cloudesire.url}   events go to ${new URL('/event', connectorUrl).href}
Partner Center  ${partnerCenter.url}
Entra ID        ${entra.url}
Azure           ${arm.url}
Templates       ${templates.url}   ${templates.paths().join('   ')}

The connector's environment:

${exports.join('\n')}

Each of them lists its commands at /_emulator and runs one with POST /_emulator/<command>:

  curl ${cloudesireOrigin}/_emulator
  curl -d '{"plan":2101,"buyer":1301,"licenses":5,"paid":true}' ${cloudesireOrigin}/_emulator/placeOrder
  curl -d '{"on":true}' ${partnerCenter.url}/_emulator/acceptAllAttestations
  curl -d '{"ms":86400000}' ${cloudesireOrigin}/_emulator/advance
  curl -X POST ${partnerCenter.url}/_emulator/books
  curl -X POST --cacert ${emulators.caFile} ${entra.url}/_emulator/expireTokens
  curl -X POST --cacert ${emulators.caFile} ${arm.url}/_emulator/finishOperations

End with Ctrl-C.`;
}

/** For processes that are started elsewhere. Each file is there as a whole or not at all. */
function share({ caFile, tls, environment }: Emulators, folder: string): void {
  const authority = { 'ca.pem': readFileSync(caFile, 'utf8') };
  const folders = {
    connector: { ...environment(), ...authority },
    edge: { 'fullchain.pem': tls.cert, 'privkey.pem': tls.key },
    authority,
  };
  for (const [of, files] of Object.entries(folders)) {
    mkdirSync(join(folder, of), { recursive: true });
    for (const [name, content] of Object.entries<string>(files)) {
      writeFileSync(join(folder, of, `.${name}`), content);
      renameSync(join(folder, of, `.${name}`), join(folder, of, name));
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function run(): Promise<void> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
    return;
  }

  let emulators: Emulators;
  try {
    emulators = await startEmulators({
      ports: options.ports,
      ...(options.name !== undefined && { name: options.name }),
      certifiedNames: [new URL(options.connectorUrl).hostname],
    });
  } catch (error) {
    console.error(`The emulators cannot start: ${messageOf(error)}`);
    process.exitCode = 1;
    return;
  }
  emulators.connectTo(options.connectorUrl);
  if (options.share !== undefined) share(emulators, options.share);
  console.log(describe(emulators, options.connectorUrl));

  let isClosing = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isClosing) return;
      isClosing = true;
      void emulators.close();
    });
  }
}

await run();
