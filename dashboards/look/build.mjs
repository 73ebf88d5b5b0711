// Bundles the page into a folder:
//
//   node build.mjs FOLDER
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const [folder] = process.argv.slice(2);
const here = import.meta.dirname;

await build({
  entryPoints: [join(here, 'src/main.tsx')],
  outdir: folder,
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
  minifySyntax: true, // drops what only development needs
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
  loader: { '.woff': 'file', '.woff2': 'file', '.svg': 'dataurl' },
  logLevel: 'error',
});
cpSync(join(here, 'index.html'), join(folder, 'index.html'));
