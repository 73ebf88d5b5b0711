// Gives the variables of a dashboard their values: those of the address, else the
// current ones of the file, else the first that there are.
import { ask } from './query';
import { interpolate } from './interpolate';
import type { Dashboard, DataSource, Value, Variable, View } from './model';

interface Choice { value: string; text: string }

const list = (x: string | string[] | undefined) => (x === undefined ? [] : Array.isArray(x) ? x : [x]);

// pattern reads /…/ or the bare text of a regular expression.
function pattern(text: string): RegExp {
  const parts = /^\/(.*)\/([gimsuy]*)$/s.exec(text);
  return parts ? new RegExp(parts[1], parts[2]) : new RegExp(text);
}

async function fromQuery(view: View, variable: Variable): Promise<Choice[]> {
  const text = typeof variable.query === 'string' ? variable.query : variable.query.query;
  const target = { refId: variable.name, format: 'table', [/influx/.test(variable.datasource?.type ?? '') ? 'query' : 'rawSql']: text };
  const [frame] = await ask(view, target, variable.datasource, 15000);
  if (!frame?.fields.length) return [];
  const named = (name: string) => frame.fields.find((f) => f.name === name);
  const values = named('__value') ?? frame.fields.at(-1)!;
  const key = named('__value') ?? frame.fields.find((f) => f.type === 'string') ?? values;
  const texts = named('__text') ?? key;
  return Array.from({ length: frame.length }, (_, i) => ({ value: String(key.values[i]), text: String(texts.values[i]) }));
}

async function choices(view: View, variable: Variable, sources: DataSource[]): Promise<Choice[]> {
  const found = await (async () => {
    switch (variable.type) {
      case 'query': return fromQuery(view, variable);
      case 'datasource': return sources.filter((s) => s.type === variable.query).map((s) => ({ value: s.uid, text: s.name }));
      case 'custom': return String(variable.query).split(/(?<!\\),/).map((part) => {
        const [text, value] = part.trim().split(/\s+:\s+/);
        return { text, value: value ?? text };
      });
      case 'interval': return String(variable.query).split(',').map((v) => ({ value: v.trim(), text: v.trim() }));
      case 'textbox':
      case 'constant': return [{ value: String(variable.query ?? ''), text: String(variable.query ?? '') }];
    }
    throw new Error(`variable ${variable.name}: nothing is known of type ${variable.type}`);
  })();
  if (!variable.regex) return found;
  const wanted = pattern(interpolate(view, variable.regex));
  return found.flatMap((c) => {
    const match = wanted.exec(variable.type === 'datasource' ? c.text : c.value);
    return match ? [variable.type === 'datasource' ? c : { value: match[1] ?? match[0], text: match[1] ?? match[0] }] : [];
  });
}

function choose(variable: Variable, found: Choice[], asked: string[]): Value {
  const multi = !!variable.multi || !!variable.includeAll;
  let wanted = asked.length ? asked : list(variable.current?.value);
  if (variable.type === 'datasource') { // by uid or by name
    wanted = found.filter((c) => wanted.includes(c.value) || list(variable.current?.text).includes(c.text)).map((c) => c.value).slice(0, 1);
  }
  if (variable.includeAll && (wanted.includes('$__all') || !wanted.length)) {
    return { values: found.map((c) => c.value), texts: ['All'], all: variable.allValue || undefined, isAll: true, multi };
  }
  if (!wanted.length) wanted = found.slice(0, 1).map((c) => c.value);
  const text = (value: string) => found.find((c) => c.value === value)?.text ?? value;
  return { values: wanted, texts: wanted.map(text), isAll: false, multi };
}

export async function resolve(dashboard: Dashboard, view: View, sources: DataSource[], address: URLSearchParams): Promise<string[]> {
  const errors: string[] = [];
  for (const variable of dashboard.templating.list) {
    const asked = address.getAll(`var-${variable.name}`);
    const lookUp = asked.length === 0 || variable.hide !== 2;
    const found = lookUp ? await choices(view, variable, sources).catch((e) => (errors.push(`variable ${variable.name}: ${e.message}`), [])) : [];
    view.variables[variable.name] = choose(variable, found, asked);
  }
  return errors;
}
