/** What a secret command answers (`reference/api.md` 3): `{protocolVersion: 1, values: {id: secret}, errors: {id: {code}}}`. */
import { isObject, type JsonObject } from '../host/config-file.ts';
import { type SecretAnswers, SecretRefused, secretText } from './secret-refused.ts';

/**
 * `jsonOnly` false: asked for one secret, the output may also be that secret itself.
 * @throws SecretRefused when there is no answer in it; nothing of the output is quoted
 */
export function readCommandAnswer(output: Buffer, ids: readonly string[], jsonOnly: boolean): SecretAnswers {
  const text = output.toString('utf8').trim();
  const answer = parsed(text);
  const [id] = ids;
  if (!jsonOnly && ids.length === 1 && id !== undefined && !isObject(answer))
    return new Map([[id, secretText(typeof answer === 'string' ? answer : text)]]);
  if (!isObject(answer)) throw unfit(text === '' ? 'nothing' : 'something other than one JSON object');
  const { protocolVersion, values, errors } = answer;
  if (protocolVersion !== 1) throw unfit('another protocolVersion than 1');
  if (!isObject(values)) throw unfit('no object named values');
  return new Map(ids.flatMap((id) => answerTo(id, values, isObject(errors) ? errors : {})));
}

function answerTo(id: string, values: JsonObject, errors: JsonObject): [string, string | SecretRefused][] {
  if (Object.hasOwn(errors, id)) return [[id, reportedError(errors[id])]];
  return Object.hasOwn(values, id) ? [[id, secretText(values[id])]] : [];
}

/** The codes that the protocol knows; anything else that a command says of an error may quote a secret. */
const KNOWN_CODES = new Set<unknown>(['NOT_FOUND', 'AMBIGUOUS_DUPLICATE_KEY']);

function reportedError(error: unknown): SecretRefused {
  const code = isObject(error) ? error['code'] : undefined;
  const told = KNOWN_CODES.has(code) ? ` (${String(code)})` : '';
  return new SecretRefused(
    'no_key',
    `its command reports an error for this id${told}; see to the secret there`,
  );
}

function unfit(what: string): SecretRefused {
  return new SecretRefused(
    'no_key',
    `its command answered with ${what}; it has to write {"protocolVersion": 1, "values": {"<id>": "<secret>"}} to stdout`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
