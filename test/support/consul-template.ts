/** An instance as consul-template's `service` hands it to a template. */
export interface Instance {
  Address: string;
  Port: number;
}

const ACTION = /\{\{(-(?=\s))?\s*(.*?)\s*((?<=\s)-)?\}\}/gs;

/**
 * Renders what the templates of this project use of the language of consul-template: `range service "…"` with its `else` and `end`, not
 * nested, `.Address` and `.Port` of an instance, and the trimming of blanks.
 *
 * @throws {Error} at anything else, rather than to guess
 * @see https://pkg.go.dev/text/template
 */
export function renderConsulTemplate(template: string, service: (query: string) => Instance[]): string {
  const [head, ...parts] = split(template);
  let rendered = head?.text ?? '';
  let loop: { instances: Instance[]; body: Part[]; otherwise: Part[] | undefined } | undefined;

  for (const part of parts) {
    const query = /^range service "([\w.-]+)"$/.exec(part.action)?.[1];
    if (query !== undefined && !loop) loop = { instances: service(query), body: [part], otherwise: undefined };
    else if (part.action === 'else' && loop && !loop.otherwise) loop.otherwise = [part];
    else if (part.action === 'end' && loop) {
      const { instances, body, otherwise = [] } = loop;
      rendered += instances.map((instance) => body.map((one) => fill(one, instance)).join('')).join('');
      if (instances.length === 0) rendered += otherwise.map((one) => one.text).join('');
      rendered += part.text;
      loop = undefined;
    } else if (loop && /^\.(Address|Port)$/.test(part.action)) (loop.otherwise ?? loop.body).push(part);
    else throw new Error(`The renderer of the tests does not know {{ ${part.action} }} at this place.`);
  }
  if (loop) throw new Error('A range has no end.');
  return rendered;
}

/** An action and the text that follows it. */
interface Part {
  action: string;
  text: string;
}

function split(template: string): Part[] {
  const parts: Part[] = [{ action: '', text: '' }];
  let at = 0;
  for (const { 0: whole, 1: trimsBefore, 2: action = '', 3: trimsAfter, index } of template.matchAll(ACTION)) {
    const before = parts.at(-1)!;
    before.text += template.slice(at, index);
    if (trimsBefore) before.text = before.text.trimEnd();
    at = index + whole.length;
    if (trimsAfter) at += /^\s*/.exec(template.slice(at))![0].length;
    parts.push({ action, text: '' });
  }
  parts.at(-1)!.text += template.slice(at);
  return parts;
}

function fill({ action, text }: Part, instance: Instance): string {
  if (action === '.Address') return instance.Address + text;
  return action === '.Port' ? String(instance.Port) + text : text;
}
