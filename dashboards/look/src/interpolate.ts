// Replaces variables in texts as Grafana does: $name, ${name}, ${name:format},
// ${name.path:format} and [[name]].
import type { Value, View } from './model';

const use = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g;

const strict = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
const glob = (values: string[]) => (values.length > 1 ? `{${values.join(',')}}` : values[0] ?? '');

const formats: Record<string, (values: string[]) => string> = {
  raw: (values) => values.join(','),
  csv: (values) => values.join(','),
  pipe: (values) => values.join('|'),
  glob,
  json: (values) => JSON.stringify(values.length === 1 ? values[0] : values),
  sqlstring: (values) => values.map((v) => `'${v.replaceAll("'", "''")}'`).join(','),
  singlequote: (values) => values.map((v) => `'${v.replaceAll("'", "\\'")}'`).join(','),
  doublequote: (values) => values.map((v) => `"${v.replaceAll('"', '\\"')}"`).join(','),
  percentencode: (values) => strict(glob(values)),
  uriencode: (values) => encodeURI(glob(values)),
  regex: (values) => {
    const quoted = values.map((v) => v.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&'));
    return quoted.length === 1 ? quoted[0] : `(${quoted.join('|')})`;
  },
};

function format(name: string, value: Value, how: string): string {
  if (how === 'queryparam') {
    const chosen = value.isAll ? ['$__all'] : value.values;
    return chosen.map((v) => `var-${name}=${strict(v)}`).join('&');
  }
  if (how === 'text') return value.texts.join(' + ');
  if (value.isAll && value.all !== undefined) return value.all; // which Grafana never formats
  const formatted = formats[how];
  if (!formatted) throw new Error(`unknown format ${how} of ${name}`);
  return formatted(value.values);
}

// Scope is what a place in a dashboard adds: __interval in a query, the row and the
// field in a link.
export type Scope = Record<string, any>;

// path looks up name.path in a scope, as Grafana's own macros do.
function scoped(scope: Scope, name: string, path?: string): string | undefined {
  const context = scope.__dataContext?.value;
  const { field, frame, rowIndex } = context ?? {};
  if (name === '__field' && field) {
    if (!path || path === 'displayName' || path === 'name') return path === 'name' ? field.name : field.state?.displayName ?? field.name;
    const label = /^labels(?:\.(\w+)|\["(.+)"\])$/.exec(path);
    return label ? field.labels?.[label[1] ?? label[2]] ?? '' : undefined;
  }
  if (name === '__data' && frame && path) {
    const key = /^fields(?:\.(\w+)|\["(.+)"\]|\[(\d+)\])/.exec(path);
    if (!key) return undefined;
    const by = key[1] ?? key[2];
    const found = key[3] !== undefined ? frame.fields[Number(key[3])] : frame.fields.find((f: any) => f.name === by || f.state?.displayName === by);
    return found && rowIndex !== undefined ? String(found.values[rowIndex] ?? '') : undefined;
  }
  if (name === '__value' && field) {
    const value = rowIndex !== undefined ? field.values[rowIndex] : context.calculatedValue?.numeric;
    if (path === 'text' && field.display) return field.display(value).text;
    return String(value ?? '');
  }
  if (name === '__series') return frame?.name ?? '';
  const plain = scope[name];
  return plain === undefined ? undefined : String(plain.value ?? plain);
}

function builtIn(view: View, name: string): string | undefined {
  const seconds = Math.round((view.to - view.from) / 1000);
  switch (name) {
    case '__from': return String(view.from);
    case '__to': return String(view.to);
    case '__range_ms': return String(view.to - view.from);
    case '__range_s': return String(seconds);
    case '__range': return `${seconds}s`;
    case '__url_time_range': return `from=${view.from}&to=${view.to}`;
    case '__all_variables':
      return Object.entries(view.variables).map(([n, v]) => format(n, v, 'queryparam')).join('&');
  }
  return undefined;
}

export function interpolate(view: View, text: string, scope: Scope = {}, fallback = 'glob'): string {
  return text.replace(use, (whole, plain, square, squareFormat, name, path, how) => {
    const called = plain ?? square ?? name;
    const wanted = how ?? squareFormat ?? fallback;
    const value = called in view.variables ? view.variables[called] : undefined;
    if (value) return format(called, value, wanted);
    const made = builtIn(view, called);
    if (made !== undefined) return made;
    const found = scoped(scope, called, path);
    return found === undefined ? whole : how ? format(called, { values: [found], texts: [found], isAll: false, multi: false }, how) : found;
  });
}
