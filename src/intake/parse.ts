/** Strict JSON with the place of every value and of every mistake (SPEC B8). */
import { extname } from 'node:path';
import {
  type DocumentNode,
  type Location,
  type MemberNode,
  type ObjectNode,
  parse,
  tokenize,
  type ValueNode,
} from '@humanwhocodes/momoa';
import { pathText, type Problem, shown } from './problems.ts';

export interface ParsedInput {
  value: unknown;
  /** Where the value at `path` starts, or the nearest thing around it that exists; undefined for a flag's path. */
  locate: (path: Problem['path']) => Place | undefined;
}

interface Place {
  line: number;
  column: number;
}

/** `fileName`: its extension says when somebody expects another format. */
export function parseJson(text: string, fileName = ''): ParsedInput | { problems: Problem[] } {
  const format = OTHER_FORMATS[extname(fileName).toLowerCase()];
  if (format !== undefined) {
    return {
      problems: [
        { path: [], message: `is ${format}; only JSON can be read so far: convert it to a .json file` },
      ],
    };
  }
  // A byte order mark is no character of the first line.
  const json = text.replace(/^\uFEFF/u, '');
  try {
    return checkedDocument(parse(json, { mode: 'json' }), json);
  } catch (error) {
    return { problems: [syntaxProblem(error, json)] };
  }
}

const OTHER_FORMATS: Partial<Record<string, string>> = {
  '.yaml': 'YAML',
  '.yml': 'YAML',
  '.csv': 'CSV',
  '.jsonl': 'JSON Lines',
};

function checkedDocument(document: DocumentNode, json: string): ParsedInput | { problems: Problem[] } {
  const problems = textProblems(document.body, [], json);
  if (problems.length > 0) return { problems };
  return { value: JSON.parse(json), locate: (path) => locate(document.body, path) };
}

/** What the tree tells and a parsed value no longer does: equal keys, and characters that strict JSON wants escaped. */
function textProblems(node: ValueNode, path: Problem['path'], json: string): Problem[] {
  if (node.type === 'String') return controlCharacters(node, path, json);
  if (node.type === 'Array')
    return node.elements.flatMap(({ value }, i) => textProblems(value, [...path, i], json));
  if (node.type !== 'Object') return [];
  const inside = node.members.flatMap((member) => [
    ...controlCharacters(member.name, path, json),
    ...textProblems(member.value, [...path, keyOf(member)], json),
  ]);
  return [...duplicateKeys(node, path), ...inside];
}

function duplicateKeys(node: ObjectNode, path: Problem['path']): Problem[] {
  const first = new Map<string, Location>();
  const problems: Problem[] = [];
  for (const member of node.members) {
    const key = keyOf(member);
    const { start } = member.name.loc;
    const before = first.get(key);
    if (before === undefined) first.set(key, start);
    else
      problems.push({
        path: [...path, key],
        message: `the same key stands at ${before.line}:${before.column} already`,
        ...placeOf(start),
      });
  }
  return problems;
}

function controlCharacters(
  node: { loc: { start: Location; end: Location } },
  path: Problem['path'],
  json: string,
): Problem[] {
  const { start, end } = node.loc;
  // eslint-disable-next-line no-control-regex -- exactly what RFC 8259 forbids inside of strings
  const found = /[\u0000-\u001F]/u.exec(json.slice(start.offset, end.offset))?.[0];
  if (found === undefined) return [];
  const what =
    found === '\n' || found === '\r'
      ? 'a line break inside of quotes; write \\n'
      : `the character ${shown(found)} inside of quotes; write it escaped`;
  return [{ path, message: what, ...placeOf(start) }];
}

function locate(root: ValueNode, path: Problem['path']): Place | undefined {
  let node = root;
  for (const [depth, step] of path.entries()) {
    const next = childOf(node, step);
    // A flag is one step that no file has.
    if (next === undefined)
      return depth === 0 && pathText(path).startsWith('--') ? undefined : placeOf(node.loc.start);
    node = next;
  }
  return placeOf(node.loc.start);
}

function childOf(node: ValueNode, step: string | number): ValueNode | undefined {
  if (node.type === 'Array' && typeof step === 'number') return node.elements[step]?.value;
  if (node.type === 'Object') return node.members.find((member) => keyOf(member) === step)?.value;
  return undefined;
}

function keyOf({ name }: MemberNode): string {
  return name.type === 'String' ? name.value : name.name;
}

function placeOf({ line, column }: Location): Place {
  return { line, column };
}

/** The parser stops at the first mistake, so there is exactly one. */
function syntaxProblem(error: unknown, json: string): Problem {
  if (error instanceof RangeError) return { path: [], message: 'is nested too deeply' };
  const { line, column, offset } = error as Partial<Location>;
  if (line === undefined || column === undefined || offset === undefined) throw error;
  const isEarlyEnd = offset >= json.length || leavesBracketsOpen(json, offset);
  if (json.trim() === '')
    return { path: [], message: 'is empty; expected an object with tasks', line: 1, column: 1 };
  return {
    path: [],
    message: isEarlyEnd
      ? 'the text ends too early: a bracket or a quote is not closed'
      : mistakeAt(json, offset),
    line,
    column,
  };
}

/** The parser reports the last word of `[1, 2` and not what is missing after it. */
function leavesBracketsOpen(json: string, offset: number): boolean {
  try {
    const tokens = tokenize(json, { mode: 'json' });
    const opened = tokens.filter(({ type }) => type === 'LBrace' || type === 'LBracket').length;
    const closed = tokens.filter(({ type }) => type === 'RBrace' || type === 'RBracket').length;
    return opened > closed && tokens.at(-1)?.loc.start.offset === offset;
  } catch {
    return false;
  }
}

function mistakeAt(json: string, offset: number): string {
  const [word = ''] = /^(?:"[^"\n]{0,30}"?|[\w.+-]{1,30}|.)/su.exec(json.slice(offset, offset + 40)) ?? [];
  const before = json.slice(0, offset).trimEnd().at(-1) ?? '';
  if ((word === '}' || word === ']') && before === ',')
    return `a comma before ${shown(word)} is one too many`;
  if (/^["'“”‘’]$/u.test(word)) return `unexpected ${word}; texts stand in straight double quotes`;
  if (word === '\\')
    return `unexpected ${shown(json.slice(offset, offset + 2))}; a backslash in a text is written \\\\`;
  if (word === '/' || word === '#') return 'comments are not allowed in JSON';
  const wantsComma = /["\w}\]]/u.test(before) && /^["[{\w-]/u.test(word);
  return wantsComma
    ? `unexpected ${word}; a comma or a colon is missing before it`
    : `unexpected ${shown(word)}`;
}
