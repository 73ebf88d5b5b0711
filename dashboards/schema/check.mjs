// Checks dashboards against the types that Grafana publishes as @grafana/schema:
//
//   node check.mjs FILE.json...
//
// Each dashboard becomes a TypeScript literal of its type, and each panel's
// options and fields one of the type of its kind of panel, so that the compiler
// finds names that are not there and values that are not allowed.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));

// The module of each kind of panel.
const kinds = {
  barchart: "BarChart",
  heatmap: "Heatmap",
  nodeGraph: "NodeGraph",
  stat: "Stat",
  table: "Table",
  timeseries: "TimeSeries",
};

// In JSON an enum is its value, and what has a default may be left out.
const header = `
import type { Dashboard, RowPanel } from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";
type Plain<T> = unknown extends T ? T : T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[] : { [K in keyof T]: Plain<T[K]> };
type Some<T> = unknown extends T ? T : T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Some<U>[] : { [K in keyof T]?: Some<T[K]> };
`;

function imports(kind) {
  const module = `@grafana/schema/dist/esm/raw/composable/${kind.toLowerCase()}/panelcfg/x/${kinds[kind]}PanelCfg_types.gen`;
  return `import type * as ${kind} from "${module}";\n`;
}

function program(files) {
  let text = header + Object.keys(kinds).map(imports).join("");
  files.forEach((file, n) => {
    const dashboard = JSON.parse(readFileSync(file, "utf8"));
    // The type knows no targets but those of Grafana's own annotations.
    for (const annotation of dashboard.annotations.list) delete annotation.target;
    text += `// ${file}\nexport const d${n}: Plain<Dashboard> = ${JSON.stringify(dashboard, null, 1)};\n`;
    dashboard.panels.forEach((panel, m) => {
      const name = `p${n}_${m}`;
      if (panel.type === "row") {
        text += `export const ${name}: Plain<RowPanel> = ${JSON.stringify(panel)};\n`;
        return;
      }
      if (!kinds[panel.type]) throw new Error(`${file}: nothing is known of panels of type ${panel.type}`);
      text += `// ${file}: ${panel.title}\nexport const ${name}: Some<${panel.type}.Options> = ${JSON.stringify(panel.options)};\n`;
      const custom = panel.fieldConfig.defaults.custom;
      if (custom && Object.keys(custom).length > 0) {
        text += `export const ${name}f: Some<${panel.type}.FieldConfig> = ${JSON.stringify(custom)};\n`;
      }
    });
  });
  return text;
}

// fileAt tells which file a line was made of: the comment before it does.
function fileAt(line) {
  const comment = text.split("\n").slice(0, line + 1).findLast((l) => l.startsWith("// "));
  return files.find((file) => comment === `// ${file}` || comment?.startsWith(`// ${file}: `)) ?? "elsewhere";
}

const name = join(here, "dashboards.ts");
const files = process.argv.slice(2);
const text = program(files);
const options = { strict: true, noEmit: true, skipLibCheck: true, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: [] };
const host = ts.createCompilerHost(options);
const read = host.getSourceFile.bind(host);
host.getSourceFile = (file, ...rest) => (file === name ? ts.createSourceFile(file, text, rest[0]) : read(file, ...rest));
const exists = host.fileExists.bind(host);
host.fileExists = (file) => file === name || exists(file);
const problems = ts.getPreEmitDiagnostics(ts.createProgram([name], options, host));
const found = Object.fromEntries([...files, "elsewhere"].map((file) => [file, 0]));
for (const problem of problems) {
  const line = problem.file ? problem.file.getLineAndCharacterOfPosition(problem.start).line : 0;
  const excerpt = problem.file ? problem.file.text.split("\n").slice(Math.max(0, line - 1), line + 1).join(" ").slice(0, 300) : "";
  found[problem.file?.fileName === name ? fileAt(line) : "elsewhere"]++;
  console.error(`${ts.flattenDiagnosticMessageText(problem.messageText, "\n")}\n    at: ${excerpt}\n`);
}
for (const file in found) console.log(`${file}: ${found[file]} problems`);
process.exit(problems.length > 0 ? 1 : 0);
