// Builds the stories: generates code from the protos, and bundles it with them into one module for Node and browsers.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));

// Builds into the folder, and returns the path of the module.
export async function buildStories(folder) {
  const template = {
    version: 'v2',
    plugins: [{
      local: [process.execPath, fromHere('node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es')],
      out: folder,
      opt: ['target=js'],
    }],
  };
  for (const protos of ['protos', 'tests/clients/protos']) {
    execFileSync(process.env.BUF ?? 'buf', ['generate', protos, '--template', JSON.stringify(template)],
      { cwd: fromHere('../../..'), stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const outfile = `${folder}/stories.mjs`;
  await build({
    stdin: {
      contents: ['story', 'guarded', 'tap'].map((module) => `export * from './${module}.mjs';`).join('\n'),
      resolveDir: fromHere('.'),
    },
    outfile,
    bundle: true,
    format: 'esm',
    alias: { protos: folder },
    nodePaths: [fromHere('node_modules')], // for the generated code, which is in another folder
    logLevel: 'warning',
  });
  return outfile;
}
