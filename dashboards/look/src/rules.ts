// What a reader would stumble over, found in the page and in what its panels drew.
// Each rule gives findings; the test decides.
import { FieldType, getFieldSeriesColor } from '@grafana/data';
import type { Field, GrafanaTheme2 } from '@grafana/data';
import { isEmpty } from './fields';
import { brokenLinks } from './links';
import { errors, panels } from './record';
import type { Drawn } from './record';
import { clipped, covered, greenNothing, leftovers, overlapping } from './sight';
import type { Dashboard, View } from './model';

export interface Finding { rule: string; panel: string; text: string }
type Rule = (drawn: Drawn, element: HTMLElement, theme: GrafanaTheme2) => string[];

const perPanel: Record<string, Rule> = {
  error: ({ error }) => (error ? [error] : []),
  description: ({ panel }) => (panel.description ? [] : ['has no description']),
  text: (_drawn, element) => leftovers(element),
  clipped, covered, overlapping, green: greenNothing, colour: alike, outage: bridged, edge: edges,
};

// report runs all rules and sets window.look, for which the test waits.
export async function report(dashboard: Dashboard, view: View, theme: GrafanaTheme2) {
  await painted();
  const findings: Finding[] = errors.map((text) => ({ rule: 'error', panel: '', text }));
  findings.push(...leftovers(document.querySelector('[data-bar]')!).map((text) => ({ rule: 'text', panel: '', text })));
  for (const [id, drawn] of panels) {
    const element = document.querySelector<HTMLElement>(`[data-panel="${id}"]`)!;
    for (const [rule, find] of Object.entries(perPanel)) {
      findings.push(...find(drawn, element, theme).map((text) => ({ rule, panel: drawn.panel.title, text })));
    }
  }
  if (innerWidth > 768) findings.push(...await brokenLinks(view)); // a phone shows the same ones
  (window as any).look = { findings, overrides: overrides(), dashboard: dashboard.title };
}

// painted waits until all is laid out: fonts, and what components do after that.
async function painted() {
  await document.fonts.ready;
  for (let i = 0; i < 3; i++) await new Promise((next) => requestAnimationFrame(next));
}

// overrides tells of those of panels with data whether they are for any field.
function overrides(): Record<string, boolean> {
  const found: Record<string, boolean> = {};
  for (const { panel, frames, matched: of, error } of panels.values()) {
    if (error || isEmpty(frames)) continue;
    of?.forEach((matched, n) => {
      const { matcher } = panel.fieldConfig.overrides[n];
      const name = `${panel.title}: ${matcher.id} ${JSON.stringify(matcher.options)}`;
      found[name] = found[name] || matched;
    });
  }
  return found;
}

// lines are the times and the fields of a chart that draws lines.
function lines({ panel, aligned }: Drawn): { times: number[]; fields: Field[] } {
  if (panel.type !== 'timeseries' || !aligned) return { times: [], fields: [] };
  const [time, ...rest] = aligned.fields;
  return { times: time.values, fields: rest.filter((f) => f.type === FieldType.number && !f.config.custom?.hideFrom?.viz) };
}

// alike finds lines of one colour. Dashed ones may have that of the line they belong to.
function alike(drawn: Drawn, _element: HTMLElement, theme: GrafanaTheme2): string[] {
  const byColor = new Map<string, string[]>();
  for (const field of lines(drawn).fields.filter((f) => f.config.custom?.lineStyle?.fill !== 'dash')) {
    const { color } = getFieldSeriesColor(field, theme);
    byColor.set(color, [...byColor.get(color) ?? [], nameOf(field)]);
  }
  return [...byColor].filter(([, names]) => names.length > 1).map(([color, names]) => `${names.join(', ')} are all ${color}`);
}

const nameOf = (field: Field) => field.state?.displayName ?? field.name;

const address = new URLSearchParams(location.search);

// bridged finds lines that go on while nothing was reported. A step must be short
// enough to show it; other lines of the chart may have points between the steps.
function bridged(drawn: Drawn): string[] {
  const { times, fields } = lines(drawn), down = Number(address.get('down')), up = Number(address.get('up'));
  const steps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  const step = steps[Math.floor(steps.length / 2)];
  if (!down || times.length < 3 || 3 * step > up - down) return [];
  return fields.filter(({ config: { custom } }) => custom?.drawStyle === 'line').flatMap((field) => {
    const has = (test: (t: number) => boolean) => times.some((t, i) => test(t) && field.values[i] != null);
    if (!has((t) => t < down) || !has((t) => t > up)) return [];
    const gap = times.some((t, i) => t > down - step && t < up && field.values[i] == null);
    return gap && field.config.custom.spanNulls !== true ? [] : [`${nameOf(field)} is drawn across the outage`];
  });
}

// edges finds steps at the ends of a range of constant traffic that are not like the others.
function edges(drawn: Drawn): string[] {
  if (address.get('data') !== 'dead') return [];
  const rate = /^(bps|pps|Bps|suffix: ?\/s|suffix:\/s|cps|reqps)$/;
  return lines(drawn).fields.filter((f) => rate.test(f.config.unit ?? '')).flatMap((field) => {
    const values = (field.values as Array<number | null>).filter((v): v is number => v != null);
    const median = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const off = (v: number) => Math.abs(v - median) > 0.02 * Math.abs(median);
    const ends: Array<[string, number]> = values.length > 2 ? [['first', values[0]], ['last', values.at(-1)!]] : [];
    return ends.filter(([, v]) => off(v)).map(([end, v]) => `${nameOf(field)}: the ${end} step is ${v}, the others ${median}`);
  });
}
