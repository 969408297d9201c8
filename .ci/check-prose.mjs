// node .ci/check-prose.mjs [--count] [FILE...]
//
// Searches prose for the phrases of .ci/prose-words.txt: Markdown, comments of protos, scripts, TypeScript and SQL, comments and strings of
// C#, and the names of tests. Without files it searches the whole tree. Prints each match as file:line, what matched, and what to write
// instead; with --count the number of matches of each phrase. Fails when there are any.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({ options: { count: { type: 'boolean' } }, allowPositionals: true });
const root = fileURLToPath(new URL('..', import.meta.url));

// What may stand before the first word of a sentence. Blocks of prose are separated by \n.
const SENTENCE_START = String.raw`(?<=(?:^|[\n|]|[.!?:;]\)?\s)[\s*_"'(]*)`;

const phrases = readFileSync(new URL('prose-words.txt', import.meta.url), 'utf8').split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [, source, advice] = /^(.+?) # (.+)$/.exec(line);
    const pattern = source.replace(/^\^/, SENTENCE_START).replaceAll(' ', String.raw`[^\S\n]+`);
    return { source, advice, pattern: new RegExp(pattern, 'gi'), count: 0 };
  });

// Text with the line of each character. A block ends with \n; the lines within one are joined by spaces.
class Prose {
  text = '';
  #lines = [];

  add(text, line) {
    this.text += text;
    for (let i = 0; i < text.length; i++) this.#lines.push(line);
  }

  endBlock(line) { if (!this.text.endsWith('\n')) this.add('\n', line); }

  lineAt(offset) { return this.#lines[offset]; }
}

// A paragraph is a block, and so is each row of a table, item of a list and heading. Code between fences is not prose.
function proseOfMarkdown(source) {
  const prose = new Prose();
  let inCode = false;
  source.split('\n').forEach((line, index) => {
    if (/^\s*```/.test(line)) inCode = !inCode;
    if (inCode || line.trim() === '' || /^\s*(#|\||[-*] |\d+\. )/.test(line)) prose.endBlock(index + 1);
    if (!inCode) prose.add(`${line.trim().replace(/^(#+|[-*]|\d+\.) /, '')} `, index + 1);
  });
  return prose;
}

// Tokens of C# that matter here. An interpolation counts as part of its string, and a string within one ends it. That is good enough.
const TOKEN = /\/\/.*|\/\*[\s\S]*?\*\/|\$*("{3,})[\s\S]*?\1|[$@]*@[$@]*"(?:[^"]|"")*"|\$?"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'/g;

// Comments on lines one after another are a block; tags of XML documentation that hold paragraphs separate blocks.
function proseOfCode(source, withStrings) {
  const prose = new Prose();
  let line = 1;
  let end = 0;
  let commentLine = 0;
  for (const match of source.matchAll(TOKEN)) {
    line += source.slice(end, match.index).split('\n').length - 1;
    end = match.index;
    const [token] = match;
    const isComment = token.startsWith('/');
    if (!isComment || line > commentLine + 1) prose.endBlock(line);
    if (isComment || (withStrings && !token.startsWith("'"))) {
      token.split('\n').forEach((part, index) => {
        prose.add(isComment ? `${part.trim().replace(/^(\/\/+|\/?\*+\/?)\s?/, '')
          .replace(/<\/?(summary|remarks|param|returns|exception|list|item|para|value)\b[^>]*>/g, '\n')
          .replace(/<(see|paramref|typeparamref)\b[^"]*"([^"]*)"\s*\/>/g, '$2').replace(/<\/?\w+>/g, '')} ` : `${part} `, line + index);
      });
    }
    if (isComment) commentLine = line;
    else prose.endBlock(line);
  }
  return prose;
}

// Comments that fill their lines.
function proseOfLines(source, comment) {
  const prose = new Prose();
  source.split('\n').forEach((line, index) => {
    const [, text] = comment.exec(line) ?? [];
    if (text === undefined) prose.endBlock(index + 1);
    else prose.add(`${text} `, index + 1);
  });
  return prose;
}

// The names of tests are sentences, with underscores between their words.
function addTestNames(prose, source) {
  source.split('\n').forEach((line, index) => {
    const [, name] = /^ +public .*\b([A-Z][a-zA-Z0-9]*_\w+)\(/.exec(line) ?? [];
    if (name === undefined) return;
    prose.endBlock(index + 1);
    prose.add(name.replaceAll('_', ' '), index + 1);
    prose.endBlock(index + 1);
  });
}

function proseOf(path) {
  const source = readFileSync(path, 'utf8');
  switch (extname(path)) {
    case '.md': return proseOfMarkdown(source);
    case '.sql': return proseOfLines(source, /^\s*--\s?(.*)/);
    case '.sh': return proseOfLines(source, /^\s*#\s?(.*)/);
    case '.mjs': return proseOfLines(source, /^\s*\/\/\s?(.*)/);
    case '.cs': {
      const prose = proseOfCode(source, true);
      if (path.startsWith('tests/')) addTestNames(prose, source);
      return prose;
    }
    default: return proseOfCode(source, false);
  }
}

const files = positionals.length > 0 ? positionals : execFileSync(
  'git', ['ls-files', '-co', '--exclude-standard', '--', '*.md', '*.proto', '*.cs', '*.mjs', '*.ts', '*.sh', '*.sql'],
  { cwd: root, encoding: 'utf8' }).trim().split('\n');
if (positionals.length === 0) process.chdir(root);

for (const file of files) {
  const prose = proseOf(file);
  const found = [];
  for (const phrase of phrases) {
    for (const match of prose.text.matchAll(phrase.pattern)) {
      phrase.count++;
      found.push({ line: prose.lineAt(match.index), text: match[0].replace(/\s+/g, ' '), advice: phrase.advice });
    }
  }
  if (options.count) continue;
  found.sort((a, b) => a.line - b.line);
  for (const { line, text, advice } of found) console.log(`${file}:${line}: "${text}": ${advice}`);
}

const total = phrases.reduce((sum, phrase) => sum + phrase.count, 0);
if (options.count) for (const phrase of phrases) console.log(`${String(phrase.count).padStart(5)}  ${phrase.source}`);
console.log(`${total} matches in ${files.length} files`);
process.exitCode = total > 0 ? 1 : 0;
